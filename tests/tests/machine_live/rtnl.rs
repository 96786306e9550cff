//! Interfaces made, and filters listed, by rtnetlink(7): the machines have no iproute2.

use std::io;
use std::net::IpAddr;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, InfoVlan, LinkAttribute, LinkInfo, LinkMessage,
};
use netlink_packet_route::tc::{TcAttribute, TcFilterBpfOption, TcHandle, TcMessage, TcOption};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// The kernel fills no larger buffer with an answer.
const BUFFER: usize = 64 * 1024;

/// Makes a veth pair: one end here, the other in the namespace of this descriptor.
pub(crate) fn veth(here: &str, there: &str, namespace: i32) -> io::Result<()> {
    let mut peer = LinkMessage::default();
    peer.attributes.push(LinkAttribute::IfName(there.to_owned()));
    peer.attributes.push(LinkAttribute::NetNsFd(namespace));
    create(here, Vec::new(), InfoKind::Veth, InfoData::Veth(InfoVeth::Peer(peer)))
}

/// Makes an interface for one VLAN of another interface.
pub(crate) fn vlan(name: &str, parent: &str, id: u16) -> io::Result<()> {
    let parent = vec![LinkAttribute::Link(index(parent)?)];
    create(name, parent, InfoKind::Vlan, InfoData::Vlan(vec![InfoVlan::Id(id)]))
}

fn create(
    name: &str,
    attributes: Vec<LinkAttribute>,
    kind: InfoKind,
    data: InfoData,
) -> io::Result<()> {
    let mut link = LinkMessage::default();
    link.attributes = attributes;
    link.attributes.push(LinkAttribute::IfName(name.to_owned()));
    link.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind), LinkInfo::Data(data)]));
    order(RouteNetlinkMessage::NewLink(link))
}

/// Gives an interface an address that it may use at once.
pub(crate) fn address(interface: &str, address: IpAddr) -> io::Result<()> {
    let mut message = AddressMessage::default();
    (message.header.family, message.header.prefix_len) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, 24),
        IpAddr::V6(_) => (AddressFamily::Inet6, 64),
    };
    message.header.flags = AddressHeaderFlags::Nodad;
    message.header.index = index(interface)?;
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    order(RouteNetlinkMessage::NewAddress(message))
}

/// Names of the eBPF filters of an interface's clsact qdisc.
pub(crate) fn ingress_filters(interface: &str) -> io::Result<Vec<String>> {
    let mut request = TcMessage::with_index(index(interface)?.cast_signed());
    request.header.parent =
        TcHandle { major: TcHandle::CLSACT.major, minor: TcHandle::MIN_INGRESS };
    let answers = exchange(RouteNetlinkMessage::GetTrafficFilter(request), NLM_F_DUMP)?;
    Ok(answers.iter().filter_map(program_name).collect())
}

fn program_name(answer: &RouteNetlinkMessage) -> Option<String> {
    let RouteNetlinkMessage::NewTrafficFilter(filter) = answer else { return None };
    filter.attributes.iter().find_map(|attribute| {
        let TcAttribute::Options(options) = attribute else { return None };
        options.iter().find_map(|option| match option {
            TcOption::Bpf(TcFilterBpfOption::ProgName(name)) => Some(name.clone()),
            _ => None,
        })
    })
}

/// Kinds of the qdiscs of an interface.
pub(crate) fn qdiscs(interface: &str) -> io::Result<Vec<String>> {
    let index = index(interface)?.cast_signed();
    let request = TcMessage::with_index(index);
    let answers = exchange(RouteNetlinkMessage::GetQueueDiscipline(request), NLM_F_DUMP)?;
    let kind = |answer: &RouteNetlinkMessage| match answer {
        RouteNetlinkMessage::NewQueueDiscipline(qdisc) if qdisc.header.index == index => {
            qdisc.attributes.iter().find_map(|attribute| match attribute {
                TcAttribute::Kind(kind) => Some(kind.clone()),
                _ => None,
            })
        }
        _ => None,
    };
    Ok(answers.iter().filter_map(kind).collect())
}

fn index(interface: &str) -> io::Result<u32> {
    let all = ja4sentinel::capture::interfaces()?;
    let found = all.iter().find(|one| &*one.name == interface);
    found.map(|one| one.index).ok_or_else(|| io::Error::other(format!("no {interface}")))
}

/// Asks for something to be made.
fn order(request: RouteNetlinkMessage) -> io::Result<()> {
    exchange(request, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL).map(drop)
}

/// Sends a request, and gives what the kernel answers up to its end.
fn exchange(request: RouteNetlinkMessage, flags: u16) -> io::Result<Vec<RouteNetlinkMessage>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
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
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(answers),
                // Without a number it is the acknowledgement.
                NetlinkPayload::Error(error) if error.code.is_none() => return Ok(answers),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                _ => {}
            }
            let length = usize::try_from(message.header.length).unwrap();
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}
