//! One captured frame in, one TCP segment (or IP fragment) out: link layer, VLAN tags, tunnels,
//! IPv4 and IPv6, TCP. Everything borrows from the frame; nothing is copied.

mod decode;
mod frame;
mod segment;

pub use decode::{Packet, WireError, decode, decode_datagram};
pub use frame::{Frame, LinkType, VlanTag};
pub use segment::{Endpoint, Fragment, IpFacts, Segment, TcpFlags, TcpOptions, VlanStack};
