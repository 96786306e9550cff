//! tshark's side.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use ja4sentinel_tests::tshark::{self, Tshark};

use super::deviations::{self, NOT_AT_START, TSHARK};
use super::hellos::{Hello, Own, Seen, Structure, Tuple, algorithms};
use super::pairing::{self, Finding, Verdict};

/// A tshark that prints JA4.
pub(super) struct Wireshark(Tshark);

/// What it makes of one capture.
#[derive(Debug, Default)]
pub(super) struct Capture {
    hellos: Vec<(Tuple, Seen)>,
    /// Connections that it takes for TLS by itself.
    tls: BTreeSet<Tuple>,
    /// Whether it finds some frame malformed.
    has_malformed: bool,
}

/// Ends of a connection, and the protocols of a frame.
const ENDS: [&str; 7] =
    ["frame.protocols", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport"];

impl Wireshark {
    pub(super) fn find() -> Result<Self> {
        Tshark::find().map(Self).context("no tshark that knows JA4")
    }

    pub(super) fn version(&self) -> Result<String> {
        self.0.version()
    }

    /// Reads a capture. Where tshark by itself shows nothing of a connection of ours, it is asked
    /// again and told that this is TLS.
    pub(super) fn read(&self, capture: &Path, own: &Own) -> Result<Capture> {
        let mut read = Capture::default();
        for hello in self.0.client_hellos_on(capture, &[])? {
            read.hellos.push(seen(hello, own)?);
        }
        let missed = own.hellos.iter().map(|(tuple, _)| tuple).filter(|tuple| !read.has(tuple));
        let missed: BTreeSet<Tuple> = missed.copied().collect();
        if missed.is_empty() {
            return Ok(read);
        }
        let ports: BTreeSet<u16> = missed.iter().map(|tuple| tuple.server.port()).collect();
        let ports: Vec<u16> = ports.into_iter().collect();
        for hello in self.0.client_hellos_on(capture, &ports)? {
            let (tuple, seen) = seen(hello, own)?;
            if missed.contains(&tuple) {
                read.hellos.push((tuple, seen));
            }
        }
        for frame in self.0.select(capture, "tcp && tls", &ENDS)? {
            read.tls.extend(ends(&frame));
        }
        read.has_malformed =
            !self.0.select(capture, "_ws.malformed", &["frame.number"])?.is_empty();
        Ok(read)
    }
}

impl Capture {
    fn has(&self, tuple: &Tuple) -> bool {
        self.hellos.iter().any(|(of, _)| of == tuple)
    }

    /// Compares, and notes with each of our hellos what tshark says about its structure.
    pub(super) fn compare(&self, own: &mut Own) -> Vec<Finding> {
        let mut structures = Vec::new();
        let absent = |tuple: &Tuple, hello: &Hello, _| self.absent(tuple, hello);
        // The structure is part of what a difference follows from, so it has to be there first.
        pairing::compare(TSHARK, own, &self.hellos, absent, |number, seen| {
            structures.push((number, seen.structure.clone()));
        });
        for (number, structure) in structures {
            if let Some((_, hello)) = own.hellos.get_mut(number)
                && structure.fits(&hello.lists)
            {
                hello.structure = structure;
            }
        }
        pairing::compare(TSHARK, own, &self.hellos, absent, |_, _| {})
    }

    fn absent(&self, tuple: &Tuple, hello: &Hello) -> Verdict {
        if hello.has_oddity("starttls") || hello.has_oddity("late_hello") {
            Verdict::Differs(vec![&NOT_AT_START])
        } else if self.tls.contains(tuple) || self.tls.contains(&tuple.reversed()) {
            Verdict::Unexplained(format!("we have {}, they none", hello.record.ja4))
        } else if self.has_malformed {
            Verdict::NotCompared("not taken for TLS, in a capture with malformed frames".to_owned())
        } else {
            Verdict::NotCompared("not taken for TLS".to_owned())
        }
    }
}

fn seen(hello: tshark::Hello, own: &Own) -> Result<(Tuple, Seen)> {
    let tuple = if hello.source.is_empty() {
        let ports = Tuple::of_ports(hello.source_port, hello.destination_port);
        let same = own.hellos.iter().map(|(tuple, _)| *tuple).find(|own| own.has_ports_of(&ports));
        same.unwrap_or(ports)
    } else {
        Tuple::new(
            (&hello.source, hello.source_port),
            (&hello.destination, hello.destination_port),
        )?
    };
    let structure = Structure {
        algorithms: algorithms(&hello.ja4_r),
        odd_ciphers: hello.cipher_bytes.is_some_and(|bytes| bytes % 2 == 1),
        broken: deviations::broken(&hello.name_bytes, &hello.algorithm_bytes, &hello.version_bytes),
    };
    let seen = Seen {
        ja4: hello.ja4,
        ja3: hello.ja3,
        // A name is printed with the character that stands between values left as it is.
        server_name: hello.sni,
        random: hello.random,
        is_repetition: hello.is_retransmission,
        structure,
    };
    Ok((tuple, seen))
}

/// The connection of a frame, from the innermost addresses.
fn ends(frame: &[String]) -> Option<Tuple> {
    let [protocols, v4_source, v6_source, source_port, v4_destination, v6_destination, port] =
        frame
    else {
        return None;
    };
    let last = |values: &'_ String| values.rsplit(';').next().unwrap_or_default().to_owned();
    let (source, destination) = if tshark::is_v6(protocols, v4_source) {
        (last(v6_source), last(v6_destination))
    } else {
        (last(v4_source), last(v4_destination))
    };
    let (client, server) = (last(source_port).parse().ok()?, last(port).parse().ok()?);
    Tuple::new((&source, client), (&destination, server)).ok()
}
