//! Interfaces made, and filters listed, by rtnetlink(7): the machines have no iproute2.

use std::io;
use std::net::IpAddr;

use ja4sentinel::capture::netlink;
use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoIpTunnel, InfoKind, InfoVeth, InfoVlan, LinkAttribute, LinkInfo, LinkMessage,
};
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;

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

/// Makes an end of a tunnel that carries IPv4 in IPv4.
pub(crate) fn ipip(name: &str, local: IpAddr, remote: IpAddr) -> io::Result<()> {
    let ends = vec![InfoIpTunnel::Local(local), InfoIpTunnel::Remote(remote)];
    create(name, Vec::new(), InfoKind::IpIp, InfoData::IpTunnel(ends))
}

/// Makes an interface of WireGuard's.
pub(crate) fn wireguard(name: &str) -> io::Result<()> {
    create(name, Vec::new(), InfoKind::Wireguard, InfoData::Wireguard(Vec::new()))
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

/// Names of the filters of an interface's clsact qdisc.
pub(crate) fn ingress_filters(interface: &str) -> io::Result<Vec<String>> {
    let filters = netlink::filters(index(interface)?, TcHandle::MIN_INGRESS)?;
    Ok(filters.into_iter().map(|filter| filter.name).collect())
}

/// Kinds of the qdiscs of an interface.
pub(crate) fn qdiscs(interface: &str) -> io::Result<Vec<String>> {
    let index = index(interface)?.cast_signed();
    let request = TcMessage::with_index(index);
    let answers = netlink::exchange(
        NETLINK_ROUTE,
        RouteNetlinkMessage::GetQueueDiscipline(request),
        NLM_F_DUMP,
    )?;
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
    netlink::exchange(NETLINK_ROUTE, request, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL).map(drop)
}
