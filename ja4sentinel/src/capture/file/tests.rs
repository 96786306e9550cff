//! Files made here byte by byte, in every variant that is read.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::wire::{Frame, LinkType, shard};

/// What a test looks at of a frame.
#[derive(Debug, PartialEq, Eq, Clone)]
struct Seen {
    timestamp_ns: u64,
    interface: u32,
    link: u16,
    bytes: Vec<u8>,
    original_len: u32,
}

impl Seen {
    fn of(frame: &Frame<'_>) -> Self {
        Self {
            timestamp_ns: frame.timestamp_ns,
            interface: frame.interface,
            link: frame.link.0,
            bytes: frame.bytes.to_vec(),
            original_len: frame.original_len,
        }
    }
}

/// Everything that a file gives: frames, interface names, and the fault that ended it.
type Everything = (Vec<Seen>, Vec<(u32, String)>, Option<String>);

/// Reads a file, which gives the same in blocks, however many share them.
fn read(bytes: Vec<u8>) -> Everything {
    let open = || CaptureFile::from_reader("x.pcap".to_owned(), None, Cursor::new(bytes.clone()));
    let (mut frames, mut names) = (Vec::new(), Vec::new());
    let mut file = match open() {
        Ok(file) => file,
        Err(error) => return (frames, names, Some(error.to_string())),
    };
    let fault = loop {
        match file.next() {
            Ok(Some(Captured::Frame(frame))) => frames.push(Seen::of(&frame)),
            Ok(Some(Captured::Interface { index, name })) => names.push((index, name.to_string())),
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let everything = (frames, names, fault);
    let [alone] = in_blocks::<1>(open().unwrap());
    assert_eq!(alone, everything);
    let parts = in_blocks::<3>(open().unwrap());
    assert!(parts.iter().all(|(_, names, fault)| (names, fault) == (&everything.1, &everything.2)));
    let parts = parts.map(|(frames, ..)| frames);
    assert_eq!(parts.concat().len(), everything.0.len());
    everything
}

/// The same of each of several readers.
fn in_blocks<const READERS: usize>(file: CaptureFile) -> [Everything; READERS] {
    let (mut blocks, mut block) = (Blocks::of(file, READERS), Block::default());
    let mut parts = [(); READERS].map(|()| Everything::default());
    loop {
        let read = blocks.read(&mut block);
        for (reader, (frames, names, fault)) in parts.iter_mut().enumerate() {
            for captured in block.part(reader) {
                match captured {
                    Captured::Frame(frame) => {
                        assert_eq!(shard(&frame, READERS), reader);
                        frames.push(Seen::of(&frame));
                    }
                    Captured::Interface { index, name } => names.push((index, name.to_string())),
                }
            }
            *fault = read.as_ref().err().map(ToString::to_string);
        }
        if !matches!(read, Ok(true)) {
            return parts;
        }
    }
}

/// Numbers in one byte order.
#[derive(Clone, Copy)]
struct Order(bool);

impl Order {
    const BOTH: [Self; 2] = [Self(true), Self(false)];

    fn u16(self, n: u16) -> [u8; 2] {
        if self.0 { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u32(self, n: u32) -> [u8; 4] {
        if self.0 { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn pcap(self, magic: u32, minor: u16, network: u32) -> Vec<u8> {
        let mut file = self.u32(magic).to_vec();
        file.extend(self.u16(2));
        file.extend(self.u16(minor));
        file.extend([0; 8]);
        file.extend(self.u32(65_535));
        file.extend(self.u32(network));
        file
    }

    fn record(self, seconds: u32, ticks: u32, lengths: [u32; 2], bytes: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        for number in [seconds, ticks, lengths[0], lengths[1]] {
            record.extend(self.u32(number));
        }
        record.extend(bytes);
        record
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let length = self.u32(u32::try_from(12 + body.len().next_multiple_of(4)).unwrap());
        let mut block = self.u32(kind).to_vec();
        block.extend(length);
        block.extend(body);
        block.resize(8 + body.len().next_multiple_of(4), 0);
        block.extend(length);
        block
    }

    fn section(self) -> Vec<u8> {
        let mut body = self.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.u16(1));
        body.extend(self.u16(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    fn interface(self, link: u16, snap: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = self.u16(link).to_vec();
        body.extend([0, 0]);
        body.extend(self.u32(snap));
        for (code, value) in options {
            body.extend(self.u16(*code));
            body.extend(self.u16(u16::try_from(value.len()).unwrap()));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body)
    }

    fn enhanced(self, interface: u32, ticks: u64, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        let mut body = Vec::new();
        let (high, low) = ((ticks >> 32) as u32, ticks as u32);
        for number in [interface, high, low, length, length + 5] {
            body.extend(self.u32(number));
        }
        body.extend(bytes);
        self.block(6, &body)
    }
}

const FRAME: &[u8] = b"\x01\x02\x03\x04\x05\x06\x07";

fn seen(timestamp_ns: u64, interface: u32, link: u16, original_len: u32) -> Seen {
    Seen { timestamp_ns, interface, link, bytes: FRAME.to_vec(), original_len }
}

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for order in Order::BOTH {
        for (magic, expected) in [(0xa1b2_c3d4, 3_000_009_000), (0xa1b2_3c4d, 3_000_000_009)] {
            let mut file = order.pcap(magic, 4, 1);
            file.extend(order.record(3, 9, [7, 99], FRAME));
            file.extend(order.record(3, 9, [7, 7], FRAME));
            let (frames, names, fault) = read(file);
            assert_eq!(frames, [seen(expected, 0, 1, 99), seen(expected, 0, 1, 7)]);
            assert!(names.is_empty());
            assert_eq!(fault, None);
        }
    }
}

#[test]
fn pcap_variants_of_old_and_patched_writers() {
    let order = Order(false);
    let mut patched = order.pcap(0xa1b2_cd34, 4, 1);
    let mut bytes = vec![0; 8];
    bytes.extend(FRAME);
    patched.extend(order.record(1, 2, [7, 9], &bytes));
    patched.extend(order.record(1, 2, [7, 9], &bytes));
    assert_eq!(read(patched).0, vec![seen(1_000_002_000, 0, 1, 9); 2]);

    for (minor, lengths) in [(2, [9, 7]), (3, [9, 7]), (3, [7, 9])] {
        let mut old = order.pcap(0xa1b2_c3d4, minor, 1);
        old.extend(order.record(1, 2, lengths, FRAME));
        assert_eq!(read(old).0, [seen(1_000_002_000, 0, 1, 9)], "2.{minor} {lengths:?}");
    }
    // Bits above the link type say that a checksum follows; 12 is BSD's number for raw IP.
    for (network, link) in [(0xf400_0001, LinkType::ETHERNET), (12, LinkType::RAW)] {
        let mut file = order.pcap(0xa1b2_c3d4, 4, network);
        file.extend(order.record(1, 2, [7, 7], FRAME));
        assert_eq!(read(file).0, [seen(1_000_002_000, 0, link.0, 7)]);
    }
}

#[test]
fn pcapng_interfaces_sections_and_packet_kinds() {
    for (order, other) in [(Order(true), Order(false)), (Order(false), Order(true))] {
        let mut file = order.section();
        file.extend(order.interface(1, 0, &[(2, b"eth0")]));
        let offset = if order.0 { 10_u64.to_be_bytes() } else { 10_u64.to_le_bytes() };
        file.extend(order.interface(101, 0, &[(9, &[9]), (14, &offset)]));
        file.extend(order.enhanced(0, 0x1_0000_0000, FRAME));
        file.extend(order.enhanced(1, 5, FRAME));
        // A block of a kind that we do not read, and the obsolete packet block.
        file.extend(order.block(0x0bad_0001, &[1; 40]));
        let mut obsolete = order.u16(1).to_vec();
        obsolete.extend(order.u16(0));
        for number in [0, 6, 7, 8] {
            obsolete.extend(order.u32(number));
        }
        obsolete.extend(FRAME);
        file.extend(order.block(2, &obsolete));
        // The next section has the other byte order and its own interfaces.
        file.extend(other.section());
        file.extend(other.interface(113, 0, &[(2, b"wlan0")]));
        file.extend(other.interface(1, 0, &[(2, b"eth0\0")]));
        file.extend(other.enhanced(0, 1, FRAME));
        file.extend(other.enhanced(1, 2, FRAME));

        let (frames, names, fault) = read(file);
        assert_eq!(fault, None);
        assert_eq!(names, [(1, "eth0".to_owned()), (2, "wlan0".to_owned())]);
        assert_eq!(
            frames,
            [
                seen(0x1_0000_0000 * 1000, 1, 1, 12),
                seen(10_000_000_005, 0, 101, 12),
                seen(10_000_000_006, 0, 101, 8),
                seen(1_000, 2, 113, 12),
                seen(2_000, 1, 1, 12),
            ]
        );
    }
}

#[test]
fn simple_packet_blocks_obey_the_snap_length() {
    for order in Order::BOTH {
        for (snap, original, expected) in [(0, 7, 7), (5, 7, 5), (100, 4_000, 8)] {
            let mut file = order.section();
            file.extend(order.interface(1, snap, &[]));
            let mut body = order.u32(original).to_vec();
            body.extend(FRAME);
            file.extend(order.block(3, &body));
            let (frames, _, fault) = read(file);
            assert_eq!(fault, None);
            assert_eq!(frames[0].bytes.len(), expected, "snap {snap}, original {original}");
            assert_eq!(frames[0].original_len, original);
        }
    }
}

#[test]
fn a_cut_anywhere_delivers_what_is_before_it_and_names_the_offset() {
    let order = Order(false);
    let mut pcap = order.pcap(0xa1b2_c3d4, 4, 1);
    let mut pcapng = order.section();
    pcapng.extend(order.interface(1, 0, &[]));
    let mut ends = [vec![pcap.len()], vec![order.section().len(), pcapng.len()]];
    for _ in 0..3 {
        pcap.extend(order.record(1, 2, [7, 7], FRAME));
        ends[0].push(pcap.len());
        pcapng.extend(order.enhanced(0, 1, FRAME));
        ends[1].push(pcapng.len());
    }
    for ((file, ends), before_frames) in [pcap, pcapng].iter().zip(ends).zip([1, 2]) {
        for cut in ends[0]..file.len() {
            let (frames, _, fault) = read(file[..cut].to_vec());
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(frames.len(), whole.saturating_sub(before_frames), "cut at {cut}");
            if ends.contains(&cut) {
                assert_eq!(fault, None, "cut at {cut}");
            } else {
                let fault = fault.expect("a fault");
                assert!(fault.contains(&format!("cut off at byte {cut}:")), "{fault}");
                assert!(fault.contains(&format!("begins at byte {} ", ends[whole - 1])), "{fault}");
            }
        }
    }
}

#[test]
fn gzip_whole_and_cut_off_in_several_members() {
    let order = Order(true);
    let mut file = order.pcap(0xa1b2_c3d4, 4, 1);
    for number in 0..50_000 {
        file.extend(order.record(number, 2, [7, 7], FRAME));
    }
    assert_eq!(read(file.clone()).0.len(), 50_000);
    let (first, second) = file.split_at(file.len() / 2);
    let mut packed = Vec::new();
    for part in [first, second] {
        let mut encoder = GzEncoder::new(packed, Compression::fast());
        encoder.write_all(part).unwrap();
        packed = encoder.finish().unwrap();
    }
    let (frames, _, fault) = read(packed.clone());
    assert_eq!((frames.len(), fault), (50_000, None));

    let (frames, _, fault) = read(packed[..packed.len() - 100].to_vec());
    assert!(frames.len() > 40_000, "{}", frames.len());
    assert!(fault.clone().unwrap().contains("cut off at byte"), "{fault:?}");
    let (frames, _, fault) = read(packed[..packed.len() - 4].to_vec());
    assert_eq!(frames.len(), 50_000);
    assert!(fault.clone().unwrap().contains("cut off at byte"), "{fault:?}");

    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let (frames, _, fault) = read(packed);
    assert!(!frames.is_empty());
    assert!(fault.clone().unwrap().starts_with("x.pcap: "), "{fault:?}");
}

#[test]
fn something_else_is_named() {
    for (bytes, found) in [
        (&b""[..], "an empty file"),
        (b"\x28\xb5\x2f\xfd....", "zstd -dc"),
        (b"{\"src_ip\"", "JSON"),
        (b"hello, world", "\"hello, w\""),
        (b"\x1f\x8b", "cannot be read on"),
    ] {
        let (frames, _, fault) = read(bytes.to_vec());
        assert!(frames.is_empty());
        let fault = fault.expect("a fault");
        assert!(fault.contains(found), "{fault}");
    }
}

#[test]
fn lengths_that_lie_are_faults_with_their_offset() {
    let order = Order(false);
    let mut huge = order.pcap(0xa1b2_c3d4, 4, 1);
    huge.extend(order.record(1, 2, [7, 7], FRAME));
    huge.extend(order.record(1, 2, [0xffff_fff0, 7], FRAME));
    let (frames, _, fault) = read(huge);
    assert_eq!(frames.len(), 1);
    assert!(fault.unwrap().contains("damaged at byte 47: a packet of 4294967280 bytes"));

    let good = [order.section(), order.interface(1, 0, &[]), order.enhanced(0, 1, FRAME)].concat();
    let at = good.len();
    let mut contradictory = order.enhanced(0, 1, FRAME);
    contradictory[20] = 60; // captured length beyond the block
    let mut ends_differ = order.enhanced(0, 1, FRAME);
    *ends_differ.last_mut().unwrap() = 1;
    for (bad, what) in [
        (contradictory, "longer than its block"),
        (ends_differ, "two ends"),
        (order.enhanced(7, 1, FRAME), "interface that no block"),
        (order.block(6, &[0; 16]), "too short"),
        (order.block(1, &[0; 4]), "contradicts itself"),
        ([order.u32(6), order.u32(11)].concat().repeat(2), "impossible length 11"),
        ([order.u32(6), order.u32(0xffff_fff0)].concat().repeat(2), "none is longer"),
        (order.block(0x0a0d_0d0a, &[0; 16]), "without byte order"),
    ] {
        let (frames, _, fault) = read([good.clone(), bad].concat());
        assert_eq!(frames.len(), 1, "{what}");
        let fault = fault.expect("a fault");
        assert!(fault.contains(&format!("damaged at byte {at}: ")), "{fault}");
        assert!(fault.contains(what), "{fault}");
    }
}

#[test]
fn a_packet_larger_than_the_first_buffer_fits() {
    let order = Order(false);
    let large = vec![7; 3_000_000];
    let length = u32::try_from(large.len()).unwrap();
    let mut pcap = order.pcap(0xa1b2_c3d4, 4, 1);
    pcap.extend(order.record(1, 2, [length, length], &large));
    pcap.extend(order.record(1, 2, [7, 7], FRAME));
    let mut pcapng = order.section();
    pcapng.extend(order.interface(1, 0, &[]));
    pcapng.extend(order.enhanced(0, 1, &large));
    pcapng.extend(order.enhanced(0, 1, FRAME));
    for file in [pcap, pcapng] {
        let (frames, _, fault) = read(file);
        assert_eq!(fault, None);
        assert_eq!(frames.iter().map(|f| f.bytes.len()).collect::<Vec<_>>(), [3_000_000, 7]);
    }
}

#[test]
fn what_is_passed_over_may_be_larger_than_a_block() {
    const UNKNOWN: u32 = 0x0bad;
    let order = Order(true);
    let mut file = order.section();
    for round in 0..3 {
        let name = format!("eth{round}");
        file.extend(order.interface(1, 0, &[(2, name.as_bytes())]));
        for ticks in 0..9_000 {
            let frame = [&[0; 12][..], &captured_ipv4(ticks)].concat();
            file.extend(order.enhanced(round, ticks.into(), &frame));
        }
        file.extend(order.block(UNKNOWN, &vec![7; 700_000]));
    }
    let (frames, names, fault) = read(file);
    assert_eq!((frames.len(), names.len(), fault), (27_000, 3, None));
    assert!(frames.iter().map(|frame| frame.interface).is_sorted());
}

/// From its type on, of a host with this number.
fn captured_ipv4(host: u32) -> Vec<u8> {
    [&[8, 0, 0x45][..], &[0; 11], &host.to_be_bytes(), &[192, 0, 2, 1]].concat()
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_panic_and_within_bounds(
        kind in 0..4_usize,
        noise in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
    ) {
        let order = Order(kind == 1);
        let mut file = match kind {
            0 | 1 => order.pcap(0xa1b2_c3d4, 4, 1),
            2 => [order.section(), order.interface(1, 0, &[])].concat(),
            _ => Vec::new(),
        };
        let begin = file.len();
        file.extend(&noise);
        let (frames, _, _) = read(file);
        let delivered: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
        proptest::prop_assert!(delivered <= begin + noise.len());
    }
}
