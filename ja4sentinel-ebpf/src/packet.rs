//! One packet under judgement: its bytes, what was read of them, and this CPU's counters.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::bpf_skb_load_bytes;
use ja4sentinel_common::{Counter, Counters, Tuple};

use crate::maps::{COUNTERS, SCRATCH, Scratch};

/// What every part of the judgement needs.
pub(crate) struct Packet {
    skb: *mut __sk_buff,
    counters: *mut Counters,
    scratch: *mut Scratch,
    /// Whether the bytes begin with the IP header.
    pub(crate) raw: bool,
}

/// What was read of the packet. It lies in the scratch space rather than on the stack, which is
/// small, and so that the verifier forgets how each number came about: that keeps the paths through
/// the headers from multiplying with those behind them.
#[repr(C)]
pub(crate) struct View {
    /// The connection; of a fragment the addresses alone, at first.
    pub(crate) tuple: Tuple,
    /// Where in the frame the IP payload begins, behind all extension headers.
    pub(crate) at: u32,
    /// Where it ends: padding left out, and never beyond the frame.
    pub(crate) end: u32,
    /// What the IP payload is.
    pub(crate) protocol: u32,
    /// Whether the datagram is a fragment: 0 or 1. The next two count only then.
    pub(crate) fragmented: u32,
    /// Identification of the whole datagram, as it lies in the frame.
    pub(crate) id: u32,
    /// Offset of this fragment in the datagram's payload, bytes.
    pub(crate) offset: u32,
    /// TCP sequence number, as in the header.
    pub(crate) sequence: u32,
    /// TCP acknowledgement number.
    pub(crate) acknowledgement: u32,
    /// TCP flags.
    pub(crate) flags: u32,
    /// Where in the frame the TCP payload begins: the length of all headers.
    pub(crate) payload_at: u32,
    /// TCP payload bytes in the frame.
    pub(crate) payload_len: u32,
    /// How many of `prefix` count.
    pub(crate) prefix_len: u32,
    /// The first bytes of the payload.
    pub(crate) prefix: [u8; PREFIX],
}

/// Payload bytes that are looked at: a change_cipher_spec record and the start of a ClientHello
/// behind it.
pub(crate) const PREFIX: usize = 16;

impl EbpfContext for Packet {
    fn as_ptr(&self) -> *mut c_void {
        self.skb.cast()
    }
}

impl Packet {
    /// `None` never happens: an array has its one entry. But the verifier does not know.
    #[inline(always)]
    pub(crate) fn new(skb: *mut __sk_buff, raw: bool) -> Option<Self> {
        let (counters, scratch) = (COUNTERS.get_ptr_mut(0)?, SCRATCH.get_ptr_mut(0)?);
        Some(Self { skb, counters, scratch, raw })
    }

    /// Adds to a counter.
    #[inline(always)]
    pub(crate) fn tally(&self, counter: Counter, amount: u64) {
        // SAFETY: the map's value is one `Counters`, which has a place for each counter, and only
        // this CPU writes to it.
        unsafe {
            let place = self.counters.cast::<u64>().add(counter as usize);
            *place = (*place).wrapping_add(amount);
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

    /// Tag control information of a VLAN tag that the kernel keeps beside the bytes.
    #[inline(always)]
    pub(crate) fn tag(&self) -> Option<u16> {
        // SAFETY: as above.
        unsafe { ((*self.skb).vlan_present != 0).then_some((*self.skb).vlan_tci as u16) }
    }

    /// A value of plain integers from the frame's bytes at `at`. `None` when the frame is shorter.
    ///
    /// The linear part of a packet may end anywhere, so bytes are always had by this helper.
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

    /// The same, straight to where it shall be.
    #[inline(always)]
    pub(crate) fn load_to<T: Plain>(&self, at: u32, to: &mut T) -> Option<()> {
        let to = core::ptr::from_mut(to).cast();
        // SAFETY: the helper writes exactly this many bytes to the place.
        let failed = unsafe { bpf_skb_load_bytes(self.skb.cast(), at, to, size_of::<T>() as u32) };
        (failed == 0).then_some(())
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
