//! The command line, as a user meets it: what is printed where, and how the program ends.

mod cli_support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use cli_support::{Ended, Frames, golden, read, run, summary};
use flate2::Compression;
use flate2::write::GzEncoder;
use ja4sentinel_tests::captures;
use ja4sentinel_tests::frames::Packet;
use serde_json::Value;

/// Hellos in synthetic.pcap.
const HELLOS: usize = 80;

#[test]
fn records_are_json_lines_and_the_summary_is_on_standard_error() {
    let ended = read(&[golden("synthetic.pcap")]);
    assert_eq!(ended.code, 0);
    assert_eq!(ended.lines().len(), HELLOS);
    for line in ended.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["ja4"].as_str().unwrap().len(), 36, "{line}");
        assert_eq!(record["backend"], "file");
    }
    let said = summary(&ended);
    assert!(said.contains("1 file, "), "{said}");
    assert!(said.contains(&format!("{HELLOS} hellos, {HELLOS} records in ")), "{said}");
    assert!(said.contains(&format!("{HELLOS} connections = {HELLOS} fingerprinted")), "{said}");
    assert!(!said.contains("does not balance"), "{said}");
}

#[test]
fn every_variant_of_the_formats_gives_the_same_records() {
    let frames = Frames::of(&fs::read(golden("synthetic.pcap")).unwrap());
    let expected = read(&[golden("synthetic.pcap")]).stdout;
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("little.pcap", frames.pcap(false, false)),
        ("big.pcap", frames.pcap(true, false)),
        ("little-nano.pcap", frames.pcap(false, true)),
        ("big-nano.pcap", frames.pcap(true, true)),
        ("little.pcapng", frames.pcapng(false, 6)),
        ("big.pcapng", frames.pcapng(true, 6)),
        ("nano.pcapng", frames.pcapng(false, 9)),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&[&path]).stdout, expected, "{name}");

        let packed = path.with_extension("gz");
        let mut encoder = GzEncoder::new(fs::File::create(&packed).unwrap(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap();
        assert_eq!(read(&[&packed]).stdout, expected, "{name}.gz");
    }
}

#[test]
fn standard_input_is_read_plain_and_compressed() {
    let plain = fs::read(golden("synthetic.pcap")).unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&plain).unwrap();
    let expected = read(&[golden("synthetic.pcap")]).stdout;
    for input in [plain, encoder.finish().unwrap()] {
        let ended = run(&["read", "-"], &input);
        assert_eq!((ended.code, &ended.stdout), (0, &expected));
    }
}

