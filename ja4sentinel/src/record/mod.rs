//! The one value that leaves the core: a flat record, field order fixed, a fact that is not known
//! absent.

mod address;
mod code;
mod json;
mod reuse;
mod text;

use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;
use serde::Serialize;

use crate::fingerprint::{Ja3Hash, Ja4, Ja4Hash};
use crate::wire::{MAX_TCP_OPTIONS, OptionNames};

pub use code::Code;
pub(crate) use reuse::{rewrite, rewrite_all};
pub use text::Text;

/// Version of the record's schema; it grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Where the IP and TCP facts of a record come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MetaSource {
    /// The SYN of the connection.
    Syn,
    /// The first segment of the hello; the SYN was not seen.
    Hello,
}

/// What a record reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A complete ClientHello.
    Hello,
    /// A hello that could not be fingerprinted; `reason` says why.
    Incomplete,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One ClientHello of one connection, serialised as one line of flat JSON.
///
/// The first sixteen fields are those of the established log format and keep their names, types
/// and order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Client address; behind a PROXY header the real client's.
    pub src_ip: IpAddr,
    /// Client port.
    pub src_port: u16,
    /// Server address.
    pub dst_ip: IpAddr,
    /// Server port.
    pub dst_port: u16,
    /// IPv4 time to live, IPv6 hop limit.
    pub ip_meta_ttl: u8,
    /// Length of the datagram in bytes, IP header included.
    pub ip_meta_total_length: u32,
    /// IPv4 identification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_meta_id: Option<u16>,
    /// IPv4 don't-fragment bit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_meta_df: Option<bool>,
    /// Advertised TCP window, unscaled.
    pub tcp_meta_window_size: u16,
    /// Maximum segment size option.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_meta_mss: Option<u16>,
    /// Window scale option, the shift count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_meta_window_scale: Option<u8>,
    /// Names of the TCP options in wire order, comma-separated, padding left out: `MSS,SACK,TS,WS`.
    pub tcp_meta_options: OptionNames,
    /// JA4.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ja4: Ja4,
    /// Parts b and c of JA4.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ja4_hash: Ja4Hash,
    /// The JA3 string.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ja3: String,
    /// MD5 of the JA3 string.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ja3_hash: Ja3Hash,

    /// Time of the packet that completed the hello, nanoseconds since the UNIX epoch.
    pub timestamp: u64,
    /// [`SCHEMA`].
    pub schema: u32,
    /// `t`, `q` or `d`.
    pub transport: char,
    /// JA4 with sorted lists in place of hashes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ja4_r: String,
    /// JA4 over wire order.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ja4_o: Ja4,
    /// Lists in wire order in place of hashes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ja4_ro: String,
    /// Server name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<Text>,
    /// ALPN protocol names in wire order; absent when the extension is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<Text>,
    /// The version as JA4 prints it: `13`, `12`, … `00`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub tls_version: &'static str,
    /// Versions offered in `supported_versions`, four hex digits each, GREASE included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_versions: Vec<Code>,
    /// Where the `ip_meta_*` and `tcp_meta_*` facts come from.
    pub meta_source: MetaSource,
    /// Microseconds from the SYN to the packet that completed the hello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn_to_hello_us: Option<u64>,
    /// Kinds of the TCP options in wire order, padding included.
    pub tcp_meta_option_kinds: ArrayVec<u8, MAX_TCP_OPTIONS>,
    /// 1 for the first hello of the connection, 2 for the one after a HelloRetryRequest.
    pub hello_index: u8,
    /// Length of the handshake message, its 4-byte header included; 0 when it is not known.
    #[serde(skip_serializing_if = "is_zero")]
    pub hello_bytes: u32,
    /// TCP segments that carried new bytes of the hello.
    pub segments: u32,
    /// TLS records that the hello was spread over; 0 when it is not known.
    #[serde(skip_serializing_if = "is_zero")]
    pub tls_records: u32,
    /// Name of the interface, or of the capture's interface where the file names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<Arc<str>>,
    /// VLAN identifiers, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlan: Vec<u16>,
    /// What captured it: `ebpf`, `pcap`, `file`.
    pub backend: &'static str,
    /// Signs of evasion or trouble on the way, in a fixed order; empty for most clients.
    pub oddities: Vec<&'static str>,
    /// The proxy in front, where a PROXY header gave the real client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_ip: Option<IpAddr>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_port: Option<u16>,
    /// `hello` or `incomplete`.
    pub kind: Kind,
    /// Why an incomplete record has no fingerprint: the label of its ledger reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}
