//! Segments and their connections: which one is meant, which one begins, which one has to leave.

use super::bench::Out;
use super::connection::{Connection, Effect, Stage};
use super::counters::LeftOut;
use super::ending::End;
use super::facts::Facts;
use super::oddities::Oddities;
use super::reason::Reason;
use super::slot::Slot;
use super::{Outcome, Sensor};
use crate::flow::{Class, Handle, Hashed, Key};
use crate::wire::{Segment, TcpFlags};

/// Closed connections whose late copies are recognised: all of them until they time out on most servers,
/// and those of some tenths of a second where tens of thousands close in each. So few stay in a core's
/// cache with all that is looked up among them; a whole table of them does not.
const MOST_CLOSED: usize = 4096;

impl Sensor {
    /// Takes a segment; `signs` is what its fragments have shown.
    pub(super) fn segment(&mut self, segment: &Segment<'_>, signs: Oddities, out: &mut Out<'_>) {
        match self.place(segment, signs, out) {
            Ok(()) => self.bench.counters.segments += 1,
            Err(cause) => self.bench.counters.leave_out(cause),
        }
    }

    /// Gives the segment to its connection, or says why it has none.
    fn place(
        &mut self,
        segment: &Segment<'_>,
        signs: Oddities,
        out: &mut Out<'_>,
    ) -> Result<(), LeftOut> {
        if !self.bench.settings.ports.contains(segment.destination.port) {
            return Err(LeftOut::OtherPort);
        }
        let opens = segment.flags.opens();
        let ends = segment.flags.any(TcpFlags::FIN | TcpFlags::RST);
        if segment.flags.any(TcpFlags::SYN) && !opens {
            return Err(LeftOut::SynAck);
        }
        let is_valid = if opens {
            !segment.flags.any(TcpFlags::FIN)
        } else {
            segment.flags.any(TcpFlags::ACK | TcpFlags::RST)
        };
        if !is_valid {
            return Err(LeftOut::BadFlags);
        }
        if segment.payload.is_empty() && segment.missing == 0 && !opens && !ends {
            return Err(LeftOut::NoPayload);
        }
        if !self.bench.settings.clients.permit(segment.source.addr) {
            return Err(LeftOut::OtherClient);
        }
        let ends = Key { client: segment.source, server: segment.destination };
        let ends = &self.table.hashed(ends);
        match self.table.find(ends) {
            None if opens => self.begin(ends, None, segment, signs, out),
            None => self.pick_up(ends, None, segment, signs, out),
            Some(handle) if opens => self.reopen(handle, ends, segment, signs, out),
            Some(handle) => self.follow(handle, ends, segment, signs, out),
        }
    }

    /// A segment between ends that have a connection.
    fn follow(
        &mut self,
        handle: Handle,
        ends: &Hashed,
        segment: &Segment<'_>,
        signs: Oddities,
        out: &mut Out<'_>,
    ) -> Result<(), LeftOut> {
        let connection = match self.table.get_mut(handle) {
            None => return Err(LeftOut::NotSelected),
            Some(Slot::Settled(settled)) => {
                if settled.is_in_window(segment.sequence, &self.bench) {
                    let ends_here = settled.note_end(segment);
                    if settled.tell() {
                        out(settled_by(&ends.key, segment));
                    }
                    if ends_here {
                        self.touch(handle, Class::Closed);
                    }
                    return Err(LeftOut::Settled);
                }
                return self.pick_up(ends, Some(handle), segment, signs, out);
            }
            Some(Slot::Open(connection)) => connection,
        };
        if connection.is_in_window(segment.sequence, &self.bench) {
            if !connection.is_signed_like_its_syn(segment) {
                return Err(LeftOut::Signature);
            }
            self.give(handle, &ends.key, segment, signs, out);
            return Ok(());
        }
        let sequence = segment.sequence;
        if connection.rival.as_ref().is_some_and(|rival| rival.is_in_window(sequence, &self.bench))
        {
            self.give_rival(handle, &ends.key, segment, signs, out);
            return Ok(());
        }
        // A server ignores what lies outside of the window, so a hello in progress goes on.
        let is_stalled = self.table.moved_ns(handle) <= Some(self.bench.stalled_ns());
        if is_stalled && self.may_begin(&ends.key, segment) {
            self.begin_beside(handle, &ends.key, Facts::of(segment), out);
            self.give_rival(handle, &ends.key, segment, signs, out);
            Ok(())
        } else {
            Err(LeftOut::OutOfWindow)
        }
    }

