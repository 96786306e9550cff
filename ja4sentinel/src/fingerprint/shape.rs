//! All of a hello that its fingerprints depend on.

use super::Transport;
use super::grease::is_grease;
use super::ja4::Head;
use crate::hello::{ClientHello, U16s};

/// Bytes of the version, in front of the lists.
const VERSION: usize = 2;

/// The lists of a hello without GREASE, which differs from one connection of a client's to the next,
/// and what else goes into a fingerprint.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The version, and list behind list, in network byte order; then part a of JA4, and where each
    /// list ends: the same for hellos with the same fingerprints alone.
    bytes: Vec<u8>,
    /// Of cipher suites, extensions, signature algorithms, groups and point formats.
    ends: [usize; 5],
}

impl Shape {
    /// Takes over those of `hello`, whose version JA4 prints as `version`, and hands out part a.
    pub(super) fn read(
        &mut self,
        hello: &ClientHello<'_>,
        version: &str,
        transport: Transport,
    ) -> Head {
        let Self { bytes, ends } = self;
        bytes.clear();
        bytes.extend_from_slice(&hello.legacy_version.to_be_bytes());
        let ciphers = push_list(bytes, hello.ciphers);
        let kinds = hello.extensions.iter().map(|extension| extension.kind);
        let extensions = push(bytes, kinds, hello.extensions.most());
        let algorithms = push_list(bytes, hello.signature_algorithms);
        let groups = push_list(bytes, hello.groups);
        // 8-bit values, so that none of them is GREASE.
        bytes.extend_from_slice(hello.point_formats);
        *ends = [ciphers, extensions, algorithms, groups, bytes.len()];

        let counts = ((ciphers - VERSION) / 2, (extensions - ciphers) / 2);
        let head = Head::of(hello, transport, version, counts.0, counts.1);
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(ends.map(usize::to_ne_bytes).as_flattened());
        head
    }

    /// Tells hellos with different fingerprints apart.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `legacy_version` and the cipher suites.
    pub(super) fn beginning(&self) -> &[u8] {
        let [ciphers, ..] = self.ends;
        self.list(0, ciphers)
    }

    /// Writes over `input` what the forms with sorted lists depend on: all but the order of extensions,
    /// the groups and the point formats. `extensions` are those of the hello, sorted.
    pub(super) fn write_sorted(&self, head: &Head, extensions: &[u16], input: &mut Vec<u8>) {
        let [ciphers, kinds, algorithms, ..] = self.ends;
        input.clear();
        input.extend_from_slice(self.list(0, ciphers));
        input.extend_from_slice(self.list(kinds, algorithms));
        extensions.iter().for_each(|kind| input.extend_from_slice(&kind.to_be_bytes()));
        input.extend_from_slice(head.as_bytes());
        input.extend_from_slice([ciphers, extensions.len()].map(usize::to_ne_bytes).as_flattened());
    }

    pub(super) fn ciphers(&self) -> U16s<'_> {
        let [ciphers, ..] = self.ends;
        U16s(self.list(VERSION, ciphers))
    }

    pub(super) fn extensions(&self) -> U16s<'_> {
        let [ciphers, extensions, ..] = self.ends;
        U16s(self.list(ciphers, extensions))
    }

    pub(super) fn signature_algorithms(&self) -> U16s<'_> {
        let [_, extensions, algorithms, ..] = self.ends;
        U16s(self.list(extensions, algorithms))
    }

    pub(super) fn groups(&self) -> U16s<'_> {
        let [.., algorithms, groups, _] = self.ends;
        U16s(self.list(algorithms, groups))
    }

    pub(super) fn point_formats(&self) -> &[u8] {
        let [.., groups, point_formats] = self.ends;
        self.list(groups, point_formats)
    }

    fn list(&self, from: usize, to: usize) -> &[u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }
}

/// Appends a list without GREASE; returns where it ends.
fn push_list(bytes: &mut Vec<u8>, list: U16s<'_>) -> usize {
    let U16s(mut rest) = list;
    // Clients put it at the head of a list, if anywhere.
    while let Some((value, others)) = rest.split_first_chunk()
        && is_grease(u16::from_be_bytes(*value))
    {
        rest = others;
    }
    let (values, _) = rest.as_chunks();
    // No end at the first: so several are looked at in one step. In either byte order it is GREASE.
    let greased = values.iter().map(|value| u16::from(is_grease(u16::from_ne_bytes(*value))));
    if greased.sum::<u16>() > 0 {
        return push(bytes, U16s(rest).iter(), values.len());
    }
    bytes.extend_from_slice(values.as_flattened());
    bytes.len()
}

/// Appends the values, `most` at the most, without GREASE; returns where they end.
fn push(bytes: &mut Vec<u8>, values: impl Iterator<Item = u16>, most: usize) -> usize {
    let mut end = bytes.len();
    // Room for all at once: each is written, and stays when the next one does not overwrite it.
    bytes.resize(end + 2 * most, 0);
    for value in values {
        if let Some(place) = bytes.get_mut(end..).and_then(<[u8]>::first_chunk_mut) {
            *place = value.to_be_bytes();
        }
        end += if is_grease(value) { 0 } else { 2 };
    }
    bytes.truncate(end);
    end
}
