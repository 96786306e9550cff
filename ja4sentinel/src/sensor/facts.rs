//! What one segment says about the client's IP and TCP stack.

use crate::record::MetaSource;
use crate::wire::{IpFacts, MAX_TCP_OPTIONS, Segment, TcpOptions, VlanStack};

/// The facts of a connection's SYN, or of the first segment of its hello.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) source: MetaSource,
    pub(super) timestamp_ns: u64,
    pub(super) interface: u32,
    pub(super) vlan: VlanStack,
    pub(super) ip: IpFacts,
    pub(super) window: u16,
    /// Sequence number of the first byte of payload that can follow, or does.
    pub(super) base: u32,
    options: [u8; MAX_TCP_OPTIONS],
    options_len: u8,
}

impl Facts {
    pub(super) fn of(segment: &Segment<'_>) -> Self {
        let opens = segment.flags.opens();
        let mut options = [0; MAX_TCP_OPTIONS];
        let mut options_len = 0;
        let given = segment.options.0.get(..MAX_TCP_OPTIONS).unwrap_or(segment.options.0);
        if let Some(room) = options.get_mut(..given.len()) {
            room.copy_from_slice(given);
            options_len = given.len();
        }
        Self {
            source: if opens { MetaSource::Syn } else { MetaSource::Hello },
            timestamp_ns: segment.timestamp_ns,
            interface: segment.interface,
            vlan: segment.vlan,
            ip: segment.ip,
            window: segment.window,
            base: segment.sequence.wrapping_add(u32::from(opens)),
            options,
            options_len: u8::try_from(options_len).unwrap_or_default(),
        }
    }

    pub(super) fn options(&self) -> TcpOptions<'_> {
        TcpOptions(self.options.get(..usize::from(self.options_len)).unwrap_or_default())
    }
}
