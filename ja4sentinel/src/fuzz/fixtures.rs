//! Replays what fuzzers found, and the seeds that they start from.

use std::fs;
use std::path::Path;

/// A fuzz target.
type Target = fn(&[u8]);

/// Runs every file of `fuzz/fixtures/<target>` and `fuzz/seeds/<target>` through its target.
#[test]
fn fixtures_and_seeds_hold() {
    let targets: [(&str, Target); 6] = [
        ("frame", super::frame),
        ("segments", super::segments),
        ("client_hello", super::client_hello),
        ("proxy_header", super::proxy_header),
        ("configuration", super::configuration),
        ("sensor", super::sensor),
    ];
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (name, target) in targets {
        let mut seeds = 0;
        for kind in ["fixtures", "seeds"] {
            let Ok(files) = fs::read_dir(fuzz.join(kind).join(name)) else { continue };
            for file in files {
                target(&fs::read(file.unwrap().path()).unwrap());
                seeds += 1;
            }
        }
        assert!(seeds > 0, "no seeds for {name}");
    }
}
