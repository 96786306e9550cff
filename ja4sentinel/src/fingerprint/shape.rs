//! All of a hello that its fingerprints depend on.

use super::Transport;
use super::grease::without_grease;
use super::ja4::Head;
use crate::hello::{ClientHello, U16s};

/// The lists of a hello without GREASE, which differs from one connection of a client's to the next,
/// and what else goes into a fingerprint.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// List behind list, in network byte order; then part a of JA4, the version, and where each list
    /// ends: the same for hellos with the same fingerprints alone.
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
        let ciphers = push(bytes, hello.ciphers.iter());
        let extensions = push(bytes, hello.extensions.iter().map(|extension| extension.kind));
        let algorithms = push(bytes, hello.signature_algorithms.iter());
        let groups = push(bytes, hello.groups.iter());
        // 8-bit values, so that none of them is GREASE.
        bytes.extend_from_slice(hello.point_formats);
        *ends = [ciphers, extensions, algorithms, groups, bytes.len()];

        let head = Head::of(hello, transport, version, ciphers / 2, (extensions - ciphers) / 2);
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&hello.legacy_version.to_be_bytes());
        bytes.extend_from_slice(ends.map(usize::to_ne_bytes).as_flattened());
        head
    }

    /// Tells hellos with different fingerprints apart.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn ciphers(&self) -> U16s<'_> {
        let [ciphers, ..] = self.ends;
        U16s(self.list(0, ciphers))
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

/// Appends the values without GREASE; returns where they end.
fn push(bytes: &mut Vec<u8>, values: impl Iterator<Item = u16> + Clone) -> usize {
    for value in without_grease(values) {
        bytes.extend_from_slice(&value.to_be_bytes());
    }
    bytes.len()
}
