//! One packet under judgement, and this CPU's counters.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::bpf_skb_load_bytes;
use ja4sentinel_common::{Counter, Counters};

use crate::maps::COUNTERS;

/// What every part of the judgement needs.
pub(crate) struct Packet {
    skb: *mut __sk_buff,
    counters: *mut Counters,
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
    pub(crate) fn new(skb: *mut __sk_buff, raw: bool) -> Option<Self> {
        Some(Self { skb, counters: COUNTERS.get_ptr_mut(0)?, raw })
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

    /// `N` words of the frame from byte `at` on, as they lie there. `None` when it is shorter.
    ///
    /// The linear part of a packet may end anywhere, so bytes are always had by this helper.
    #[inline(always)]
    pub(crate) fn words<const N: usize>(&self, at: u32) -> Option<[u32; N]> {
        let mut words = MaybeUninit::<[u32; N]>::uninit();
        // SAFETY: the helper writes exactly this many bytes to the place, or says that it failed.
        unsafe {
            let failed =
                bpf_skb_load_bytes(self.skb.cast(), at, words.as_mut_ptr().cast(), 4 * N as u32);
            (failed == 0).then(|| words.assume_init())
        }
    }

    /// Two bytes of the frame, as a number in network byte order.
    #[inline(always)]
    pub(crate) fn half(&self, at: u32) -> Option<u16> {
        let mut half = MaybeUninit::<u16>::uninit();
        // SAFETY: as above.
        unsafe {
            let failed = bpf_skb_load_bytes(self.skb.cast(), at, half.as_mut_ptr().cast(), 2);
            (failed == 0).then(|| u16::from_be(half.assume_init()))
        }
    }

    /// One byte of the frame.
    #[inline(always)]
    pub(crate) fn byte(&self, at: u32) -> Option<u8> {
        let mut byte = MaybeUninit::<u8>::uninit();
        // SAFETY: as above.
        unsafe {
            let failed = bpf_skb_load_bytes(self.skb.cast(), at, byte.as_mut_ptr().cast(), 1);
            (failed == 0).then(|| byte.assume_init())
        }
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

/// The same number, of which the compiler knows nothing any more.
#[inline(always)]
pub(crate) fn opaque(mut number: u32) -> u32 {
    // SAFETY: no instruction at all.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) number, options(pure, nomem, nostack)) };
    number
}
