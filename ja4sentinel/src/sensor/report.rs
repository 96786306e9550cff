//! Connection and hello to record.

use super::bench::Bench;
use super::connection::Connection;
use super::reason::Reason;
use crate::fingerprint::{Fingerprints, Transport};
use crate::flow::Key;
use crate::hello::FoundHello;
use crate::record::{Code, Kind, MetaSource, Record, SCHEMA, Text};

const NANOS_PER_MICRO: u64 = 1000;

/// The record of a complete hello; `connection` counts it already.
pub(super) fn hello(
    connection: &Connection,
    key: &Key,
    found: &FoundHello<'_>,
    fingerprints: Fingerprints,
    timestamp_ns: u64,
    bench: &Bench,
) -> Record {
    let facts = &connection.facts;
    let versions = found.hello.supported_versions.unwrap_or_default();
    let since_syn = timestamp_ns.saturating_sub(facts.timestamp_ns) / NANOS_PER_MICRO;
    Record {
        ja4_hash: fingerprints.ja4_hash(),
        ja4: fingerprints.ja4,
        ja4_r: fingerprints.ja4_r,
        ja4_o: fingerprints.ja4_o,
        ja4_ro: fingerprints.ja4_ro,
        ja3: fingerprints.ja3,
        ja3_hash: fingerprints.ja3_hash,
        tls_version: fingerprints.tls_version,
        sni: found.hello.server_name.map(Text::new),
        alpn: found.hello.alpn().map(Text::new).collect(),
        supported_versions: versions.iter().map(Code).collect(),
        syn_to_hello_us: (facts.source == MetaSource::Syn).then_some(since_syn),
        hello_index: connection.hellos,
        hello_bytes: u32::try_from(found.message_len).unwrap_or(u32::MAX),
        tls_records: found.tls_records,
        timestamp: timestamp_ns,
        kind: Kind::Hello,
        ..blank(connection, key, bench)
    }
}

/// The record of a hello that could not be fingerprinted.
pub(super) fn incomplete(
    connection: &Connection,
    key: &Key,
    reason: Reason,
    bench: &Bench,
) -> Record {
    Record { reason: Some(reason.label()), ..blank(connection, key, bench) }
}

/// What is known of the connection without its hello.
fn blank(connection: &Connection, key: &Key, bench: &Bench) -> Record {
    let facts = &connection.facts;
    let options = facts.options().facts();
    let client = connection.proxied.as_ref().map_or(key.client, |addresses| addresses.source);
    let proxy = connection.proxied.as_ref().map(|_| key.client);
    Record {
        src_ip: client.addr,
        src_port: client.port,
        dst_ip: key.server.addr,
        dst_port: key.server.port,
        ip_meta_ttl: facts.ip.ttl,
        ip_meta_total_length: facts.ip.total_length,
        ip_meta_id: facts.ip.id,
        ip_meta_df: facts.ip.df,
        tcp_meta_window_size: facts.window,
        tcp_meta_mss: options.mss,
        tcp_meta_window_scale: options.window_scale,
        tcp_meta_options: options.names,
        ja4: Default::default(),
        ja4_hash: Default::default(),
        ja3: String::new(),
        ja3_hash: Default::default(),
        timestamp: bench.now_ns,
        schema: SCHEMA,
        transport: Transport::Tcp.letter(),
        ja4_r: String::new(),
        ja4_o: Default::default(),
        ja4_ro: String::new(),
        sni: None,
        alpn: Vec::new(),
        tls_version: "",
        supported_versions: Vec::new(),
        meta_source: facts.source,
        syn_to_hello_us: None,
        tcp_meta_option_kinds: options.kinds,
        hello_index: connection.hellos + 1,
        hello_bytes: 0,
        segments: connection.arrival.segments,
        tls_records: 0,
        interface: bench.interfaces.get(&facts.interface).cloned(),
        vlan: facts.vlan.ids().to_vec(),
        backend: bench.backend,
        oddities: connection.arrival.oddities.labels(),
        proxy_ip: proxy.map(|end| end.addr),
        proxy_port: proxy.map(|end| end.port),
        kind: Kind::Incomplete,
        reason: None,
    }
}
