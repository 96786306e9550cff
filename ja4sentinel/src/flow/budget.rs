//! How much may be held for reassembly.

/// Why bytes of a segment were not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// They lie beyond what is looked at for one hello.
    Bytes,
    /// Too many pieces lie apart.
    Pieces,
    /// The memory for reassembly is spent.
    Memory,
}

/// Bounds of one assembler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Stream bytes looked at.
    pub bytes: usize,
    /// Pieces held behind holes; bytes that touch join one piece.
    pub pieces: usize,
    /// Up to which stream offset to remember where segments began; 0 for nowhere.
    pub boundaries: usize,
}

/// The memory that all assemblers of a table share, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    limit: usize,
    used: usize,
}

impl Budget {
    /// A budget of `limit` bytes, all of it free.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Bytes that are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.limit.saturating_sub(self.used)
    }

    /// Changes the limit; what is in use beyond a lower one stays until it is given back.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether `more` bytes are free.
    pub(super) fn has(&self, more: usize) -> bool {
        more <= self.free()
    }

    /// A holder of `before` bytes now holds `after`.
    pub(super) fn settle(&mut self, before: usize, after: usize) {
        self.used = self.used.saturating_sub(before).saturating_add(after);
    }
}
