//! Captured bytes and the length that they had on the wire.

use super::WireError;

/// The rest of a frame from some header on: the bytes that were captured, and the length on the
/// wire, which is larger when the capture's snap length cut the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'a> {
    captured: &'a [u8],
    wire: usize,
}

impl<'a> Span<'a> {
    pub(super) fn new(captured: &'a [u8], wire: usize) -> Self {
        Self { captured, wire: wire.max(captured.len()) }
    }

    pub(super) fn captured(self) -> &'a [u8] {
        self.captured
    }

    pub(super) fn wire(self) -> usize {
        self.wire
    }

    /// Bytes on the wire that were not captured.
    pub(super) fn missing(self) -> u32 {
        u32::try_from(self.wire.saturating_sub(self.captured.len())).unwrap_or(u32::MAX)
    }

    /// The error for a header of `len` bytes that is not all there: `runt` when the wire had
    /// fewer, else the capture cut it.
    pub(super) fn short(self, len: usize, runt: WireError) -> WireError {
        if self.wire < len { runt } else { WireError::CutInHeader }
    }

    /// What follows the next `len` bytes.
    pub(super) fn skip(self, len: usize, runt: WireError) -> Result<Self, WireError> {
        match self.captured.get(len..) {
            Some(captured) => Ok(Self { captured, wire: self.wire.saturating_sub(len) }),
            None => Err(self.short(len, runt)),
        }
    }

    /// The next `N` bytes, and what follows them.
    pub(super) fn take<const N: usize>(
        self,
        runt: WireError,
    ) -> Result<(&'a [u8; N], Self), WireError> {
        match self.captured.split_first_chunk::<N>() {
            Some((header, captured)) => {
                Ok((header, Self { captured, wire: self.wire.saturating_sub(N) }))
            }
            None => Err(self.short(N, runt)),
        }
    }

    /// The same with the length that a header states. Bytes behind it are padding and leave; a
    /// length beyond the frame is believed, as captures whose tools forgot the original length
    /// exist, so that what is absent shows as missing.
    pub(super) fn limit(self, len: usize) -> Self {
        Self { captured: self.captured.get(..len).unwrap_or(self.captured), wire: len }
    }
}
