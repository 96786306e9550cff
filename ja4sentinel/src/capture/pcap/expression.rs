//! A filter expression in user space: for frames that another backend has selected.

use pcap::{BpfProgram, Capture, Linktype};

use super::PcapError;
use crate::wire::{Frame, LinkType};

/// A condition on frames in libpcap's filter language.
pub struct Expression {
    text: String,
    /// The kernel takes the outermost tag out of a frame. Expressions that speak of tags are shown
    /// the frame with its tag put back, others without it: what libpcap's own filters see.
    wants_tags: bool,
    /// Compiled for each link type that was met; `None` where the expression makes no sense on it.
    programs: Vec<(LinkType, Option<BpfProgram>)>,
    tagged: Vec<u8>,
}

impl Expression {
    /// Bytes of an Ethernet header before its type, where a tag goes.
    const ADDRESSES: usize = 12;

    /// Compiles an expression for Ethernet; for other link types that is done when they are met.
    ///
    /// # Errors
    /// It is no expression; libpcap says why.
    pub fn new(text: &str) -> Result<Self, PcapError> {
        let ethernet = compile(text, LinkType::ETHERNET)?;
        let wants_tags =
            text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "vlan");
        Ok(Self {
            text: text.to_owned(),
            wants_tags,
            programs: vec![(LinkType::ETHERNET, Some(ethernet))],
            tagged: Vec::new(),
        })
    }

    /// Whether the frame meets the condition.
    pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
        let known = self.programs.iter().position(|(link, _)| *link == frame.link);
        let at = known.unwrap_or_else(|| {
            self.programs.push((frame.link, compile(&self.text, frame.link).ok()));
            self.programs.len() - 1
        });
        let Some((_, Some(program))) = self.programs.get(at) else { return false };
        match (frame.vlan, frame.bytes.split_at_checked(Self::ADDRESSES)) {
            (Some(tag), Some((addresses, rest)))
                if self.wants_tags && frame.link == LinkType::ETHERNET =>
            {
                self.tagged.clear();
                self.tagged.extend_from_slice(addresses);
                self.tagged.extend_from_slice(&[0x81, 0x00]);
                self.tagged.extend_from_slice(&tag.tci.to_be_bytes());
                self.tagged.extend_from_slice(rest);
                program.filter(&self.tagged)
            }
            _ => program.filter(frame.bytes),
        }
    }
}

fn compile(text: &str, link: LinkType) -> Result<BpfProgram, PcapError> {
    // libpcap numbers raw IP in its own way.
    let dlt = if link == LinkType::RAW { 12 } else { i32::from(link.0) };
    Capture::dead(Linktype(dlt))
        .and_then(|dead| dead.compile(text, true))
        .map_err(|source| PcapError::Expression { expression: text.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::VlanTag;

    /// An Ethernet frame of a TCP segment from 192.0.2.1 to port 443 of 192.0.2.2.
    fn frame() -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes.extend([0x08, 0x00, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
        bytes.extend([192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0x01, 0xbb]);
        bytes.extend([0; 16]);
        bytes
    }

    fn matches(text: &str, link: LinkType, vlan: Option<VlanTag>, bytes: &[u8]) -> bool {
        let frame = Frame {
            timestamp_ns: 0,
            interface: 1,
            link,
            vlan,
            bytes,
            original_len: 54,
            skipped_payload: 0,
            unverified: false,
        };
        Expression::new(text).unwrap().matches(&frame)
    }

    #[test]
    fn frames_of_several_link_types() {
        let bytes = frame();
        for (link, bytes) in [(LinkType::ETHERNET, &bytes[..]), (LinkType::RAW, &bytes[14..])] {
            assert!(matches("src host 192.0.2.1 and tcp dst port 443", link, None, bytes));
            assert!(!matches("src host 192.0.2.2", link, None, bytes));
            assert!(!matches("not src host 192.0.2.1", link, None, bytes));
        }
        assert!(!matches("ether host 2:0:0:0:0:1", LinkType::RAW, None, &bytes[14..]));
    }

    #[test]
    fn a_tag_that_the_kernel_took_out_can_be_asked_for() {
        let (bytes, tag) = (frame(), Some(VlanTag { tci: 0x6007 }));
        for (text, untagged, tagged) in [
            ("src host 192.0.2.1", true, true),
            ("vlan 7 and src host 192.0.2.1", false, true),
            ("vlan 8", false, false),
            ("not vlan 7", true, false),
        ] {
            assert_eq!(matches(text, LinkType::ETHERNET, None, &bytes), untagged, "{text}");
            assert_eq!(matches(text, LinkType::ETHERNET, tag, &bytes), tagged, "{text}");
        }
    }

    #[test]
    fn no_expression_is_an_error_in_the_words_of_libpcap() {
        let error = Expression::new("tcp prt 443").err().unwrap().to_string();
        assert!(error.contains("\"tcp prt 443\""), "{error}");
        assert!(error.contains("syntax error"), "{error}");
        assert!(Expression::new("host 192.0.2.1\0").is_err());
    }
}
