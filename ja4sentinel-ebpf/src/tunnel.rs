//! Tunnels: what is inside a datagram that is not TCP. The agent's `wire::tunnel`, without forms
//! that only captures hold.

use ja4sentinel_common::Counter;

use crate::ip;
use crate::link::{self, IPV4, IPV6};
use crate::packet::Packet;

/// Tunnels that are unwrapped at most, whatever the agent asks for: a packet of a virtual machine in
/// an overlay network, mirrored to a collector, has three.
const MAX_DEPTH: u32 = 4;
/// Further headers of GTP-U that are followed; real packets have one or two.
const MAX_GTP_EXTENSIONS: u32 = 8;

/// EtherType of Ethernet itself, "Transparent Ethernet Bridging".
const ETHERNET: u32 = 0x6558;
/// UDP ports, from the IANA registry; and Linux's own for VXLAN, from before that.
const VXLAN: u16 = 4789;
const VXLAN_LINUX: u16 = 8472;
const GENEVE: u16 = 6081;
const GTP_U: u16 = 2152;

/// Goes through the tunnels around the packet, at most `depth`, down to TCP or a fragment of it. The
/// fragments of a tunnel itself are not put together.
#[inline(never)]
pub(crate) fn descend(packet: &Packet, depth: u32) -> Result<(), Counter> {
    let mut read = Err(Counter::NotTcp);
    for unwrapped in 0..MAX_DEPTH {
        if read != Err(Counter::NotTcp) || unwrapped >= depth || packet.view().fragmented != 0 {
            break;
        }
        open(packet)?;
        read = read_inner(packet);
    }
    read
}

/// Reads what the view has come to.
#[inline(never)]
fn read_inner(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    let end = view.end;
    let (version, at) = link::ether_payload(packet, view.kind as u16, view.at)?;
    let read = ip::read(packet, version, at);
    view.end = view.end.min(end);
    match read {
        Ok(()) | Err(Counter::NotTcp) if view.at > end => Err(Counter::IpRunt),
        read => read,
    }
}

/// Moves the view to what is inside a tunnel.
#[inline(never)]
fn open(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    match view.protocol {
        // RFC 2003, RFC 4213 and RFC 2473.
        ip::IPV4 => view.kind = IPV4.into(),
        ip::IPV6 => view.kind = IPV6.into(),
        ip::GRE => gre(packet)?,
        ip::UDP => udp(packet)?,
        _ => return Err(Counter::NotTcp),
    }
    if view.kind == ETHERNET {
        let kind = packet.load(view.at + 12).map(u16::from_be).ok_or(Counter::LinkRunt)?;
        view.kind = kind.into();
        view.at += 14;
        if view.at > view.end {
            return Err(Counter::LinkRunt);
        }
    }
    Ok(())
}

/// GRE: RFC 2784 with the key and sequence number of RFC 2890; ERSPAN of types I and II
/// (draft-foschiano-erspan).
#[inline(always)]
fn gre(packet: &Packet) -> Result<(), Counter> {
    const ERSPAN: u16 = 0x88be;
    const SEQUENCE: u16 = 0x1000;
    let view = packet.view();
    let [flags, kind] = packet.load::<[u16; 2]>(view.at).ok_or(Counter::TunnelHeader)?;
    let (flags, kind) = (u16::from_be(flags), u16::from_be(kind));
    // Routing, or another version.
    if flags & 0x4007 != 0 {
        return Err(Counter::NotTcp);
    }
    let fields = (flags >> 15) + (flags >> 13 & 1) + (flags >> 12 & 1);
    view.at += 4 + u32::from(fields) * 4;
    view.kind = kind.into();
    if kind == ERSPAN {
        view.at += if flags & SEQUENCE != 0 { 8 } else { 0 };
        view.kind = ETHERNET;
    }
    if view.at > view.end { Err(Counter::TunnelHeader) } else { Ok(()) }
}

/// Tunnels in UDP. Bytes with the port of one that do not look like it are some other protocol.
#[inline(always)]
fn udp(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    let header = packet.load::<[u16; 3]>(view.at).ok_or(Counter::NotTcp)?;
    let [source, destination, len] = header.map(u16::from_be);
    // A shorter one is segmentation offload, or a jumbogram.
    if len >= 8 {
        view.end = view.end.min(view.at + u32::from(len));
    }
    view.at += 8;
    match (source, destination) {
        (_, VXLAN | VXLAN_LINUX) => vxlan(packet)?,
        (_, GENEVE) => geneve(packet)?,
        (GTP_U, _) | (_, GTP_U) => gtp(packet)?,
        _ => return Err(Counter::NotTcp),
    }
    if view.at > view.end { Err(Counter::NotTcp) } else { Ok(()) }
}

/// RFC 7348, section 5: a flag says that the identifier is there.
#[inline(always)]
fn vxlan(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    let flags = packet.load::<u8>(view.at).ok_or(Counter::NotTcp)?;
    view.at += 8;
    view.kind = ETHERNET;
    if flags & 8 != 0 { Ok(()) } else { Err(Counter::NotTcp) }
}

/// RFC 8926, section 3.
#[inline(always)]
fn geneve(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    let [first, kind] = packet.load::<[u16; 2]>(view.at).ok_or(Counter::NotTcp)?;
    let [version_length, _] = first.to_ne_bytes();
    view.at += 8 + u32::from(version_length & 0x3f) * 4;
    view.kind = u16::from_be(kind).into();
    if version_length >> 6 == 0 { Ok(()) } else { Err(Counter::NotTcp) }
}

/// GTP-U version 1, user data alone: 3GPP TS 29.281, section 5.
#[inline(always)]
fn gtp(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    let [first, len] = packet.load::<[u16; 2]>(view.at).ok_or(Counter::NotTcp)?;
    let [flags, message] = first.to_ne_bytes();
    // Version 1, and GTP rather than GTP'.
    if flags >> 4 != 3 || message != 0xff {
        return Err(Counter::NotTcp);
    }
    view.at += 8;
    view.end = view.end.min(view.at + u32::from(u16::from_be(len)));
    if flags & 7 != 0 {
        let next = packet.load::<u8>(view.at + 3).ok_or(Counter::NotTcp)?;
        let mut next = if flags & 4 != 0 { next } else { 0 };
        view.at += 4;
        for _ in 0..MAX_GTP_EXTENSIONS {
            if next == 0 {
                break;
            }
            match packet.load::<u8>(view.at) {
                None | Some(0) => return Err(Counter::NotTcp),
                Some(units) => view.at += u32::from(units) * 4,
            }
            next = packet.load::<u8>(view.at - 1).ok_or(Counter::NotTcp)?;
        }
        if next != 0 {
            return Err(Counter::NotTcp);
        }
    }
    view.kind = match packet.load::<u8>(view.at).ok_or(Counter::IpRunt)? >> 4 {
        4 => IPV4.into(),
        6 => IPV6.into(),
        _ => return Err(Counter::IpVersion),
    };
    Ok(())
}
