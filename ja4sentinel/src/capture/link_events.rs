//! Word of interfaces that come, go, or change, and of filters that are taken from them, as soon as
//! the kernel has it: rtnetlink(7).

use std::io;

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Interface;

/// RTNLGRP_LINK and RTNLGRP_TC of linux/rtnetlink.h.
const GROUPS: [u32; 2] = [1, 4];
/// No message of the kernel is longer.
const BUFFER: usize = 64 * 1024;
/// Messages read at one time, so that a storm of them does not keep the reader from its work.
const MOST: usize = 256;

/// What became of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// It is new, has another name, or another state.
    Changed(Interface),
    /// There is no interface of this index any more, at least not in this network namespace.
    Gone(u32),
    /// A filter or a qdisc was taken from the interface of this index, maybe one of ours.
    Stripped(u32),
    /// More came to pass than the kernel could keep for us, or than we understand.
    Missed,
}

/// The kernel's messages about interfaces of this network namespace.
#[derive(Debug)]
pub struct LinkEvents {
    socket: AsyncFd<Socket>,
}

impl LinkEvents {
    /// Listens from now on. Needs a tokio runtime, and no privilege.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        // SAFETY: the descriptor is open, and stays so as the `AsyncFd` owns it.
        Ok(Self { socket: unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }? })
    }

    /// Waits for the next events, in their order; a state that did not concern us may come along.
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// The socket cannot be waited for.
    pub async fn next(&self) -> io::Result<Vec<LinkEvent>> {
        loop {
            let mut ready = self.socket.readable().await?;
            let mut events = Vec::new();
            let mut bytes = Vec::with_capacity(BUFFER);
            for _ in 0..MOST {
                bytes.clear();
                match ready.get_inner().recv(&mut bytes, 0) {
                    Ok(_) => read(&bytes, &mut events),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ready.clear_ready();
                        break;
                    }
                    Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                        events.push(LinkEvent::Missed);
                    }
                    Err(error) => return Err(error),
                }
            }
            events.dedup();
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }
}

/// Takes the messages of one datagram apart.
fn read(mut bytes: &[u8], events: &mut Vec<LinkEvent>) {
    while !bytes.is_empty() {
        let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes) else {
            return events.push(LinkEvent::Missed);
        };
        events.extend(match message.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => changed(&link),
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link)) => {
                is_interface(&link).then_some(LinkEvent::Gone(link.header.index))
            }
            NetlinkPayload::InnerMessage(
                RouteNetlinkMessage::DelTrafficFilter(taken)
                | RouteNetlinkMessage::DelQueueDiscipline(taken),
            ) => Some(LinkEvent::Stripped(taken.header.index.cast_unsigned())),
            _ => None,
        });
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
        bytes = bytes.get(length.max(1)..).unwrap_or_default();
    }
}

fn changed(link: &LinkMessage) -> Option<LinkEvent> {
    let name = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str().into()),
        _ => None,
    });
    let interface = Interface { index: link.header.index, name: name? };
    is_interface(link).then_some(LinkEvent::Changed(interface))
}

/// A bridge tells of its ports by messages of the same kind.
fn is_interface(link: &LinkMessage) -> bool {
    link.header.interface_family == AddressFamily::Unspec
}
