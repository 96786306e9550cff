//! Loads and counts as instructions of their own: the compiler would make two loads of each, as a header
//! may lie at any even address, and would join the ways of IPv4 and IPv6 behind a place that is no
//! constant.

/// Loads an integer from a constant place behind the packet's start. The kernel refuses a program
/// that has not compared that place with the packet's end.
macro_rules! load {
    ($size:literal, $start:expr, $at:expr) => {{
        let value: u64;
        // SAFETY: reads no more than the kernel has found to be in the packet.
        unsafe {
            core::arch::asm!(
                concat!("{0} = *(", $size, " *)({1} + {2})"),
                out(reg) value, in(reg) $start, const $at,
                options(pure, readonly, nostack)
            );
        }
        value
    }};
}

/// Counts a packet, and this verdict on it.
macro_rules! count {
    ($counters:expr, $verdict:expr) => {{
        // SAFETY: the map's value is one `Counters`, to which only this CPU writes.
        unsafe {
            core::arch::asm!(
                "{1} = *(u64 *)({0} + {2})", "{1} += 1", "*(u64 *)({0} + {2}) = {1}",
                "{1} = *(u64 *)({0} + {3})", "{1} += 1", "*(u64 *)({0} + {3}) = {1}",
                in(reg) $counters, out(reg) _,
                const ja4sentinel_common::Counter::Packets as i32 * 8, const $verdict as i32 * 8,
                options(nostack)
            );
        }
        ($crate::usual::Way::Done, core::ptr::null_mut())
    }};
}

pub(crate) use {count, load};
