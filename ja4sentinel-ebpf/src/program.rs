//! The entry points, and the way from a packet to its verdict.

use aya_ebpf::bindings::{__sk_buff, TC_ACT_UNSPEC};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;
use aya_log_ebpf::debug;
use ja4sentinel_common::Counter;

use crate::packet::Packet;
use crate::{event, flow, fragment, ip, link, maps, syn, tcp};

/// For interfaces whose frames begin with an Ethernet header.
#[classifier]
pub(crate) fn ja4sentinel_eth(context: TcContext) -> i32 {
    classify(context.skb.skb, false)
}

/// For interfaces whose frames begin with the IP header: tun, PPP, WireGuard, IP tunnels.
#[classifier]
pub(crate) fn ja4sentinel_raw(context: TcContext) -> i32 {
    classify(context.skb.skb, true)
}

/// Gives the packet its verdict and lets it go on: to the next filter, or the next TCX program
/// (there the same number is called TCX_NEXT).
#[inline(always)]
fn classify(skb: *mut __sk_buff, raw: bool) -> i32 {
    if let Some(packet) = Packet::new(skb, raw) {
        packet.tally(Counter::Packets, 1);
        let mut verdict = judge(&packet).unwrap_or_else(|reason| reason);
        if verdict == Counter::HandedUp {
            verdict = event::carry_out(&packet);
            if verdict != Counter::HandedUp {
                flow::lost(&packet);
            }
        }
        packet.tally(verdict, 1);
        if matches!(verdict, Counter::TableFull | Counter::Unreadable) {
            say(&packet, verdict);
        }
    }
    TC_ACT_UNSPEC
}

/// The verdict. Where it is `HandedUp`, the packet's order says what shall go into the ring.
#[inline(always)]
fn judge(packet: &Packet) -> Result<Counter, Counter> {
    let (version, at) = link::network(packet)?;
    ip::read(packet, version, at)?;
    let view = packet.view();
    if view.fragmented != 0 {
        return Ok(fragment::judge(packet));
    }
    tcp::read(packet)?;
    if !maps::watched(view.tuple.ports) {
        return Err(Counter::OtherPort);
    }
    if view.opens() {
        syn::judge(packet)?;
    }
    if view.payload_len != 0 {
        flow::judge(packet)
    } else if view.closes() {
        Ok(flow::close(packet))
    } else {
        Err(Counter::NoPayload)
    }
}

/// A message, if they are wanted, for verdicts that should never come about.
#[inline(never)]
fn say(packet: &Packet, verdict: Counter) {
    if maps::config().messages != 0 {
        debug!(packet, "verdict {} on interface {}", verdict as u32, packet.interface());
    }
}

/// The compiler asks for one; no path of the program leads here.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel gives some of the helpers that we call to programs under the GPL alone.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"MIT/Apache-2\0";