#[test]
fn records_of_a_pipe_come_as_they_happen() {
    let capture = fs::read(golden("synthetic.pcap")).unwrap();
    let half = capture.len() / 2;
    let mut child = cli_support::agent()
        .args(["read", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&capture[..half]).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"src_ip\":"), "{line}");
    input.write_all(&capture[half..]).unwrap();
    drop(input);
    assert_eq!(output.lines().count(), HELLOS - 1);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_file_cut_off_gives_all_records_before_the_cut_and_its_offset() {
    let whole = fs::read(golden("synthetic.pcap")).unwrap();
    let all = read(&[golden("synthetic.pcap")]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.pcap");
    for cut in [whole.len() - 1, whole.len() * 2 / 3, whole.len() / 3, 30, 10] {
        fs::write(&path, &whole[..cut]).unwrap();
        let ended = read(&[&path]);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        let fault = ended.stderr.lines().next().unwrap();
        assert!(fault.contains(&format!("cut.pcap: cut off at byte {cut}: ")), "{fault}");
        assert!(all.stdout.starts_with(&ended.stdout), "cut at {cut}");
        // No record that was complete before the cut is missing.
        let frames = Frames::of(&whole[..cut.max(24)]);
        let path = directory.path().join("before.pcap");
        fs::write(&path, frames.pcap(false, false)).unwrap();
        assert_eq!(read(&[&path]).stdout, ended.stdout, "cut at {cut}");
    }
}

#[test]
fn something_else_is_one_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    for (content, found) in [
        (&b"Dear diary, today"[..], "\"Dear dia\" at its begin"),
        (b"", "an empty file"),
        (b"\x28\xb5\x2f\xfd\0\0\0\0\0\0\0\0", "zstd-compressed data"),
    ] {
        fs::write(&path, content).unwrap();
        let ended = read(&[&path]);
        assert_eq!((ended.code, ended.stdout.as_str()), (4, ""));
        let errors: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(errors.len(), 2, "an error and the summary: {errors:?}");
        assert!(errors[0].contains("notes.txt: is no capture: found "), "{errors:?}");
        assert!(errors[0].contains(found), "{errors:?}");
        assert!(errors[0].contains("pcap and pcapng files are read"), "{errors:?}");
    }
    let missing = read(&["/nonexistent/x.pcap"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("/nonexistent/x.pcap: cannot be opened: No such file"));
    assert_eq!(read(&[directory.path()]).code, 1, "a directory");
}

#[test]
fn files_are_read_one_after_the_other_and_a_bad_one_stops_none() {
    let directory = tempfile::tempdir().unwrap();
    let bad = directory.path().join("bad.pcap");
    fs::write(&bad, "no capture").unwrap();
    let good = golden("synthetic.pcap");
    let ended = read(&[&good, &bad, &good]);
    assert_eq!(ended.code, 4);
    assert_eq!(ended.lines().len(), 2 * HELLOS);
    assert!(summary(&ended).contains("2 files, "), "{}", ended.stderr);
}

#[test]
fn workers_share_a_file_and_find_what_one_finds() {
    // Some megabytes: more than is read at once.
    let hello = fs::read(golden("alpn_00.bin")).unwrap();
    let frames = (0..6_000_u32).flat_map(|host| {
        let client = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + host), 40_000));
        let server = "192.0.2.2:443".parse().unwrap();
        let data = Packet::data(client, server, 100, hello.as_slice());
        [Packet::syn(client, server, 99).frame(), data.frame()]
    });
    let large = captures::pcap(1, &frames.collect::<Vec<_>>());
    let directory = tempfile::tempdir().unwrap();
    let [whole, cut] = ["whole.pcap", "cut.pcap"].map(|name| directory.path().join(name));
    fs::write(&whole, &large).unwrap();
    fs::write(&cut, &large[..large.len() - 3]).unwrap();

    let sorted = |ended: &Ended| {
        let mut lines: Vec<String> = ended.stdout.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    // What was wrong, and what was counted.
    let told = |ended: &Ended| {
        let line = summary(ended);
        ended.stderr.replace(line, line.split(" in ").next().unwrap())
    };
    for file in [golden("synthetic.pcap"), golden("transport.pcap"), whole, cut] {
        let alone = run(&["read", file.to_str().unwrap()], b"");
        for workers in ["2", "3", "7"] {
            let ended = run(&["read", "--workers", workers, file.to_str().unwrap()], b"");
            let what = format!("{} by {workers}", file.display());
            assert_eq!(ended.code, alone.code, "{what}: {}", ended.stderr);
            assert_eq!(sorted(&ended), sorted(&alone), "{what}");
            assert_eq!(told(&ended), told(&alone), "{what}");
        }
    }

    let ended = run(&["read", "--workers", "2", "-"], b"");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("leave --workers out"), "{}", ended.stderr);
}

#[test]
fn no_connection_goes_on_from_file_to_file() {
    let (client, server) = ("192.0.2.1:40000".parse().unwrap(), "192.0.2.2:443".parse().unwrap());
    let hello = fs::read(golden("alpn_00.bin")).unwrap();
    let (first, second) = hello.split_at(hello.len() / 2);
    let at = u32::try_from(first.len()).unwrap();
    let frames = [
        Packet::syn(client, server, 99).frame(),
        Packet::data(client, server, 100, first).frame(),
        Packet::data(client, server, 100 + at, second).frame(),
    ];
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, frames: &[Vec<u8>]| {
        let path = directory.path().join(name);
        fs::write(&path, captures::pcap(1, frames)).unwrap();
        path
    };
    let whole = file("whole.pcap", &frames);
    let parts = [file("1.pcap", &frames[..2]), file("2.pcap", &frames[2..])];
    assert_eq!(read(&[whole]).lines().len(), 1);
    let ended = read(&parts);
    assert_eq!(ended.lines().len(), 0);
    assert!(summary(&ended).contains("1 end_of_input"), "{}", ended.stderr);
}

#[test]
fn text_is_for_the_eye() {
    let ended = run(&["read", "--format", "text", golden("synthetic.pcap").to_str().unwrap()], b"");
    assert_eq!(ended.code, 0);
    assert_eq!(ended.lines().len(), 2 * HELLOS);
    let (head, facts) = (ended.lines()[0], ended.lines()[1]);
    assert!(head.starts_with("2023-11-14T22:13:24.000000Z  192.0.2.1:20000 -> "), "{head}");
    assert!(head.contains("  t13d1517h2_8daaf6152771_cb7bf5808d99  sni example.com"), "{head}");
    assert!(facts.contains("ja3 b5528a804c15ae4de2f50a4b4d979bcc"), "{facts}");
    assert!(facts.contains("alpn h2,http/1.1"), "{facts}");
    assert!(ended.stdout.bytes().all(|byte| byte == b'\n' || byte >= b' '), "control characters");
}

