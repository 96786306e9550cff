//! What the tests of metrics share: a snapshot in which everything has a value.
#![allow(clippy::unwrap_used, reason = "a test ends so")]

use std::time::Instant;

use ja4sentinel::metrics::{Interface, Ring, Snapshot};
use ja4sentinel::output::{OutputConfig, Outputs, SinkConfig};
use ja4sentinel::sensor::{Ledger, Stage};

pub(crate) fn snapshot() -> Snapshot {
    let frames = Stage {
        name: "frames".into(),
        taken: 10,
        passed: 6,
        left_out: vec![("other_port", 1)],
        lost: vec![("cut_off", 2)],
        in_flight: 1,
    };
    let mut output = OutputConfig::new(SinkConfig::Stdout);
    output.name = "odd \"name\"\\".into();
    Snapshot {
        made: Instant::now(),
        ready: true,
        version: "1.2.3",
        commit: "abc",
        ebpf_object: "def",
        backend: "ebpf",
        ledger: Ledger { stages: vec![frames] },
        outputs: Outputs::start(&[output]).drain(Instant::now()),
        interfaces: vec![Interface { name: "eth0".into(), frames: 9, records: 3, bypassed: false }],
        ring: Some(Ring { size: 4096, used: 100 }),
    }
}