    /// Whether a connection whose SYN was not seen may begin with this segment.
    fn may_begin(&mut self, key: &Key, segment: &Segment<'_>) -> bool {
        !segment.flags.any(TcpFlags::RST)
            && self.bench.begins_like_a_hello(segment.destination.port, segment.payload)
            // Where both directions are captured: the first bytes of a server's answer.
            && self.table.find(&self.table.hashed(key.reversed())).is_none()
    }

    /// A segment whose connection is not known, or only an older one: it may begin a connection
    /// whose SYN was not seen.
    fn pick_up(
        &mut self,
        ends: &Hashed,
        older: Option<Handle>,
        segment: &Segment<'_>,
        signs: Oddities,
        out: &mut Out<'_>,
    ) -> Result<(), LeftOut> {
        if self.may_begin(&ends.key, segment) {
            self.begin(ends, older, segment, signs, out)
        } else {
            Err(LeftOut::NotSelected)
        }
    }

    /// A SYN between ends that have a connection already.
    fn reopen(
        &mut self,
        handle: Handle,
        ends: &Hashed,
        segment: &Segment<'_>,
        signs: Oddities,
        out: &mut Out<'_>,
    ) -> Result<(), LeftOut> {
        let facts = Facts::of(segment);
        let connection = match self.table.get_mut(handle) {
            None => return Err(LeftOut::NotSelected),
            Some(Slot::Settled(settled)) => {
                if settled.is_opened_by(&facts) {
                    self.bench.counters.retransmissions += u64::from(settled.has_syn());
                    return Ok(());
                }
                return self.begin(ends, Some(handle), segment, signs, out);
            }
            Some(Slot::Open(connection)) => connection,
        };
        if connection.is_opened_by(&facts) {
            self.bench.counters.retransmissions += u64::from(connection.has_syn());
            connection.adopt_syn(facts);
            if !segment.payload.is_empty() {
                self.give(handle, &ends.key, segment, signs, out);
            }
            return Ok(());
        }
        if connection.rival.as_ref().is_some_and(|rival| rival.is_opened_by(&facts)) {
            self.bench.counters.retransmissions += 1;
        } else {
            self.begin_beside(handle, &ends.key, facts, out);
        }
        if !segment.payload.is_empty() {
            self.give_rival(handle, &ends.key, segment, signs, out);
        }
        Ok(())
    }

    /// A connection begins beside one that may go on: sequence numbers tell which the server sees.
    fn begin_beside(&mut self, handle: Handle, key: &Key, facts: Facts, out: &mut Out<'_>) {
        let Some(connection) = self.table.get_mut(handle).and_then(Slot::open) else { return };
        self.bench.counters.select();
        let first = Stage::first(&self.bench.settings, key.server.port);
        let rival = Connection::new(facts, first);
        if let Some(mut older) = connection.rival.replace(Box::new(rival)) {
            older.give_up(End::Superseded, key, &mut self.bench, out);
        }
    }

    /// A connection begins with this segment, and takes the place of an older one.
    fn begin(
        &mut self,
        ends: &Hashed,
        older: Option<Handle>,
        segment: &Segment<'_>,
        signs: Oddities,
        out: &mut Out<'_>,
    ) -> Result<(), LeftOut> {
        if let Some(older) = older {
            self.end(older, End::Superseded, out);
        }
        let first = Stage::first(&self.bench.settings, ends.key.server.port);
        let connection = Slot::Open(Box::new(Connection::new(Facts::of(segment), first)));
        self.bench.counters.select();
        let handle = self.admit(*ends, connection, Class::Opened, out);
        if let Some(handle) = handle.filter(|_| segment.missing > 0 || !segment.payload.is_empty())
        {
            self.give(handle, &ends.key, segment, signs, out);
        }
        Ok(())
    }

