//! Runs the program, and writes captures in every variant.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends so"
)]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How the program ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

/// The program, in an environment that says nothing about it.
pub(crate) fn agent() -> Command {
    let mut command = Command::new(ja4sentinel_tests::agent::built_binary().unwrap());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("JA4SENTINEL_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Ended {
    let mut command = agent();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // The program may end without having read all.
        let _ = pipe.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ended {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn read<P: AsRef<OsStr>>(files: &[P]) -> Ended {
    let files: Vec<&str> = files.iter().map(|file| file.as_ref().to_str().unwrap()).collect();
    run(&[&["read"], &files[..]].concat(), b"")
}

/// The last line on standard error.
pub(crate) fn summary(ended: &Ended) -> &str {
    ended.stderr.lines().last().expect("a summary")
}

pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/synthetic").join(name)
}

/// The complete frames of a little-endian pcap file of microseconds.
pub(crate) struct Frames {
    link: u32,
    /// Seconds, microseconds, bytes.
    frames: Vec<(u32, u32, Vec<u8>)>,
}

impl Frames {
    pub(crate) fn of(file: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        assert_eq!(number(0), 0xa1b2_c3d4);
        let (mut at, mut frames) = (24, Vec::new());
        while at + 16 <= file.len() {
            let end = at + 16 + number(at + 8) as usize;
            if end > file.len() {
                break;
            }
            frames.push((number(at), number(at + 4), file[at + 16..end].to_vec()));
            at = end;
        }
        Self { link: number(20), frames }
    }

    pub(crate) fn pcap(&self, big_endian: bool, nanoseconds: bool) -> Vec<u8> {
        let mut out = Numbers { big_endian, bytes: Vec::new() };
        out.u32(if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
        out.u16(2);
        out.u16(4);
        for number in [0, 0, 65_535, self.link] {
            out.u32(number);
        }
        for (seconds, microseconds, bytes) in &self.frames {
            let length = u32::try_from(bytes.len()).unwrap();
            let part = if nanoseconds { microseconds * 1000 } else { *microseconds };
            for number in [*seconds, part, length, length] {
                out.u32(number);
            }
            out.bytes.extend(bytes);
        }
        out.bytes
    }

    /// With a clock of 10^-`resolution` seconds.
    pub(crate) fn pcapng(&self, big_endian: bool, resolution: u8) -> Vec<u8> {
        let mut file = Vec::new();
        let numbers = || Numbers { big_endian, bytes: Vec::new() };
        let mut section = numbers();
        section.u32(0x1a2b_3c4d);
        section.u16(1);
        section.u16(0);
        section.bytes.extend([0xff; 8]);
        numbers().block(0x0a0d_0d0a, &section.bytes, &mut file);
        let mut interface = numbers();
        interface.u16(u16::try_from(self.link).unwrap());
        interface.u16(0);
        interface.u32(0);
        interface.u16(9);
        interface.u16(1);
        interface.bytes.extend([resolution, 0, 0, 0]);
        numbers().block(1, &interface.bytes, &mut file);
        let ticks_a_microsecond = 10_u64.pow(u32::from(resolution) - 6);
        for (seconds, microseconds, bytes) in &self.frames {
            let microseconds = u64::from(*seconds) * 1_000_000 + u64::from(*microseconds);
            let ticks = microseconds * ticks_a_microsecond;
            let length = u32::try_from(bytes.len()).unwrap();
            let mut packet = numbers();
            let low = u32::try_from(ticks & 0xffff_ffff).unwrap();
            for number in [0, u32::try_from(ticks >> 32).unwrap(), low, length, length] {
                packet.u32(number);
            }
            packet.bytes.extend(bytes);
            numbers().block(6, &packet.bytes, &mut file);
        }
        file
    }
}

struct Numbers {
    big_endian: bool,
    bytes: Vec<u8>,
}

impl Numbers {
    fn u16(&mut self, n: u16) {
        self.bytes.extend(if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn u32(&mut self, n: u32) {
        self.bytes.extend(if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn block(mut self, kind: u32, body: &[u8], file: &mut Vec<u8>) {
        let padded = body.len().next_multiple_of(4);
        let length = u32::try_from(12 + padded).unwrap();
        self.u32(kind);
        self.u32(length);
        self.bytes.extend(body);
        self.bytes.resize(8 + padded, 0);
        self.u32(length);
        file.extend(self.bytes);
    }
}
