//! Capture files made of frames.

/// A pcap file (little-endian, nanoseconds) of frames with the link type `link`, one a millisecond.
#[must_use]
pub fn pcap(link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |numbers: &[u32]| {
        for number in numbers {
            file.extend(number.to_le_bytes());
        }
    };
    // Version 2.4, no time zone, no accuracy, any length of frames.
    put(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, link]);
    for (time, frame) in (0_u64..).zip(frames) {
        let nanoseconds = time * 1_000_000;
        let part = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let seconds = 1_700_000_000 + nanoseconds / 1_000_000_000;
        for number in [part(seconds), part(nanoseconds % 1_000_000_000), length, length] {
            file.extend(number.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}
