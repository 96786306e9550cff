//! The TCP header, padding, snap length, slices of super-frames.

use super::*;

#[test]
fn ethernet_padding_is_not_payload() {
    let bytes = join(&[&eth(0x0800, &ipv4(6, &tcp_with(0x18, &[], b"ab"))), &[0x5a; 18]]);
    let segment = segment(ethernet(&bytes));
    assert_eq!((segment.payload, segment.missing), (&b"ab"[..], 0));
    let bytes = join(&[&eth(0x86dd, &ipv6(6, &tcp_with(0x18, &[], b"ab"))), &[0x5a; 18]]);
    assert_eq!(super::segment(ethernet(&bytes)).payload, b"ab");
}

#[test]
fn no_length_means_to_the_end_of_the_frame() {
    let mut v4 = eth(0x0800, &tcp4());
    v4[16..18].fill(0);
    let segment = segment(ethernet(&v4));
    assert_eq!((segment.payload, segment.missing), (PAYLOAD, 0));
    assert_eq!(segment.ip.total_length, tcp4().len() as u32);
    let mut v6 = eth(0x86dd, &tcp6());
    v6[18..20].fill(0);
    assert_eq!(super::segment(ethernet(&v6)).payload, PAYLOAD);
    let hop_by_hop = join(&[&[6, 0, 0xc2, 4, 0, 1, 0, 0], &tcp()]);
    let mut jumbo = eth(0x86dd, &ipv6(0, &hop_by_hop));
    jumbo[18..20].fill(0);
    assert_eq!(super::segment(ethernet(&jumbo)).payload, PAYLOAD);
}

#[test]
fn the_snap_length_leaves_payload_missing() {
    let bytes = eth(0x0800, &tcp4());
    let cut = &bytes[..bytes.len() - 5];
    for original_len in [bytes.len() as u32, cut.len() as u32] {
        let frame = Frame { original_len, ..frame(LinkType::ETHERNET, cut) };
        let segment = segment(decode(&frame, 0));
        assert_eq!(segment.payload, &PAYLOAD[..PAYLOAD.len() - 5]);
        assert_eq!(segment.missing, 5);
    }
}

#[test]
fn a_header_cut_by_the_capture_is_no_runt() {
    let bytes = eth(0x0800, &tcp4());
    for len in 0..54 {
        let cut =
            Frame { original_len: bytes.len() as u32, ..frame(LinkType::ETHERNET, &bytes[..len]) };
        assert_eq!(error(decode(&cut, 0)), WireError::CutInHeader, "at {len}");
    }
}

#[test]
fn broken_tcp_headers() {
    let with = |payload: &[u8]| eth(0x0800, &ipv4(6, payload));
    assert_eq!(error(ethernet(&with(&tcp()[..19]))), WireError::TcpRunt);
    assert_eq!(error(ethernet(&with(b""))), WireError::TcpRunt);
    let mut small = tcp();
    small[12] = 0x40;
    assert_eq!(error(ethernet(&with(&small))), WireError::TcpHeaderLength);
    let mut large = tcp();
    large[12] = 0xf0;
    assert_eq!(error(ethernet(&with(&large))), WireError::TcpHeaderLength);
}

/// A slice of a super-frame: its headers, then payload from `skipped` on, `len` bytes of it.
fn slice(flags: u8, payload: &[u8], skipped: usize, len: usize) -> (Vec<u8>, u32) {
    let whole = eth(0x0800, &ipv4(6, &tcp_with(flags, &[], payload)));
    let header = whole.len() - payload.len();
    let bytes = join(&[&whole[..header], &payload[skipped..skipped + len]]);
    (bytes, whole.len() as u32)
}

#[test]
fn slices_of_a_super_frame_follow_each_other() {
    for (skipped, len, missing) in [(0, 4, 16), (4, 6, 10), (10, 10, 0)] {
        let payload: Vec<u8> = (0..20).collect();
        let (bytes, original_len) = slice(0x18, &payload, skipped, len);
        let frame = Frame {
            original_len,
            skipped_payload: skipped as u32,
            ..frame(LinkType::ETHERNET, &bytes)
        };
        let segment = segment(decode(&frame, 0));
        assert_eq!(segment.sequence, SEQUENCE + skipped as u32);
        assert_eq!(segment.payload, &payload[skipped..skipped + len]);
        assert_eq!(segment.missing, missing);
    }
}

