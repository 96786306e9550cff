//! What the program counts, per CPU.

/// What sort of thing a [`Counter`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Every packet.
    Seen,
    /// A verdict: the packet concerns no hello.
    LeftOut,
    /// A verdict: the packet is a SYN, which waits in the kernel.
    Syn,
    /// A verdict: the packet went into the ring buffer.
    HandedUp,
    /// A verdict: the packet was wanted, but could not be handed up.
    Lost,
    /// No verdict on a packet: an amount, or something that came to pass beside it.
    Tally,
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $label:literal,)+) => {
        /// Everything that the program counts. Each packet adds one to [`Counter::Packets`] and
        /// one to exactly one verdict.
        #[repr(u32)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Counter {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Counter {
            /// All of them, in order.
            pub const ALL: [Self; [$($label),+].len()] = [$(Self::$name),+];

            /// Its name in the ledger and in metrics.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// What it counts.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)+ }
            }
        }
    };
}

counters! {
    /// Packets that passed a watched interface.
    Packets: Seen = "packets",

    /// Neither IPv4 nor IPv6 behind a link header that we read.
    NotIp: LeftOut = "not_ip",
    /// Another transport protocol than TCP.
    NotTcp: LeftOut = "not_tcp",
    /// The destination port is not watched.
    OtherPort: LeftOut = "other_port",
    /// An acknowledgement, or the end of a connection that nothing is wanted of.
    NoPayload: LeftOut = "no_payload",
    /// Of a connection that nothing more is wanted of.
    Settled: LeftOut = "settled",
    /// Payload of a connection whose start was not seen, and no beginning of a ClientHello; or far from
    /// where a connection has just begun.
    UnknownConnection: LeftOut = "unknown_connection",
    /// A later fragment of a datagram whose first one was left out.
    FragmentUnwanted: LeftOut = "fragment_unwanted",
    /// The frame ends inside its link-layer header.
    LinkRunt: LeftOut = "link_runt",
    /// More VLAN tags than are read.
    TooManyTags: LeftOut = "too_many_tags",
    /// More MPLS labels than are read.
    TooManyLabels: LeftOut = "too_many_labels",
    /// The IP version is not the one that the layer below announced, or neither 4 nor 6.
    IpVersion: LeftOut = "ip_version",
    /// The datagram ends inside its IP header.
    IpRunt: LeftOut = "ip_runt",
    /// The IPv4 header length is below 20 bytes or beyond the datagram.
    Ipv4HeaderLength: LeftOut = "ipv4_header_length",
    /// The IPv4 total length is below the header length.
    Ipv4TotalLength: LeftOut = "ipv4_total_length",
    /// An IPv6 extension header, or an authentication header, goes beyond the datagram.
    ExtensionLength: LeftOut = "extension_length",
    /// More IPv6 extension headers than are followed.
    TooManyExtensions: LeftOut = "too_many_extensions",
    /// A tunnel's header goes beyond the datagram, or contradicts itself.
    TunnelHeader: LeftOut = "tunnel_header",
    /// The datagram ends inside the fixed part of the TCP header.
    TcpRunt: LeftOut = "tcp_runt",
    /// The TCP data offset is below 20 bytes or beyond the datagram.
    TcpHeaderLength: LeftOut = "tcp_header_length",

    /// A SYN is kept until its connection's first payload.
    SynKept: Syn = "syn_kept",
    /// A SYN that is known already came again.
    SynRepeated: Syn = "syn_repeated",
    /// FIN or RST before any payload: the kept SYN is forgotten.
    SynClosed: Syn = "syn_closed",

    /// In the ring, as one record or several.
    HandedUp: HandedUp = "handed_up",

    /// The ring buffer was full: the reader is too slow, or the ring too small.
    RingFull: Lost = "ring_full",
    /// A fragment beyond the number that may be handed up in a second.
    FragmentBudget: Lost = "fragment_budget",
    /// A fragment longer than a ring record.
    FragmentTooLong: Lost = "fragment_too_long",
    /// A SYN whose headers exceed the room that there is for it. Its connection is taken up
    /// without it.
    SynTooLong: Lost = "syn_too_long",
    /// The headers before a payload exceed the room that there is for them.
    HeadersTooLong: Lost = "headers_too_long",
    /// The kernel refused an entry in one of the tables.
    TableFull: Lost = "table_full",
    /// The kernel could not read bytes that the packet's length says are there.
    Unreadable: Lost = "unreadable",

    /// Connections taken up whose SYN was kept, or carried the payload itself.
    ConnectionsWithSyn: Tally = "connections_with_syn",
    /// Connections taken up whose SYN was not seen, or no longer kept.
    ConnectionsWithoutSyn: Tally = "connections_without_syn",
    /// Connections taken up, but the first thing of them did not go into the ring: nobody above
    /// knows of them.
    ConnectionsLost: Tally = "connections_lost",
    /// Connections given up because the byte budget of one was spent.
    BudgetSpent: Tally = "budget_spent",
    /// Frames handed up without what is behind their first 256 KiB of payload.
    FramesCut: Tally = "frames_cut",
    /// Kept SYNs replaced by another SYN between the same ends before any payload.
    SynReplaced: Tally = "syn_replaced",
    /// Ring records written.
    Records: Tally = "ring_records",
    /// Bytes of frames written into the ring, kept SYNs left out.
    Bytes: Tally = "ring_bytes",
    /// Fragments that were to be handed up.
    Fragments: Tally = "fragments",
}

/// One CPU's counters, or a sum over several.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters(pub [u64; Counter::ALL.len()]);

impl Counters {
    /// The value of one.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize).copied().unwrap_or_default()
    }

    /// Adds another CPU's.
    pub fn add(&mut self, other: &Self) {
        for (sum, value) in self.0.iter_mut().zip(other.0) {
            *sum = sum.wrapping_add(value);
        }
    }

    /// All, with what each counts.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().map(|counter| (*counter, self.get(*counter)))
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self([0; Counter::ALL.len()])
    }
}

#[cfg(feature = "user")]
// SAFETY: an array of integers, so no padding; every bit pattern is a value.
unsafe impl aya::Pod for Counters {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_snake_case_and_unique() {
        for (at, counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(*counter as usize, at);
            let label = counter.label();
            let fits = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
            assert!(label.bytes().all(fits), "{label}");
            assert!(Counter::ALL[..at].iter().all(|other| other.label() != label), "{label}");
        }
    }
}
