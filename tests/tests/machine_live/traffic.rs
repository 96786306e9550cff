//! What the clients send, and what must be recorded of it.

use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, Ended};
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::known::{HELLO, HELLO_JA4};
use serde_json::{Value, json};

use crate::kernel;
use crate::site::{Crossing, PLAIN, PORT, SERVER, Site, TAGGED, VLAN};
use crate::tunnel::Tunnel;

/// How long a record may be on its way.
const PATIENCE: Duration = Duration::from_secs(60);

/// A long hello in bytes, and its JA4 by the document's rules.
const LONG: usize = 9000;
const LONG_JA4: &str = "t13d0908h2_c8def3f8297d_7852a17597c9";
/// Segments that it takes on a wire, 1448 bytes with IPv4 and 1428 with IPv6, and in tunnels, 1348 at least.
const LONG_SEGMENTS: u64 = 7;

/// Since this version a veth interface joins segments itself.
const VETH_GRO: (u32, u32) = (5, 13);
/// How often joining may fail to happen, which is a matter of time.
const TRIES: usize = 20;

/// All that was sent to an agent.
#[derive(Default)]
pub(crate) struct Sent {
    hellos: usize,
    others: usize,
}

impl Sent {
    /// Sends a hello in these pieces and gives its record.
    fn hello(&mut self, scene: &Scene<'_>, address: &str, pieces: &[&[u8]], ja4: &str) -> Value {
        let client = scene.site.send(address, pieces);
        self.hellos += 1;
        let wanted =
            |record: &Value| record["src_port"] == client.port() && record["dst_ip"] == address;
        let records = scene.agent.wait_for(1, PATIENCE, wanted).unwrap();
        let [record] = &records[..] else {
            panic!("{address}: {} records\n{}", records.len(), scene.agent.log())
        };
        assert_eq!(record["ja4"], ja4, "{record}");
        assert_eq!(record["src_ip"], client.ip().to_string(), "{record}");
        assert_eq!(record["dst_port"], PORT, "{record}");
        assert_eq!(record["backend"], scene.backend, "{record}");
        assert_eq!(record["interface"], scene.interface, "{record}");
        assert_eq!(record["meta_source"], "syn", "{record}");
        let tagged = TAGGED.contains(&address) && scene.interface == SERVER;
        let vlan = if tagged { json!([VLAN]) } else { Value::Null };
        assert_eq!(record["vlan"], vlan, "{record}");
        record.clone()
    }

    /// A hello in one segment, and one in three.
    fn short_hellos(&mut self, scene: &Scene<'_>, address: &str) {
        let one = self.hello(scene, address, &[HELLO], HELLO_JA4);
        assert_eq!(one["segments"], 1, "{one}");
        let (first, rest) = HELLO.split_at(3);
        let (second, third) = rest.split_at(100);
        let three = self.hello(scene, address, &[first, second, third], HELLO_JA4);
        assert_eq!(three["segments"], 3, "{three}");
    }

    /// The agent, ended, must have counted exactly what was sent.
    pub(crate) fn is_accounted_for(&self, ended: &Ended) {
        let Self { hellos, others } = self;
        assert_eq!(ended.records.len(), *hellos);
        let wanted = format!(
            "{} connections = {hellos} fingerprinted + {others} unknown_protocol",
            hellos + others
        );
        let connections = ended.ledger.split(';').next().unwrap();
        assert_eq!(connections, wanted);
        assert!(!ended.ledger.contains("lost"), "{}", ended.ledger);
    }
}

/// An agent that watches an interface of the site.
pub(crate) struct Scene<'a> {
    pub(crate) site: &'a Site,
    pub(crate) agent: &'a Agent,
    pub(crate) backend: &'a str,
    pub(crate) interface: &'a str,
}

/// Hellos of one and several segments to all addresses that the interface is for, however frames cross,
/// and a connection that carries something else.
pub(crate) fn pass(scene: &Scene<'_>) -> Sent {
    let mut sent = Sent::default();
    let long = Hello::browser().padded_to(LONG).record();
    let addresses =
        if scene.interface == SERVER { [PLAIN, TAGGED].concat() } else { TAGGED.into() };
    for crossing in [Crossing::Wire, Crossing::SuperFrames, Crossing::Joined] {
        scene.site.let_cross(crossing);
        for address in &addresses {
            sent.short_hellos(scene, address);
            let tries = if may_join(crossing) { TRIES } else { 1 };
            let fits = (0..tries).any(|_| {
                let record = sent.hello(scene, address, &[&long], LONG_JA4);
                let segments = record["segments"].as_u64().unwrap();
                assert!((1..=LONG_SEGMENTS).contains(&segments), "{crossing:?}: {record}");
                (segments < LONG_SEGMENTS) == is_joined(crossing)
            });
            assert!(fits, "{crossing:?}: {address}: not in as many segments as it should be");
        }
    }
    for address in addresses {
        scene.site.send(address, &[b"\0\x01\x02 no hello"]);
        sent.others += 1;
    }
    sent
}

/// The same through a tunnel, whose own interface is watched. Where frames are cut and joined is the
/// tunnel's affair.
pub(crate) fn pass_through(tunnel: &Tunnel, scene: &Scene<'_>) -> Sent {
    let mut sent = Sent::default();
    let long = Hello::browser().padded_to(LONG).record();
    for crossing in [Crossing::Wire, Crossing::SuperFrames, Crossing::Joined] {
        scene.site.let_cross(crossing);
        for address in tunnel.addresses {
            sent.short_hellos(scene, address);
            let record = sent.hello(scene, address, &[&long], LONG_JA4);
            let segments = record["segments"].as_u64().unwrap();
            assert!((1..=LONG_SEGMENTS).contains(&segments), "{crossing:?}: {record}");
        }
    }
    for address in tunnel.addresses {
        scene.site.send(address, &[b"\0\x01\x02 no hello"]);
        sent.others += 1;
    }
    sent
}

fn is_joined(crossing: Crossing) -> bool {
    crossing == Crossing::SuperFrames || may_join(crossing)
}

fn may_join(crossing: Crossing) -> bool {
    crossing == Crossing::Joined && kernel() >= VETH_GRO
}
