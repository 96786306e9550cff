//! A record that is written over, one hello after the other, in the memory that it has.

use std::net::{IpAddr, Ipv4Addr};

use arrayvec::ArrayVec;

use super::{Kind, MetaSource, Record, SCHEMA, Text};
use crate::fingerprint::Transport;
use crate::wire::OptionNames;

impl Record {
    /// A record that says nothing, to be written over.
    pub(crate) fn blank() -> Self {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            src_ip: nowhere,
            src_port: 0,
            dst_ip: nowhere,
            dst_port: 0,
            ip_meta_ttl: 0,
            ip_meta_total_length: 0,
            ip_meta_id: None,
            ip_meta_df: None,
            tcp_meta_window_size: 0,
            tcp_meta_mss: None,
            tcp_meta_window_scale: None,
            tcp_meta_options: OptionNames::new(),
            ja4: Default::default(),
            ja4_hash: Default::default(),
            ja3: String::new(),
            ja3_hash: Default::default(),
            timestamp: 0,
            schema: SCHEMA,
            transport: Transport::Tcp.letter(),
            ja4_r: String::new(),
            ja4_o: Default::default(),
            ja4_ro: String::new(),
            sni: None,
            alpn: Vec::new(),
            tls_version: "",
            supported_versions: Vec::new(),
            meta_source: MetaSource::Hello,
            syn_to_hello_us: None,
            tcp_meta_option_kinds: ArrayVec::new(),
            hello_index: 0,
            hello_bytes: 0,
            segments: 0,
            tls_records: 0,
            interface: None,
            vlan: Vec::new(),
            backend: "",
            oddities: Vec::new(),
            proxy_ip: None,
            proxy_port: None,
            kind: Kind::Incomplete,
            reason: None,
        }
    }

    /// Bytes of memory behind what a client can make long. The other lists end early: a length of
    /// one byte bounds the versions.
    pub(crate) fn memory(&self) -> usize {
        let texts = [&self.ja3, &self.ja4_r, &self.ja4_ro];
        let names = self.sni.iter().chain(&self.alpn).map(Text::memory);
        texts.into_iter().map(String::capacity).chain(names).sum::<usize>()
            + self.alpn.capacity() * size_of::<Text>()
    }
}

/// Writes a text over the one that may be there.
pub(crate) fn rewrite(text: &mut Option<Text>, bytes: Option<&[u8]>) {
    match (text.as_mut(), bytes) {
        (Some(text), Some(bytes)) => text.set(bytes),
        (_, bytes) => *text = bytes.map(Text::new),
    }
}

/// Writes texts over those that are there.
pub(crate) fn rewrite_all<'a>(texts: &mut Vec<Text>, all: impl Iterator<Item = &'a [u8]>) {
    let mut written = 0;
    for bytes in all {
        match texts.get_mut(written) {
            Some(text) => text.set(bytes),
            None => texts.push(Text::new(bytes)),
        }
        written += 1;
    }
    texts.truncate(written);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_stays_of_the_texts_before(
            texts in prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![
                        Just(b"h2".to_vec()),
                        Just(b"a\\b\xff".to_vec()),
                        prop::collection::vec(any::<u8>(), 0..40),
                    ],
                    0..5,
                ),
                0..10,
            ),
        ) {
            let (mut one, mut all) = (None, Vec::new());
            for bytes in texts {
                rewrite(&mut one, bytes.first().map(Vec::as_slice));
                rewrite_all(&mut all, bytes.iter().map(Vec::as_slice));
                let fresh: Vec<Text> = bytes.iter().map(|bytes| Text::new(bytes)).collect();
                prop_assert_eq!(one.as_ref(), fresh.first());
                prop_assert_eq!(&all, &fresh);
            }
        }
    }
}
