//! Connection and hello to record.

use std::sync::Arc;

use super::Outcome;
use super::bench::{Bench, Out};
use super::connection::Connection;
use super::reason::Reason;
use crate::fingerprint::{Fingerprints, Transport};
use crate::flow::Key;
use crate::hello::{ClientHello, FoundHello};
use crate::record::{self, Code, Kind, MetaSource, Record, SCHEMA};

const NANOS_PER_MICRO: u64 = 1000;

/// Most memory of a record that is kept for the next one, bytes. A browser's takes one KiB; that of
/// a hello of 64 KiB, which any peer can send, hundreds.
const KEPT: usize = 16 * 1024;

/// What a record says beside the facts of its connection.
struct Told<'a> {
    backend: &'static str,
    interface: Option<&'a Arc<str>>,
    kind: Kind,
    reason: Option<&'static str>,
    timestamp_ns: u64,
    since_syn_us: Option<u64>,
    index: u8,
    /// An empty one when it could not be fingerprinted, and so is what follows.
    hello: &'a ClientHello<'a>,
    fingerprints: &'a Fingerprints,
    message_len: u32,
    tls_records: u32,
}

/// Hands out the record of a complete hello; `connection` counts it already.
pub(super) fn hello(
    connection: &Connection,
    key: &Key,
    found: &FoundHello<'_>,
    timestamp_ns: u64,
    bench: &mut Bench,
    out: &mut Out<'_>,
) {
    let facts = &connection.facts;
    let since_syn = timestamp_ns.saturating_sub(facts.timestamp_ns) / NANOS_PER_MICRO;
    let told = Told {
        backend: bench.backend,
        interface: bench.interfaces.get(&facts.interface),
        kind: Kind::Hello,
        reason: None,
        timestamp_ns,
        since_syn_us: (facts.source == MetaSource::Syn).then_some(since_syn),
        index: connection.hellos,
        hello: &found.hello,
        fingerprints: bench.fingerprinter.fingerprint(&found.hello, Transport::Tcp),
        message_len: u32::try_from(found.message_len).unwrap_or(u32::MAX),
        tls_records: found.tls_records,
    };
    hand_out(&mut bench.record, connection, key, &told, out);
}

/// Hands out the record of a hello that could not be fingerprinted.
pub(super) fn incomplete(
    connection: &Connection,
    key: &Key,
    reason: Reason,
    bench: &mut Bench,
    out: &mut Out<'_>,
) {
    let told = Told {
        backend: bench.backend,
        interface: bench.interfaces.get(&connection.facts.interface),
        kind: Kind::Incomplete,
        reason: Some(reason.label()),
        timestamp_ns: bench.now_ns,
        since_syn_us: None,
        index: connection.hellos + 1,
        hello: &ClientHello::default(),
        fingerprints: &Fingerprints::default(),
        message_len: 0,
        tls_records: 0,
    };
    hand_out(&mut bench.record, connection, key, &told, out);
}

fn hand_out(
    record: &mut Record,
    connection: &Connection,
    key: &Key,
    told: &Told<'_>,
    out: &mut Out<'_>,
) {
    write(record, connection, key, told);
    out(Outcome::Record(record));
    if record.memory() > KEPT {
        *record = Record::blank();
    }
}

