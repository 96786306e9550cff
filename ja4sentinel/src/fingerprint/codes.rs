//! The lists of a hello that fingerprints go over.

use super::grease::without_grease;
use crate::hello::ClientHello;

/// Lists in wire order and without GREASE.
#[derive(Debug, Default)]
pub(super) struct Codes {
    pub(super) extensions: Vec<u16>,
    pub(super) signature_algorithms: Vec<u16>,
    pub(super) groups: Vec<u16>,
}

impl Codes {
    /// Takes over those of `hello`.
    pub(super) fn read(&mut self, hello: &ClientHello<'_>) {
        let kinds = hello.extensions.iter().map(|extension| extension.kind);
        refill(&mut self.extensions, kinds);
        refill(&mut self.signature_algorithms, hello.signature_algorithms.iter());
        refill(&mut self.groups, hello.groups.iter());
    }
}

fn refill(codes: &mut Vec<u16>, values: impl Iterator<Item = u16> + Clone) {
    codes.clear();
    codes.extend(without_grease(values));
}
