//! One packet under judgement: its bytes, and this CPU's counters and scratch space.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::bpf_skb_load_bytes;
use ja4sentinel_common::{Counter, Counters};

use crate::maps::{SCRATCH, Scratch};
use crate::view::View;

/// What every part of the judgement needs.
pub(crate) struct Packet {
    skb: *mut __sk_buff,
    /// The first of them. (Of two pointers to structures the compiler orders the types by chance.)
    counters: *mut u64,
    scratch: *mut Scratch,
    /// Whether the bytes begin with the IP header.
    pub(crate) raw: bool,
}

impl EbpfContext for Packet {
    fn as_ptr(&self) -> *mut c_void {
        self.skb.cast()
    }
}

impl Packet {
    /// `None` never happens: an array has its one entry. But the verifier does not know.
    #[inline(always)]
    pub(crate) fn new(skb: *mut __sk_buff, counters: *mut Counters, raw: bool) -> Option<Self> {
        let scratch = SCRATCH.get_ptr_mut(0)?;
        let packet = Self { skb, counters: counters.cast(), scratch, raw };
        let order = &mut packet.scratch().order;
        order.first = 0;
        order.syn = 0;
        Some(packet)
    }

    /// Adds to a counter. Its number is forgotten; without CAP_PERFMON the verifier also wants to see the
    /// same bounds each time that something is added to a pointer.
    #[inline(always)]
    pub(crate) fn tally(&self, counter: Counter, amount: u64) {
        let at = self.forget(counter as u32) as usize;
        if at < Counter::ALL.len() {
            // SAFETY: the map's value is one `Counters`, which has a place for each counter, and only
            // this CPU writes to it.
            unsafe {
                let place = self.counters.add(at);
                *place = (*place).wrapping_add(amount);
            }
        }
    }

    /// The same number, of which the verifier knows nothing any more, as it takes its way over memory. Else
    /// the verifier goes through what follows once for each number that it may be.
    #[inline(always)]
    pub(crate) fn forget(&self, number: u32) -> u32 {
        let place = &raw mut self.view().number;
        // SAFETY: `view` says why nobody else writes there.
        unsafe {
            place.write_volatile(number);
            place.read_volatile()
        }
    }

    /// This CPU's scratch space. No other program runs on it meanwhile: the kernel runs classifiers
    /// with bottom halves disabled.
    #[inline(always)]
    pub(crate) fn scratch(&self) -> &mut Scratch {
        // SAFETY: see above; the only entry of a per-CPU array lives as long as the program. No
        // caller keeps one while another takes it to write to the same field.
        unsafe { &mut *self.scratch }
    }

    /// What was read of the packet so far.
    #[inline(always)]
    pub(crate) fn view(&self) -> &mut View {
        &mut self.scratch().view
    }

    /// Length of the frame, bytes.
    #[inline(always)]
    pub(crate) fn len(&self) -> u32 {
        // SAFETY: the kernel gave us this context.
        unsafe { (*self.skb).len }
    }

    /// Index of the interface.
    #[inline(always)]
    pub(crate) fn interface(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.skb).ifindex }
    }

    /// Whether it stands for several segments, of the same length but the last.
    #[inline(always)]
    pub(crate) fn is_joined(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.skb).gso_size != 0 }
    }

    /// Tag control information of a VLAN tag that the kernel keeps beside the bytes.
    #[inline(always)]
    pub(crate) fn tag(&self) -> Option<u16> {
        // SAFETY: as above.
        unsafe { ((*self.skb).vlan_present != 0).then_some((*self.skb).vlan_tci as u16) }
    }

    /// A value of plain integers from the frame's bytes at `at`. `None` when the frame is shorter.
    ///
    /// The linear part of a packet may end anywhere, so bytes are had by this helper.
    #[inline(always)]
    pub(crate) fn load<T: Plain>(&self, at: u32) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the helper writes exactly this many bytes to the place, or says that it failed.
        unsafe {
            let (to, len) = (value.as_mut_ptr().cast(), size_of::<T>() as u32);
            let failed = bpf_skb_load_bytes(self.skb.cast(), at, to, len);
            (failed == 0).then(|| value.assume_init())
        }
    }

    /// The same, in half the time when `at` is the usual place, and what is there lies in the linear
    /// part. (Reading there at a place that is no constant would take CAP_PERFMON.)
    #[inline(always)]
    pub(crate) fn load_usual<T: Plain, const USUAL: u32>(&self, at: u32) -> Option<T> {
        if at == USUAL {
            // SAFETY: as above.
            let (start, end) =
                unsafe { ((*self.skb).data as usize, (*self.skb).data_end as usize) };
            let from = start + USUAL as usize;
            if from + size_of::<T>() <= end {
                // SAFETY: as many bytes are there.
                return Some(unsafe { (*(from as *const Even<T>)).0 });
            }
        }
        self.load(at)
    }

    /// Copies `len` bytes of the frame, at least one and at most `MOST`, a power of two. Gives the
    /// number copied.
    ///
    /// The kernel up to 6.1 refuses a length that it cannot see to be positive, and the compiler
    /// removes a test that it finds superfluous. So the length is hidden from the compiler, and
    /// then bounded by arithmetic that the kernel can follow.
    ///
    /// # Safety
    /// `to` has room for `MOST` bytes.
    #[inline(always)]
    pub(crate) unsafe fn copy<const MOST: u32>(
        &self,
        at: u32,
        len: u32,
        to: *mut u8,
    ) -> Option<u32> {
        const { assert!(MOST.is_power_of_two()) };
        let len = (opaque(len.wrapping_sub(1)) & (MOST - 1)) + 1;
        // SAFETY: the caller has room, and `len` is at most `MOST`.
        let failed = unsafe { bpf_skb_load_bytes(self.skb.cast(), at, to.cast(), len) };
        (failed == 0).then_some(len)
    }
}

/// The same number, of which the compiler knows nothing any more. An instruction that does nothing
/// rather than none at all: the kernel wants one for each source line that the object mentions.
#[inline(always)]
fn opaque(number: u32) -> u32 {
    let mut number = u64::from(number);
    // SAFETY: moves a register to itself.
    unsafe { core::arch::asm!("{0} = {0}", inout(reg) number, options(pure, nomem, nostack)) };
    number as u32
}

/// A value at an even address, as all headers are: that of the packet is, and each header is an even
/// number of bytes long.
#[repr(C, packed(2))]
struct Even<T: Plain>(T);

/// Integers, and arrays of them.
///
/// # Safety
/// Every bit pattern is a value.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: integers.
unsafe impl Plain for u8 {}
// SAFETY: integers.
unsafe impl Plain for u16 {}
// SAFETY: integers.
unsafe impl Plain for u32 {}
// SAFETY: arrays of such.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}