/// Writes a record over the one before, in its memory.
fn write(record: &mut Record, connection: &Connection, key: &Key, told: &Told<'_>) {
    // Each field by its name, so that nothing can stay of the one before.
    let Record {
        src_ip,
        src_port,
        dst_ip,
        dst_port,
        ip_meta_ttl,
        ip_meta_total_length,
        ip_meta_id,
        ip_meta_df,
        tcp_meta_window_size,
        tcp_meta_mss,
        tcp_meta_window_scale,
        tcp_meta_options,
        ja4,
        ja4_hash,
        ja3,
        ja3_hash,
        timestamp,
        schema,
        transport,
        ja4_r,
        ja4_o,
        ja4_ro,
        sni,
        alpn,
        tls_version,
        supported_versions,
        meta_source,
        syn_to_hello_us,
        tcp_meta_option_kinds,
        hello_index,
        hello_bytes,
        segments,
        tls_records,
        interface,
        vlan,
        backend,
        oddities,
        proxy_ip,
        proxy_port,
        kind,
        reason,
    } = record;
    let Connection { facts, arrival, proxied, .. } = connection;
    let Told { hello, fingerprints, .. } = told;

    let client = proxied.as_ref().map_or(key.client, |addresses| addresses.source);
    let proxy = proxied.as_ref().map(|_| key.client);
    (*src_ip, *src_port) = (client.addr, client.port);
    (*dst_ip, *dst_port) = (key.server.addr, key.server.port);
    (*proxy_ip, *proxy_port) = (proxy.map(|end| end.addr), proxy.map(|end| end.port));

    (*ip_meta_ttl, *ip_meta_total_length) = (facts.ip.ttl, facts.ip.total_length);
    (*ip_meta_id, *ip_meta_df) = (facts.ip.id, facts.ip.df);
    let options = facts.options().facts();
    *tcp_meta_window_size = facts.window;
    (*tcp_meta_mss, *tcp_meta_window_scale) = (options.mss, options.window_scale);
    (*tcp_meta_options, *tcp_meta_option_kinds) = (options.names, options.kinds);
    *meta_source = facts.source;
    vlan.clear();
    vlan.extend_from_slice(facts.vlan.ids());
    *segments = arrival.segments;
    oddities.clear();
    oddities.extend(arrival.oddities.labels());

    (*ja4, *ja4_o, *ja4_hash) = (fingerprints.ja4, fingerprints.ja4_o, fingerprints.ja4_hash());
    ja4_r.clone_from(&fingerprints.ja4_r);
    ja4_ro.clone_from(&fingerprints.ja4_ro);
    ja3.clone_from(&fingerprints.ja3);
    *ja3_hash = fingerprints.ja3_hash;
    *tls_version = fingerprints.tls_version;
    record::rewrite(sni, hello.server_name);
    record::rewrite_all(alpn, hello.alpn());
    supported_versions.clear();
    supported_versions.extend(hello.supported_versions.unwrap_or_default().iter().map(Code));

    (*schema, *transport) = (SCHEMA, Transport::Tcp.letter());
    (*kind, *reason) = (told.kind, told.reason);
    (*timestamp, *syn_to_hello_us) = (told.timestamp_ns, told.since_syn_us);
    (*hello_index, *hello_bytes, *tls_records) = (told.index, told.message_len, told.tls_records);
    *backend = told.backend;
    // Nearly always the name that is there: not counted anew.
    if interface.as_ref().map(Arc::as_ptr) != told.interface.map(Arc::as_ptr) {
        *interface = told.interface.cloned();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::super::Settings;
    use super::super::connection::Stage;
    use super::super::facts::Facts;
    use super::super::oddities::Oddity;
    use super::*;
    use crate::hello::U16s;
    use crate::hello::preamble::proxy::Addresses;
    use crate::wire::{Endpoint, IpFacts, Segment, TcpFlags, TcpOptions, VlanStack};

    /// What may differ from one record to the next.
    type Case = (
        (bool, bool, bool, bool, bool),
        Option<u16>,
        (Option<Vec<u8>>, Vec<Vec<u8>>, Option<Vec<u8>>),
        (Vec<u8>, Vec<u8>),
    );

    fn case() -> impl Strategy<Value = Case> {
        let text = || prop_oneof![Just(b"h2".to_vec()), prop::collection::vec(any::<u8>(), 0..9)];
        let list = || prop::collection::vec(any::<u8>(), 0..12);
        (
            any::<(bool, bool, bool, bool, bool)>(),
            any::<Option<u16>>(),
            (
                prop::option::of(text()),
                prop::collection::vec(text(), 0..4),
                prop::option::of(list()),
            ),
            (list(), prop_oneof![list(), Just(vec![2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7])]),
        )
    }

    fn bench() -> Bench {
        let mut bench = Bench::new(Settings::default(), "file");
        bench.interfaces.insert(1, "eth0".into());
        bench
    }

    /// The record of a case.
    fn record(case: &Case, bench: &mut Bench) -> Record {
        let ((is_hello, is_proxied, is_named, is_tagged, is_odd), id, texts, (list, options)) =
            case;
        let (name, protocols, versions) = texts;
        let end = |last| Endpoint { addr: IpAddr::from([192, 0, 2, last]), port: last.into() };
        let mut vlan = VlanStack::default();
        id.iter().filter(|_| *is_tagged).for_each(|id| vlan.push(*id));
        let mut connection = Connection::new(
            Facts::of(&Segment {
                timestamp_ns: 0,
                interface: u32::from(*is_named),
                vlan,
                source: end(1),
                destination: end(2),
                ip: IpFacts { ttl: 64, total_length: 60, id: *id, df: id.map(|id| id > 9) },
                sequence: 1,
                flags: TcpFlags(if *is_odd { TcpFlags::ACK } else { TcpFlags::SYN }),
                window: 1,
                options: TcpOptions(options),
                payload: &[],
                missing: 0,
                fragmented: false,
            }),
            Stage::Hello,
        );
        let proxied = Addresses { source: end(3), destination: end(4) };
        connection.proxied = is_proxied.then(|| Box::new(proxied));
        connection.arrival.oddities.note(Oddity::Overlap, *is_odd);
        connection.hellos = 1;
        let framed = |name: &Vec<u8>| [vec![name.len() as u8], name.clone()].concat();
        let alpn: Vec<u8> = protocols.iter().flat_map(framed).collect();
        let found = FoundHello {
            hello: ClientHello {
                ciphers: U16s(list),
                groups: U16s(list),
                server_name: name.as_deref(),
                alpn_list: &alpn,
                supported_versions: versions.as_deref().map(U16s),
                ..ClientHello::default()
            },
            message_len: 600,
            end: 0,
            open: 0,
            tls_records: 1,
            empty_records: 0,
        };
        let key = Key { client: end(1), server: end(2) };
        let mut records = Vec::new();
        let mut out = |outcome: Outcome<'_>| {
            if let Outcome::Record(record) = outcome {
                records.push(record.clone());
            }
        };
        if *is_hello {
            hello(&connection, &key, &found, 7_000, bench, &mut out);
        } else {
            incomplete(&connection, &key, Reason::ByteLimit, bench, &mut out);
        }
        records.pop().unwrap()
    }

    proptest! {
        #[test]
        fn nothing_stays_of_the_record_before(cases in prop::collection::vec(case(), 1..20)) {
            let mut used = bench();
            for case in &cases {
                prop_assert_eq!(record(case, &mut used), record(case, &mut bench()));
            }
        }
    }

    #[test]
    fn memory_is_kept_up_to_a_bound() {
        let mut bench = bench();
        let flags = (true, false, false, false, false);
        let mut memory = |name: usize, protocols: usize, list: usize| {
            let texts = (Some(vec![b'a'; name]), vec![b"x".to_vec(); protocols], None);
            let record = record(&(flags, None, texts, (vec![1; list], Vec::new())), &mut bench);
            assert!(record.memory() >= name + protocols + 2 * list);
            bench.record.memory()
        };
        let usual = memory(20, 2, 60);
        assert!((100..KEPT).contains(&usual));
        for (name, protocols, list) in [(60_000, 0, 0), (0, 30_000, 0), (0, 0, 60_000)] {
            assert_eq!(memory(name, protocols, list), 0);
            assert!(memory(20, 2, 60) > 0);
        }
    }
}