#[test]
fn a_syn_with_data_in_slices_counts_its_own_number_once() {
    let payload: Vec<u8> = (0..20).collect();
    for (skipped, syn) in [(0, true), (8, false)] {
        let (bytes, original_len) = slice(0x02, &payload, skipped, 8);
        let frame = Frame {
            original_len,
            skipped_payload: skipped as u32,
            ..frame(LinkType::ETHERNET, &bytes)
        };
        let segment = segment(decode(&frame, 0));
        assert_eq!(segment.flags.any(TcpFlags::SYN), syn);
        assert_eq!(segment.payload_sequence(), SEQUENCE + 1 + skipped as u32);
        assert_eq!(segment.payload, &payload[skipped..skipped + 8]);
    }
}

#[test]
fn a_slice_of_a_frame_without_length() {
    let payload: Vec<u8> = (0..20).collect();
    let (mut bytes, original_len) = slice(0x18, &payload, 4, 6);
    bytes[16..18].fill(0);
    let frame = Frame { original_len, skipped_payload: 4, ..frame(LinkType::ETHERNET, &bytes) };
    let segment = segment(decode(&frame, 0));
    assert_eq!((segment.payload, segment.missing), (&payload[4..10], 10));
}

#[test]
fn sequence_numbers_wrap() {
    let mut bytes = eth(0x0800, &ipv4(6, &tcp_with(0x02, &[], b"x")));
    bytes[38..42].fill(0xff);
    let segment = segment(ethernet(&bytes));
    assert_eq!((segment.sequence, segment.payload_sequence()), (u32::MAX, 0));
}

#[test]
fn what_nobody_has_checked_is_judged_as_its_receiver_does() {
    let doubted = |bytes: &[u8], skipped_payload| {
        let whole = frame(LinkType::ETHERNET, bytes);
        decode(&Frame { unverified: true, skipped_payload, ..whole }, 1).map(drop)
    };
    for (kind, datagram) in [(0x0800, sealed(tcp4())), (0x86dd, sealed(tcp6()))] {
        let sound = eth(kind, &datagram);
        assert_eq!(doubted(&sound, 0), Ok(()));
        // Any bit of the segment; the addresses are in its sum too.
        let segment = sound.len() - tcp().len();
        for at in segment..sound.len() {
            let mut damaged = sound.clone();
            damaged[at] ^= 0x10;
            let lost = doubted(&damaged, 0);
            // The header's length is read before its checksum.
            let causes = [Err(WireError::TcpChecksum), Err(WireError::TcpHeaderLength)];
            assert!(causes.contains(&lost), "at {at}: {lost:?}");
            assert_eq!(ethernet(&damaged).is_ok(), lost == causes[0], "is nobody's to judge");
        }
        // A later slice of a super-frame, and what a tunnel carries, are taken as they are.
        let mut damaged = sound.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(doubted(&damaged, 1), Ok(()));
        let gre = join(&[&[0, 0], &u16::to_be_bytes(kind), &damaged[14..]]);
        let mut outer = ipv4(47, &gre);
        let sum = sealed(outer.clone());
        outer[10..12].copy_from_slice(&sum[10..12]);
        assert_eq!(doubted(&eth(0x0800, &outer), 0), Ok(()));
        // Shorter than it says it is.
        let cut = &sound[..sound.len() - 1];
        assert_eq!(doubted(cut, 0), Err(WireError::IpBeyondFrame));
        // Cut by the capture: nobody can tell.
        let cut = Frame { original_len: sound.len() as u32, ..frame(LinkType::ETHERNET, cut) };
        assert!(decode(&Frame { unverified: true, ..cut }, 0).is_ok());
    }
    // A datagram of fragments of which none was checked, and one of which some were.
    let piece = eth(0x0800, &ipv4_with(6, 0x2000, &[], &tcp()));
    let first = fragment(ethernet(&piece));
    for (payload, unverified, sound) in
        [(tcp(), true, false), (tcp(), false, true), (sealed(tcp4())[20..].to_vec(), true, true)]
    {
        let whole = Fragment { payload: &payload, more: false, unverified, ..first };
        assert_eq!(decode_datagram(&whole, 0).is_ok(), sound);
    }
    for at in 16..34 {
        let mut damaged = eth(0x0800, &sealed(tcp4()));
        damaged[at] ^= 0x10;
        assert!(doubted(&damaged, 0).is_err(), "at {at}");
    }
}
