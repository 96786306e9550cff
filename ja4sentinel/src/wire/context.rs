//! What the outer layers said that the segment must know.

use super::{Fragment, Frame, VlanStack, VlanTag, WireError};

/// Facts gathered on the way down through a frame.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) timestamp_ns: u64,
    pub(super) interface: u32,
    pub(super) vlan: VlanStack,
    /// See [`Frame::skipped_payload`].
    pub(super) skipped_payload: u32,
    /// Whether the bytes come from a reassembled datagram.
    pub(super) fragmented: bool,
    /// Tunnels unwrapped so far.
    pub(super) tunnels: u8,
    /// Tunnels that may be unwrapped.
    max_tunnels: u8,
    /// VLAN tags seen so far.
    tags: u8,
    /// See [`Frame::unverified`].
    unverified: bool,
}

/// VLAN tags read in one frame before it is given up: twice [`VlanStack::DEPTH`].
pub const MAX_TAGS: u8 = 8;

impl Context {
    pub(super) fn of_frame(frame: &Frame<'_>, max_tunnels: u8) -> Self {
        let mut context = Self {
            timestamp_ns: frame.timestamp_ns,
            interface: frame.interface,
            vlan: VlanStack::default(),
            skipped_payload: frame.skipped_payload,
            fragmented: false,
            tunnels: 0,
            max_tunnels,
            tags: 0,
            unverified: frame.unverified,
        };
        if let Some(tag) = frame.vlan {
            context.vlan.tag(tag);
        }
        context
    }

    pub(super) fn of_datagram(whole: &Fragment<'_>, max_tunnels: u8) -> Self {
        Self {
            timestamp_ns: whole.timestamp_ns,
            interface: whole.interface,
            vlan: whole.vlan,
            skipped_payload: 0,
            fragmented: true,
            tunnels: whole.depth,
            max_tunnels,
            tags: 0,
            unverified: whole.unverified,
        }
    }

    /// Notes a VLAN tag that stands in the frame's bytes.
    pub(super) fn tag(&mut self, tag: VlanTag) -> Result<(), WireError> {
        self.tags += 1;
        if self.tags > MAX_TAGS {
            return Err(WireError::TooManyTags);
        }
        self.vlan.tag(tag);
        Ok(())
    }

    /// Whether checksums and lengths are to be looked at as the receiver does: what is inside a tunnel
    /// or goes on in another frame is taken as it is.
    pub(super) fn is_doubted(&self) -> bool {
        self.unverified && self.tunnels == 0 && self.skipped_payload == 0
    }

    /// Whether one more tunnel may be unwrapped.
    pub(super) fn may_enter(&self) -> bool {
        self.tunnels < self.max_tunnels
    }

    /// Goes into a tunnel, if the limit allows.
    pub(super) fn enter(&mut self) -> Result<(), WireError> {
        if !self.may_enter() {
            return Err(WireError::TunnelTooDeep);
        }
        self.tunnels += 1;
        Ok(())
    }
}