#[test]
fn ports_preambles_and_incomplete_hellos_are_chosen() {
    let path = golden("transport.pcap");
    let path = path.to_str().unwrap();
    let all = run(&["read", path], b"").lines().len();
    // One of the connections is SMTP.
    assert_eq!(run(&["read", "--ports", "443,587", path], b"").lines().len(), all);
    assert_eq!(run(&["read", "--ports", "443", path], b"").lines().len(), all - 1);
    assert_eq!(run(&["read", "--starttls", "off", path], b"").lines().len(), all - 1);
    assert_eq!(run(&["read", "--ports", "444,1000-2000", path], b"").lines().len(), 0);

    let ended = run(&["read", "--incomplete", path], b"");
    let incomplete = ended.lines().iter().filter(|line| line.contains("\"incomplete\"")).count();
    assert!(incomplete > 0);
    assert_eq!(ended.lines().len(), all + incomplete);
    let lines = ended.lines();
    let line = lines.iter().find(|line| line.contains("gap_never_filled")).unwrap();
    let record: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&record["kind"], record.get("ja4")), (&"incomplete".into(), None));
}

#[test]
fn tunnels_are_unwrapped_unless_told_otherwise() {
    let client = "192.0.2.1:50000".parse().unwrap();
    let server = "192.0.2.2:443".parse().unwrap();
    let hello = fs::read(golden("alpn_00.bin")).unwrap();
    let inner = Packet::data(client, server, 1, hello).raw().frame();
    // IPv4 in IPv4, RFC 2003.
    let length = u16::try_from(20 + inner.len()).unwrap().to_be_bytes();
    let outer = [0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let capture = captures::pcap(101, &[[&outer[..], &inner].concat()]);
    for (arguments, records) in [(&["read", "-"][..], 1), (&["read", "--tunnels", "0", "-"], 0)] {
        let ended = run(arguments, &capture);
        assert_eq!((ended.code, ended.lines().len()), (0, records), "{}", ended.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let path = golden("synthetic.pcap");
    let mut child = cli_support::agent()
        .arg("read")
        .args(std::iter::repeat_n(path.as_os_str(), 50))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    drop(output);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{:?}", ended.status);
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn a_full_disk_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = cli_support::agent();
    let ended = command.arg("read").arg(golden("synthetic.pcap")).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("standard output cannot be written: No space left"), "{said}");
}

#[test]
fn help_and_version_say_what_they_should() {
    for arguments in [&["--help"][..], &["read", "--help"], &["run", "--help"]] {
        let ended = run(arguments, b"");
        assert_eq!(ended.code, 0);
        for part in ["Examples:", "Exit codes:", "  2  usage or configuration"] {
            assert!(ended.stdout.contains(part), "{arguments:?}: {}", ended.stdout);
        }
    }
    let version = run(&["--version"], b"").stdout;
    assert!(version.starts_with("ja4sentinel 0."), "{version}");
    for part in ["\ncommit: ", "\nebpf object: sha256:"] {
        assert!(version.contains(part), "{version}");
    }
}

#[test]
fn mistakes_of_usage_and_configuration_end_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("ja4sentinel.yml");
    fs::write(&config, "core:\n  listen_prots: [443]\n  bpf_filter: 'tcp'\n").unwrap();
    let config = config.to_str().unwrap();
    for (arguments, part) in [
        (&["read"][..], "FILE"),
        (&["read", "--ports", "0", "x.pcap"], "\"0\" is no port"),
        (&["--ports", "70000"], "flag --ports: core.listen_ports: found \"70000\""),
        (&["run", "--backend", "dpdk"], "flag --backend"),
        (&["check", "--config", config], "ja4sentinel.yml:2:3: core.listen_prots: "),
        (&["--config", config], "did you mean"),
        (&["--config", "/nonexistent.yml"], "/nonexistent.yml: cannot be read"),
        (&["run", "--bpf-filter", "tcp prt 443"], "syntax error"),
        (&["frobnicate"], "unrecognized subcommand"),
    ] {
        let ended = run(arguments, b"");
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_valid_configuration_is_said_to_be_so() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("ja4sentinel.yml");
    fs::write(&config, "core:\n  interface: lo\n  bpf_filter: 'not port 22'\n").unwrap();
    let ended = run(&["check", "--config", config.to_str().unwrap()], b"");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.trim().ends_with("ja4sentinel.yml: valid"), "{}", ended.stdout);
}

#[test]
fn the_schema_printed_is_the_one_that_is_deployed() {
    let ended = run(&["schema"], b"");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/config/ja4sentinel.schema.json");
    assert!(ended.stdout == fs::read_to_string(path).unwrap(), "{path} is another one");
}

#[test]
fn an_interface_that_is_not_there_is_a_failure_that_tells_which_are() {
    let ended = run(&["run", "--interface", "eth4711"], b"");
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("there is no interface eth4711; there are "), "{}", ended.stderr);
}
