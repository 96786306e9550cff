//! One open libpcap handle.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use pcap::{Active, Capture, Direction, Error, Linktype, Packet, Precision, Stat};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::counted::Counted;
use super::{PcapError, SNAP_LENGTH, kernel_filter};
use crate::wire::LinkType;

/// An interface that is being captured.
pub(super) struct Handle {
    pub(super) name: Arc<str>,
    /// As in [`crate::wire::Frame::interface`].
    pub(super) index: u32,
    pub(super) link: LinkType,
    capture: AsyncFd<Capture<Active>>,
    /// The last read found nothing.
    drained: bool,
    filter: String,
    /// Whether the filter was set by libpcap, and not in the kernel alone.
    by_libpcap: bool,
    /// Packets that came into the buffer, as of the last look at libpcap's counts.
    came: u64,
    /// Packets handed over.
    taken: u64,
    /// As the system gave it last; 32 bits that wrap around.
    stat: Stat,
}

impl Handle {
    /// Begins to capture what comes in on `device`. Its filter lets everything through.
    pub(super) fn open(
        device: &Arc<str>,
        index: u32,
        promiscuous: bool,
        buffer: i32,
    ) -> Result<Self, PcapError> {
        let fault = |cause| PcapError::Open { interface: Arc::clone(device), cause };
        let inactive = Capture::from_device(&**device)
            .map_err(fault)?
            .promisc(promiscuous)
            .immediate_mode(true)
            .snaplen(SNAP_LENGTH)
            .buffer_size(buffer)
            .precision(Precision::Nano);
        let mut capture = inactive.open().and_then(Capture::setnonblock).map_err(fault)?;
        // The first is libpcap's way, which sorts out what it has copied already; the second keeps
        // the kernel from copying it.
        capture.direction(Direction::In).map_err(fault)?;
        ignore_outgoing(&capture);
        if capture.get_datalink().0 == i32::from(LinkType::LINUX_SLL.0) {
            // The second version of the cooked header names the interface.
            let _ = capture.set_datalink(Linktype(i32::from(LinkType::LINUX_SLL2.0)));
        }
        // SAFETY: libpcap opens the socket when the capture is activated and closes it when that is
        // dropped; in between it neither replaces it nor gives another number for it.
        let registered = unsafe { AsyncFd::register_with_interest(capture, Interest::READABLE) };
        let capture = registered.map_err(|error| PcapError::Wait(error.into()))?;
        let dlt = u16::try_from(capture.get_ref().get_datalink().0).unwrap_or(u16::MAX);
        Ok(Self {
            name: Arc::clone(device),
            index,
            link: LinkType::from_dlt(dlt),
            capture,
            drained: false,
            filter: String::new(),
            by_libpcap: false,
            came: 0,
            taken: 0,
            stat: Stat { received: 0, dropped: 0, if_dropped: 0 },
        })
    }

    /// Sets the filter, unless it is that already.
    pub(super) fn set_filter(&mut self, expression: String) -> Result<(), PcapError> {
        if self.filter == expression {
            return Ok(());
        }
        let capture = self.capture.get_mut();
        let cooked = matches!(self.link, LinkType::LINUX_SLL | LinkType::LINUX_SLL2);
        // Once libpcap has a filter of its own in user space, only libpcap can exchange it.
        if self.by_libpcap || kernel_filter::replace(capture, cooked, &expression).is_err() {
            capture.filter(&expression, true).map_err(|source| PcapError::Expression {
                expression: expression.clone(),
                source,
            })?;
            self.by_libpcap = true;
        }
        self.filter = expression;
        Ok(())
    }

    /// The next packet that waits.
    pub(super) fn packet(&mut self) -> Result<Option<Packet<'_>>, Error> {
        match self.capture.get_mut().next_packet() {
            Ok(packet) => {
                self.taken += 1;
                Ok(Some(packet))
            }
            Err(Error::TimeoutExpired | Error::NoMorePackets) => {
                self.drained = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether reading may find something. Readiness is cleared before the reading that it calls
    /// for, so that what comes in meanwhile is announced anew.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.capture.poll_read_ready(context) {
            Poll::Ready(Ok(mut guard)) => {
                guard.clear_ready();
                self.drained = false;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if self.drained => Poll::Pending,
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    /// Packets that were in the buffer at the last look at the counts and were not handed over.
    pub(super) fn unread(&self) -> u64 {
        self.came.saturating_sub(self.taken)
    }

    /// What libpcap counted since the last call.
    pub(super) fn counted(&mut self) -> Result<Counted, Error> {
        let now = self.capture.get_mut().stats()?;
        let before = std::mem::replace(&mut self.stat, now);
        let since = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
        let counted = Counted {
            received: since(now.received, before.received),
            dropped: since(now.dropped, before.dropped),
            dropped_by_interface: since(now.if_dropped, before.if_dropped),
        };
        self.came += counted.received.saturating_sub(counted.dropped);
        Ok(counted)
    }
}

/// Keeps what this machine sends out of the capture. Linux knows how since 4.20; where it does not,
/// nothing but time is lost.
fn ignore_outgoing(capture: &Capture<Active>) {
    #[expect(clippy::cast_possible_truncation, reason = "four")]
    const LENGTH: libc::socklen_t = size_of::<libc::c_int>() as libc::socklen_t;
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and the kernel reads an integer that lives until the call
    // returns, and of which it is told the size.
    let _ = unsafe {
        libc::setsockopt(
            capture.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            LENGTH,
        )
    };
}
