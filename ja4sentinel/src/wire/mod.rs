//! One captured frame in, one TCP segment (or IP fragment) out: link layer, VLAN tags, tunnels,
//! IPv4 and IPv6, TCP. Everything borrows from the frame; nothing is copied.

mod capture_header;
mod checksum;
mod context;
mod decode;
mod error;
mod frame;
mod ip;
mod link;
mod options;
mod segment;
mod shard;
mod span;
mod tcp;
mod tunnel;
mod usual;
mod wlan;

#[cfg(test)]
mod tests;

pub use context::MAX_TAGS;
pub use decode::{Packet, decode, decode_datagram};
pub use error::WireError;
pub use frame::{Frame, LinkType, VlanTag};
pub use ip::MAX_EXTENSIONS;
pub use link::MAX_LABELS;
pub use options::{MAX_TCP_OPTIONS, OptionFacts, OptionNames, TcpOption, TcpOptionIter};
pub use segment::{Endpoint, Fragment, IpFacts, Segment, TcpFlags, TcpOptions, VlanStack};
pub use shard::shard;