    /// Puts a selected connection into the table, where somebody may have to leave for it.
    fn admit(
        &mut self,
        ends: Hashed,
        connection: Slot,
        class: Class,
        out: &mut Out<'_>,
    ) -> Option<Handle> {
        while self.table.is_full()
            && let Some(leaving) = self.table.dispensable(self.bench.stalled_ns())
        {
            self.end(leaving, End::Evicted, out);
        }
        let admitted = self.table.insert(ends, connection, class, self.bench.now_ns);
        if admitted.is_err() {
            self.bench.counters.lose(Reason::TableFull);
        }
        admitted.ok()
    }

    /// Lets a connection take a segment, and keeps its place in the table.
    fn give(
        &mut self,
        handle: Handle,
        key: &Key,
        segment: &Segment<'_>,
        signs: Oddities,
        out: &mut Out<'_>,
    ) {
        self.make_room(handle, out);
        let Some(slot) = self.table.get_mut(handle) else { return };
        let Some(connection) = slot.open() else { return };
        let effect = connection.receive(key, segment, signs, &mut self.bench, out);
        if matches!(effect, Effect::Settled | Effect::Gone)
            && let Some(rival) = connection.rival.take()
        {
            *slot = Slot::Open(rival);
            slot.shrink();
            let class = slot.class();
            return self.touch(handle, class);
        }
        slot.shrink();
        let class = slot.class();
        let is_told = matches!(slot, Slot::Settled(settled) if settled.is_told());
        match effect {
            Effect::None => {}
            Effect::Gone => drop(self.table.remove(handle)),
            Effect::Progress => self.touch(handle, class),
            Effect::Settled => {
                self.touch(handle, class);
                if is_told {
                    out(settled_by(key, segment));
                }
            }
        }
    }

    /// Lets the other connection between the same ends take a segment.
    fn give_rival(
        &mut self,
        handle: Handle,
        key: &Key,
        segment: &Segment<'_>,
        signs: Oddities,
        out: &mut Out<'_>,
    ) {
        self.make_room(handle, out);
        let Some(connection) = self.table.get_mut(handle).and_then(Slot::open) else { return };
        let Some(rival) = connection.rival.as_mut().filter(|rival| !rival.is_settled()) else {
            return;
        };
        let effect = rival.receive(key, segment, signs, &mut self.bench, out);
        if effect == Effect::Gone {
            connection.rival = None;
        }
        if effect != Effect::None {
            let class = connection.class();
            self.touch(handle, class);
        }
    }

    /// Moves a connection in the table. Of the closed ones there are few.
    fn touch(&mut self, handle: Handle, class: Class) {
        self.table.touch(handle, class, self.bench.now_ns);
        while self.table.count(Class::Closed) > MOST_CLOSED
            && let Some(oldest) = self.table.oldest(Class::Closed, u64::MAX)
        {
            drop(self.table.remove(oldest));
        }
    }

    /// Ends a connection before its time and forgets it.
    pub(super) fn end(&mut self, handle: Handle, end: End, out: &mut Out<'_>) {
        // A settled one has been counted.
        if let Some((key, Slot::Open(mut connection))) = self.table.remove(handle) {
            connection.give_up(end, &key, &mut self.bench, out);
            if let Some(mut rival) = connection.rival {
                rival.give_up(end, &key, &mut self.bench, out);
            }
        }
    }

    /// Stalled connections leave while the memory for reassembly is nearly spent.
    fn make_room(&mut self, keep: Handle, out: &mut Out<'_>) {
        while self.bench.is_tight()
            && let Some(stalled) = self.table.oldest(Class::Receiving, self.bench.stalled_ns())
            && stalled != keep
        {
            self.end(stalled, End::Evicted, out);
        }
    }
}

/// Nothing more is wanted of a connection, as this segment of it shows.
fn settled_by(key: &Key, segment: &Segment<'_>) -> Outcome<'static> {
    Outcome::Settled { source: key.client, destination: key.server, as_of_ns: segment.timestamp_ns }
}
