//! The hellos of `golden/synthetic`, every column of their table; and single records collected
//! from other projects, where they are to be had.

#![expect(clippy::expect_used, clippy::panic, reason = "a test ends where it goes wrong")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use ja4sentinel::fingerprint::{Fingerprints, Transport};
use ja4sentinel::hello::{FoundHello, Reading, read};
use ja4sentinel_tests::notice::notice;

/// One row of a table, by the names of its columns.
type Row = HashMap<String, String>;

fn table(path: &Path) -> Vec<Row> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let names: Vec<String> = lines.next().expect("a header line").collect();
    lines.map(|cells| names.iter().cloned().zip(cells).collect()).collect()
}

/// Every column that a ClientHello decides, under the table's names.
fn columns(found: &FoundHello<'_>) -> Row {
    let fingerprints = Fingerprints::of(&found.hello, Transport::Tcp);
    let sni = found.hello.server_name.unwrap_or_default();
    let hex = |name: &[u8]| name.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let alpn: Vec<String> = found.hello.alpn().map(|name| format!("0x{}", hex(name))).collect();
    Row::from([
        ("ja4".to_owned(), fingerprints.ja4.to_string()),
        ("ja4_r".to_owned(), fingerprints.ja4_r),
        ("ja4_o".to_owned(), fingerprints.ja4_o.to_string()),
        ("ja4_ro".to_owned(), fingerprints.ja4_ro),
        ("ja3".to_owned(), fingerprints.ja3_hash.to_string()),
        ("ja3_full".to_owned(), fingerprints.ja3),
        ("sni".to_owned(), String::from_utf8_lossy(sni).into_owned()),
        ("alpn".to_owned(), alpn.join(",")),
    ])
}

/// Compares the columns in `names`; `place` says which hello it is.
fn compare(place: &str, expected: &Row, found: &Row, names: &[&str]) -> Vec<String> {
    let differing = names.iter().filter(|name| expected.get(**name) != found.get(**name));
    differing
        .map(|name| {
            format!(
                "{place} {name}: expected {:?}, found {:?}",
                expected.get(*name),
                found.get(*name)
            )
        })
        .collect()
}

#[test]
fn all_eighty_synthetic_hellos_come_out_right_in_every_column() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/synthetic");
    let rows = table(&folder.join("expected.tsv"));
    assert_eq!(rows.len(), 80, "rows of the table");
    let mut wrong = Vec::new();
    for row in &rows {
        let name = &row["name"];
        let bytes = fs::read(folder.join(format!("{name}.bin"))).expect(name);
        let mut scratch = Vec::new();
        match read(&bytes, &mut scratch) {
            Reading::Hello(found) => {
                assert_eq!((found.end, found.open), (bytes.len(), 0), "{name}");
                let names = ["ja4", "ja4_r", "ja4_o", "ja4_ro", "ja3", "ja3_full", "sni", "alpn"];
                wrong.extend(compare(name, row, &columns(&found), &names));
            }
            other => wrong.push(format!("{name}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Vectors that may not be committed: the folder in `JA4SENTINEL_VECTORS`, or `../shared/vectors`
/// beside the repository.
fn vectors() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let folder = std::env::var_os("JA4SENTINEL_VECTORS").map_or_else(beside, PathBuf::from);
    folder.join("hex").is_dir().then_some(folder)
}

#[test]
fn records_collected_from_other_projects_come_out_right() {
    let Some(folder) = vectors() else {
        assert!(
            std::env::var_os("JA4SENTINEL_VECTORS").is_none(),
            "JA4SENTINEL_VECTORS names a folder without `hex`"
        );
        notice(
            "the records of other projects were not compared: no shared vectors here; \
             JA4SENTINEL_VECTORS may name their folder",
        );
        return;
    };
    let rows = table(&folder.join("hex/expected.tsv"));
    assert!(!rows.is_empty(), "the table of records is empty");
    let mut wrong = Vec::new();
    for row in &rows {
        let name = &row["file"];
        let bytes = fs::read(folder.join("hex").join(name)).expect(name);
        let mut scratch = Vec::new();
        match read(&bytes, &mut scratch) {
            Reading::Hello(found) => {
                let found = columns(&found);
                wrong.extend(compare(name, row, &found, &["ja4", "ja4_r", "ja3", "sni"]));
            }
            other => wrong.push(format!("{name}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
