//! How a connection ends: its reason, and what is told about it.

use super::bench::{Bench, Out};
use super::connection::{Connection, Effect, Stage};
use super::reason::Reason;
use super::report;
use crate::flow::{Key, Limit};
use crate::hello::{self, NotTls};

/// Why a connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing came for too long.
    TimedOut,
    /// The client closed or reset.
    Closed,
    /// It must make room.
    Evicted,
    /// A new connection has its addresses and ports.
    Superseded,
    /// The input is over.
    InputOver,
}

impl Connection {
    /// Counts an unfinished connection under the reason for its end. It is to be forgotten then.
    pub(super) fn give_up(&mut self, end: End, key: &Key, bench: &mut Bench, out: &mut Out<'_>) {
        if self.assembler.prefix().len() < self.read_at {
            self.read_held(key, bench.now_ns, bench, out);
        }
        let reason = self.reason(end);
        if self.is_unfinished() {
            self.lose(reason, key, bench, out);
        } else if self.has_begun_further() {
            bench.counters.lose_further(reason);
        }
        self.settle(bench);
    }

    /// Ends the connection without a fingerprint.
    pub(super) fn lose(&mut self, reason: Reason, key: &Key, bench: &mut Bench, out: &mut Out<'_>) {
        if self.hellos > 0 {
            bench.counters.lose_further(reason);
        } else {
            bench.counters.lose(reason);
        }
        if bench.settings.report_incomplete && self.concerns_a_hello(reason) {
            bench.counters.report();
            report::incomplete(self, key, reason, bench, out);
        }
        self.settle(bench);
    }

    /// Nothing more is wanted.
    pub(super) fn settle(&mut self, bench: &mut Bench) {
        self.stage = Stage::Settled;
        self.assembler.clear(&mut bench.budget);
    }

    /// The client closed behind everything that it sent.
    pub(super) fn close(&mut self, key: &Key, bench: &mut Bench, out: &mut Out<'_>) -> Effect {
        self.closed = true;
        let has_result = self.hellos > 0 || self.is_settled();
        self.give_up(End::Closed, key, bench, out);
        if has_result { Effect::Settled } else { Effect::Gone }
    }

    /// Why the connection ends as it stands.
    fn reason(&self, end: End) -> Reason {
        let is_cut = self.cut.is_some_and(|cut| self.offset(cut) == self.end());
        match (self.stage, self.limit) {
            (Stage::Late(cause), _) => return Reason::NotTls(cause),
            (Stage::BadProxy(fault), _) => return Reason::ProxyHeaderBad(fault),
            _ if is_cut => return Reason::TruncatedCapture,
            (_, Some(Limit::Bytes)) => return Reason::ByteLimit,
            (_, Some(Limit::Pieces)) => return Reason::SegmentLimit,
            (_, Some(Limit::Memory)) => return Reason::MemoryLimit,
            _ => {}
        }
        let has_hole = self.assembler.pieces() > 0
            || self.fin.is_some_and(|fin| self.offset(fin) > self.end());
        let has_talk = matches!(self.stage, Stage::Proxy | Stage::Preamble);
        match end {
            End::Evicted => Reason::Evicted,
            End::Superseded => Reason::Superseded,
            _ if has_hole => Reason::GapNeverFilled,
            End::InputOver => Reason::EndOfInput,
            End::TimedOut if self.unread() == 0 => Reason::NoPayload,
            End::Closed if self.unread() == 0 => Reason::ClosedBeforeHello,
            _ if has_talk => Reason::PreambleOnly,
            End::TimedOut => Reason::HelloUnfinished,
            End::Closed => Reason::ClosedInHello,
        }
    }

    /// Whether bytes after the first hello were seen that may be another's: a finished handshake
    /// goes on with a change_cipher_spec record too, and with what the source knows to leave out.
    fn has_begun_further(&self) -> bool {
        let Stage::Further { open } = self.stage else { return false };
        let stream = self.assembler.prefix().get(self.read_from..).unwrap_or_default();
        self.assembler.pieces() > 0 || hello::next_begun(stream, open)
    }

    /// Whether bytes of a hello were seen, so that the loss may be worth a record.
    fn concerns_a_hello(&self, reason: Reason) -> bool {
        match reason {
            Reason::Malformed(_) | Reason::NotTls(NotTls::Sslv2Hello) | Reason::ByteLimit => true,
            Reason::NotTls(_) => false,
            _ => matches!(self.stage, Stage::Hello | Stage::Further { .. }) && self.unread() > 0,
        }
    }
}
