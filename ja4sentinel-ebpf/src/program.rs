//! The entry points, and the way from a packet to its verdict.

use aya_ebpf::bindings::{__sk_buff, TC_ACT_UNSPEC};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;
use aya_log_ebpf::debug;
use ja4sentinel_common::{Counter, Kind};

use crate::packet::Packet;
use crate::state::Flow;
use crate::usual::Way;
use crate::{event, flow, fragment, ip, link, maps, recent, syn, tcp, tunnel, usual};

/// For interfaces whose frames begin with an Ethernet header.
#[classifier]
pub(crate) fn ja4sentinel_eth(context: TcContext) -> i32 {
    classify::<{ usual::ETHERNET }>(context.skb.skb)
}

/// For interfaces whose frames begin with the IP header: tun, PPP, WireGuard, IP tunnels.
#[classifier]
pub(crate) fn ja4sentinel_raw(context: TcContext) -> i32 {
    classify::<{ usual::RAW }>(context.skb.skb)
}

/// Gives the packet its verdict and lets it go on: to the next filter, or the next TCX program
/// (there the same number is called TCX_NEXT).
#[inline(always)]
fn classify<const AT: i32>(skb: *mut __sk_buff) -> i32 {
    let Some(counters) = maps::COUNTERS.get_ptr_mut(0) else { return TC_ACT_UNSPEC };
    let (way, flow) = usual::judge::<AT>(skb, counters);
    if let Some(packet) = Packet::new(skb, counters, AT == usual::RAW) {
        packet.tally(Counter::Packets, 1);
        let mut verdict = judge(&packet, way, flow).unwrap_or_else(|reason| reason);
        if verdict == Counter::HandedUp {
            verdict = event::carry_out(&packet);
        }
        packet.tally(verdict, 1);
        if verdict.kind() == Kind::Lost {
            flow::lost(&packet);
            say(&packet, verdict);
        }
    }
    TC_ACT_UNSPEC
}

/// The verdict. Where it is `HandedUp`, the packet's order says what shall go into the ring.
#[inline(always)]
fn judge(packet: &Packet, way: Way, flow: *mut Flow) -> Result<Counter, Counter> {
    let view = packet.view();
    let flow = match way {
        Way::Read => flow,
        Way::Long => {
            read(packet)?;
            if view.fragmented != 0 {
                return Ok(fragment::judge(packet));
            }
            tcp::read(packet)?;
            if !maps::watched(view.tuple.ports) {
                return Err(Counter::OtherPort);
            }
            if view.payload_len == 0 && !view.opens() && !view.closes() {
                return Err(Counter::NoPayload);
            }
            flow::find(&view.tuple)
        }
    };
    if view.payload_len == 0 && !view.opens() {
        return Ok(flow::close(packet, flow));
    }
    if view.opens() {
        let judged = syn::judge(packet, flow);
        recent::forget(&view.tuple);
        judged?;
    }
    flow::judge(packet, flow)
}

/// Reads the headers down to TCP or a fragment of it, through the tunnels that are to be looked into.
#[inline(always)]
fn read(packet: &Packet) -> Result<(), Counter> {
    let (version, at) = link::network(packet)?;
    match ip::read(packet, version, at) {
        Err(Counter::NotTcp) => match maps::config().tunnel_depth {
            0 => Err(Counter::NotTcp),
            depth => tunnel::descend(packet, depth),
        },
        read => read,
    }
}

/// A message about a packet that was lost, if messages are wanted. Their ring drops what is too much,
/// and the agent's log writes no more than a few in a while.
#[inline(never)]
fn say(packet: &Packet, verdict: Counter) {
    if maps::config().messages != 0 {
        debug!(
            packet,
            "packet lost on interface {}, counter {}",
            packet.interface(),
            verdict as u32
        );
    }
}

/// The compiler asks for one; no path of the program leads here.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Every program states one; the kernel keeps none of the helpers that we call for the GPL alone.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 18] = *b"MIT OR Apache-2.0\0";
