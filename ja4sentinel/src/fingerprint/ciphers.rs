//! A list of cipher suites in every form that a fingerprint needs.

use super::ja4::{self, Hash};
use super::text::push_hex_list;
use super::{ja3, order};
use crate::hello::U16s;

/// The forms of one list without GREASE.
#[derive(Debug, Clone, Default)]
pub(super) struct Ciphers {
    /// In wire order, for JA4_o and JA4_ro.
    pub(super) wire: Part,
    /// Sorted, for JA4 and JA4_r.
    pub(super) sorted: Part,
    /// In wire order, with the version in front, for JA3.
    pub(super) ja3: ja3::Beginning,
}

/// A part of JA4, as text and hashed.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) text: Vec<u8>,
    pub(super) hash: Hash,
}

impl Ciphers {
    /// Writes the forms of `list`, of a hello with that version, over those that are there.
    pub(super) fn work_out(&mut self, version: u16, list: U16s<'_>) {
        let mut suites: Vec<u16> = list.iter().collect();
        self.ja3.work_out(version, &suites);
        self.wire.work_out(&suites);
        order::sort(&mut suites);
        self.sorted.work_out(&suites);
    }
}

impl Part {
    fn work_out(&mut self, values: &[u16]) {
        self.text.clear();
        push_hex_list(&mut self.text, values.iter().copied());
        self.hash = ja4::hash(&self.text);
    }
}
