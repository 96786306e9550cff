//! What libpcap counts, as the source's counters.

use crate::capture::Counters;

/// What was counted on one handle since the last look.
pub(super) struct Counted {
    /// Packets that passed the filter, those included for which the buffer had no room.
    pub(super) received: u64,
    /// Packets for which the buffer had no room.
    pub(super) dropped: u64,
    /// Packets that the interface dropped, before any filter.
    pub(super) dropped_by_interface: u64,
}

/// Counters of a source that has captured nothing yet.
pub(super) fn none() -> Counters {
    Counters {
        left_out: vec![("left_to_successor", 0)],
        lost: vec![("pcap_buffer_full", 0), ("interface_dropped", 0)],
        ..Counters::default()
    }
}

impl Counters {
    /// Adds what a handle counted.
    pub(super) fn add(&mut self, counted: &Counted) {
        self.seen += counted.received + counted.dropped_by_interface;
        let lost = [counted.dropped, counted.dropped_by_interface];
        for ((_, sum), count) in self.lost.iter_mut().zip(lost) {
            *sum += count;
        }
    }

    /// Adds packets that another handle captured, too.
    pub(super) fn leave_to_successor(&mut self, packets: u64) {
        for (_, count) in &mut self.left_out {
            *count += packets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_seen_is_handed_up_left_out_or_lost() {
        let mut counters = none();
        counters.add(&Counted { received: 10, dropped: 2, dropped_by_interface: 5 });
        counters.handed_up += 7;
        counters.leave_to_successor(1);
        let named = |named: &[(_, u64)]| named.iter().map(|(_, count)| count).sum::<u64>();
        let accounted = counters.handed_up + named(&counters.left_out) + named(&counters.lost);
        assert_eq!((counters.seen, accounted), (15, 15));
    }
}
