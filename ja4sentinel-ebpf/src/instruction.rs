//! Loads and counts as instructions of their own: the compiler would make two loads of each, as a header
//! may lie at any even address, and would join the ways of IPv4 and IPv6 behind a place that is no
//! constant. What CPUs tell each other has its own, too.

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

/// Loads 32 bits, where the IP header begins at `$ip`. A packet begins two bytes before an address that
/// is a multiple of four, so that what is behind an Ethernet header is aligned; what begins with the IP
/// header is not, and is refused by kernels whose processor minds.
macro_rules! word {
    ($ip:expr, $start:expr, $at:expr) => {
        match $ip {
            $crate::usual::ETHERNET => load!("u32", $start, $at) as u32,
            _ => (load!("u16", $start, $at) | load!("u16", $start, $at + 2) << 16) as u32,
        }
    };
}

/// Counts a packet, and this verdict on it, and ends the program at once: the packet goes on to the next
/// filter. Most packets end so, and are spared the way back through the callers.
macro_rules! end {
    ($counters:expr, $verdict:expr) => {{
        // SAFETY: the map's value is one `Counters`, to which only this CPU writes. Nothing is left undone:
        // the kernel takes back what the program has, and no value here has a destructor.
        unsafe {
            core::arch::asm!(
                "{1} = *(u64 *)({0} + {2})", "{1} += 1", "*(u64 *)({0} + {2}) = {1}",
                "{1} = *(u64 *)({0} + {3})", "{1} += 1", "*(u64 *)({0} + {3}) = {1}",
                "r0 = {4}", "exit",
                // The other one is for counting: what does not return has no outputs.
                in(reg) $counters, in(reg) 0_u64,
                const ja4sentinel_common::Counter::Packets as i32 * 8, const $verdict as i32 * 8,
                const aya_ebpf::bindings::TC_ACT_UNSPEC,
                options(noreturn)
            );
        }
    }};
}

/// A pointer to one of `$places` elements of a type, a power of two. `$number` is below that; but Linux 5.8
/// forgets so when the number was on the stack meanwhile, so it is said again right where it asks.
macro_rules! element {
    ($first:expr, $number:expr, $type:ty, $places:expr) => {{
        let mut place = $first;
        // SAFETY: computes with registers alone.
        unsafe {
            core::arch::asm!(
                "{1} &= {2}", "{1} *= {3}", "{0} += {1}",
                inout(reg) place, inout(reg) u64::from($number) => _,
                const $places as i32 - 1, const size_of::<$type>() as i32,
                options(pure, nomem, nostack)
            );
        }
        place
    }};
}

/// Adds one to a word that all CPUs share; without giving what it was, which kernels from 5.12 on know alone.
macro_rules! raise {
    ($word:expr) => {
        // SAFETY: the kernel has found that the word is there.
        unsafe {
            core::arch::asm!(
                "lock *(u64 *)({0} + 0) += {1}", in(reg) $word, in(reg) 1_u64, options(nostack)
            );
        }
    };
}

/// The same number, made to depend on another one.
macro_rules! after {
    ($number:expr, $other:expr) => {{
        let mut number = u64::from($number);
        // SAFETY: computes with registers alone.
        unsafe {
            core::arch::asm!(
                "{1} &= 0", "{0} |= {1}",
                inout(reg) number, inout(reg) $other => _, options(pure, nomem, nostack)
            );
        }
        number as u32
    }};
}

pub(crate) use {after, element, end, load, raise, word};
