//! What the kernel says by netlink(7): about interfaces and their filters, which needs no privilege.

use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage, LinkXdp};
use netlink_packet_route::tc::{TcAttribute, TcFilterBpfOption, TcHandle, TcMessage, TcOption};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// The kernel fills no larger buffer with an answer.
const BUFFER: usize = 64 * 1024;
/// Each message of an answer begins at a multiple of this.
const ALIGNMENT: usize = 4;

/// An interface.
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) up: bool,
    /// Packets received since it was made.
    pub(crate) received: u64,
    /// Identifiers of the XDP programs on it.
    pub(crate) xdp: Vec<u32>,
}

/// All interfaces.
///
/// # Errors
/// Those of the system.
pub(crate) fn links() -> io::Result<Vec<Link>> {
    let answers = dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    let links = answers.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewLink(link) => Some(Link {
            index: link.header.index,
            up: link.header.flags.contains(LinkFlags::Up),
            received: received(&link),
            xdp: link.attributes.iter().flat_map(xdp).collect(),
        }),
        _ => None,
    });
    Ok(links.collect())
}

fn received(link: &LinkMessage) -> u64 {
    let counts = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Stats64(counts) => Some(counts.rx_packets),
        _ => None,
    });
    counts.unwrap_or_default()
}

fn xdp(attribute: &LinkAttribute) -> Vec<u32> {
    let LinkAttribute::Xdp(parts) = attribute else { return Vec::new() };
    let ids = parts.iter().filter_map(|part| match part {
        LinkXdp::ProgId(id) => Some(*id),
        _ => None,
    });
    ids.filter(|id| *id != 0).collect()
}

/// A filter of the clsact or ingress qdisc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The name of the program for those of eBPF, the kind for others.
    pub name: String,
    /// Those with a lower one come first.
    pub priority: u16,
    /// Tells those of one priority apart.
    pub handle: u32,
}

/// The filters of one way through an interface, which `parent` names: the lower half of the handle
/// of clsact's class. They come in the order in which they have a packet.
///
/// # Errors
/// Those of the system.
pub fn filters(interface: u32, parent: u16) -> io::Result<Vec<Filter>> {
    let mut request = TcMessage::with_index(interface.cast_signed());
    request.header.parent = TcHandle { major: TcHandle::CLSACT.major, minor: parent };
    let answers = dump(RouteNetlinkMessage::GetTrafficFilter(request))?;
    let filters = answers.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewTrafficFilter(filter) => Some(filter),
        _ => None,
    });
    // Each is announced by a line for its whole priority as well, which has no handle.
    let filters = filters.filter(|filter| filter.header.handle != TcHandle::UNSPEC);
    let filters = filters.map(|filter| Filter {
        name: name(&filter),
        priority: u16::try_from(filter.header.info >> 16).unwrap_or_default(),
        handle: filter.header.handle.into(),
    });
    Ok(filters.collect())
}

fn name(filter: &TcMessage) -> String {
    let mut kind = "of unknown kind";
    for attribute in &filter.attributes {
        match attribute {
            TcAttribute::Kind(text) => kind = text,
            TcAttribute::Options(options) => {
                for option in options {
                    if let TcOption::Bpf(TcFilterBpfOption::ProgName(name)) = option {
                        return name.clone();
                    }
                }
            }
            _ => {}
        }
    }
    kind.to_owned()
}

fn dump(request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
    exchange(NETLINK_ROUTE, request, NLM_F_DUMP)
}

/// Sends a request to the part of the kernel that speaks this protocol, and gives everything that it has
/// to say in answer. The flags must ask for an end: that of a dump, or an acknowledgement.
///
/// # Errors
/// Those of the system, and the kernel's own answer where it refuses.
pub fn exchange<T>(protocol: isize, request: T, flags: u16) -> io::Result<Vec<T>>
where
    T: NetlinkSerializable + NetlinkDeserializable + Into<NetlinkPayload<T>>,
{
    let mut socket = Socket::new(protocol)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut message = NetlinkMessage::new(header, request.into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let mut answers = Vec::new();
    loop {
        let mut bytes = Vec::with_capacity(BUFFER);
        socket.recv(&mut bytes, 0)?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let message = NetlinkMessage::<T>::deserialize(rest).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(answers),
                // Without a number it is the acknowledgement.
                NetlinkPayload::Error(error) if error.code.is_none() => return Ok(answers),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                _ => {}
            }
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            let next = length.max(1).checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX);
            rest = rest.get(next..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_there_and_up() {
        let index = crate::capture::interfaces()
            .unwrap()
            .into_iter()
            .find(|interface| &*interface.name == "lo")
            .unwrap()
            .index;
        assert!(links().unwrap().iter().any(|link| link.index == index));
        // Whatever it has, the kernel's words are understood.
        filters(index, TcHandle::MIN_INGRESS).unwrap();
    }
}
