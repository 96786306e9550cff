//! Live capture by libpcap: the fallback where eBPF is not to be had, and filter expressions.

mod counted;
mod expression;
mod filter;
mod handle;
mod kernel_filter;
mod retired;

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;

use ::pcap::Packet;

pub use expression::Expression;

use self::filter::Wanted;
use self::handle::Handle;
use self::retired::Retired;
use super::{Captured, Counters, Interface, Live, Source, local_addresses};
use crate::sensor::PortSet;
use crate::wire::{Endpoint, Frame, LinkType};

/// Bytes captured of a frame. GRO makes frames of up to 64 KiB; libpcap's ring has slots of one
/// size, a power of two, into which its own 100 bytes or so have to go as well.
const SNAP_LENGTH: i32 = 63 * 1024;

/// Bytes of all rings together: a thousand slots.
const BUFFERS: i32 = 64 * 1024 * 1024;
/// Bytes of one ring at least: 128 slots.
const SMALLEST_BUFFER: i32 = 8 * 1024 * 1024;

/// Frames taken from one interface before the next one has its turn.
const TURN: u32 = 64;

/// What can go wrong with libpcap.
#[derive(Debug, thiserror::Error)]
pub enum PcapError {
    /// An interface cannot be captured.
    #[error(
        "interface {interface} cannot be captured ({cause}): run as root, or give the process \
         CAP_NET_RAW"
    )]
    Open {
        /// Its name.
        interface: Arc<str>,
        /// libpcap's words.
        cause: pcap::Error,
    },
    /// An expression is none.
    #[error("the filter expression \"{expression}\" is refused: {source}")]
    Expression {
        /// As given.
        expression: String,
        /// libpcap's words.
        source: pcap::Error,
    },
    /// The addresses of this machine cannot be found.
    #[error("the addresses of this machine cannot be found: {0}")]
    Addresses(#[source] io::Error),
    /// A handle cannot be waited for.
    #[error("a libpcap handle cannot be waited for: {0}")]
    Wait(#[source] io::Error),
}

/// What to capture.
#[derive(Debug, Clone)]
pub struct Options {
    /// Server ports.
    pub ports: PortSet,
    /// Whether tunnels are looked into.
    pub tunnels: bool,
    /// A further condition on frames, in libpcap's filter language.
    pub condition: Option<String>,
    /// Whether everything on the wire is captured, not only what goes to this machine.
    pub promiscuous: bool,
    /// Whether all interfaces are captured by the one device that stands for them.
    pub any: bool,
}

/// Interfaces captured by libpcap.
pub struct PcapSource {
    options: Options,
    handles: Vec<Handle>,
    retired: Retired,
    /// Whose turn it is, and for how many frames more.
    turn: (usize, u32),
    /// Names to be handed over before the next frame.
    names: Vec<Interface>,
    known: BTreeMap<u32, Arc<str>>,
    /// The frame that was handed over last: libpcap's own memory cannot be lent out of the search
    /// for a handle that has something.
    bytes: Vec<u8>,
    counters: Counters,
}

impl PcapSource {
    /// Captures nothing yet; see [`Live::watch`].
    ///
    /// # Errors
    /// The condition is no expression.
    pub fn new(options: Options) -> Result<Self, PcapError> {
        if let Some(condition) = &options.condition {
            Expression::new(condition)?;
        }
        Ok(Self {
            options,
            handles: Vec::new(),
            retired: Retired::default(),
            turn: (0, TURN),
            names: Vec::new(),
            known: BTreeMap::new(),
            bytes: Vec::new(),
            counters: counted::none(),
        })
    }

    /// Captures something else, beginning with the next [`Live::watch`].
    ///
    /// # Errors
    /// The condition is no expression, and everything is as before.
    pub fn reconfigure(&mut self, options: Options) -> Result<(), PcapError> {
        if let Some(condition) = &options.condition {
            Expression::new(condition)?;
        }
        let way = |options: &Options| (options.promiscuous, options.any);
        if way(&options) != way(&self.options) {
            (0..self.handles.len()).rev().for_each(|at| self.retire(at));
        }
        self.options = options;
        Ok(())
    }

    /// Gives each handle the filter that is wanted now; this machine's addresses may have changed.
    fn refresh_filters(&mut self) -> Result<(), PcapError> {
        let servers: Option<BTreeSet<IpAddr>> = match self.options.promiscuous {
            true => None,
            false => Some(local_addresses().map_err(PcapError::Addresses)?),
        };
        for handle in &mut self.handles {
            let wanted = Wanted {
                ports: &self.options.ports,
                servers: servers.as_ref(),
                tunnels: self.options.tunnels,
                condition: self.options.condition.as_deref(),
                ethernet: handle.link == LinkType::ETHERNET,
            };
            handle.set_filter(wanted.expression())?;
        }
        Ok(())
    }

    fn open(&mut self, interface: &Interface, of: usize) -> Result<(), PcapError> {
        let promiscuous = self.options.promiscuous;
        let handle = Handle::open(&interface.name, interface.index, promiscuous, share(of))?;
        self.handles.push(handle);
        Ok(())
    }

    /// Lets a handle go, once what it has captured is read.
    fn retire(&mut self, at: usize) {
        let handle = self.handles.swap_remove(at);
        self.retired.push(handle);
    }

    /// Keeps what a handle counted that goes.
    fn close(&mut self, mut handle: Handle) {
        if let Ok(counted) = handle.counted() {
            self.counters.add(&counted);
        }
        self.counters.leave_to_successor(handle.unread());
    }

    /// Copies the next frame that waits; gives its description, without bytes.
    fn copy_next(&mut self) -> Option<Frame<'static>> {
        self.copy_retired().or_else(|| self.copy_in_turn())
    }

    /// From the handles that go.
    fn copy_retired(&mut self) -> Option<Frame<'static>> {
        while let Some(handle) = self.retired.front() {
            let (index, link) = (handle.index, handle.link);
            if let Ok(Some(packet)) = handle.packet() {
                let frame = copy(&packet, index, link, &mut self.bytes);
                if !self.retired.is_over(frame.timestamp_ns) {
                    return Some(frame);
                }
                self.counters.leave_to_successor(1);
            }
            if let Some(handle) = self.retired.pop() {
                self.close(handle);
            }
        }
        None
    }

    /// From the handles that are at work, each in its turn.
    fn copy_in_turn(&mut self) -> Option<Frame<'static>> {
        let mut idle = 0;
        while idle < self.handles.len() {
            let (at, left) = self.turn;
            let Some(handle) = self.handles.get_mut(at).filter(|_| left > 0) else {
                self.turn = ((at + 1) % self.handles.len(), TURN);
                continue;
            };
            let (index, link) = (handle.index, handle.link);
            match handle.packet() {
                Ok(Some(packet)) => {
                    self.turn = (at, left - 1);
                    return Some(copy(&packet, index, link, &mut self.bytes));
                }
                Ok(None) => {
                    idle += 1;
                    self.turn = (at, 0);
                }
                Err(error) => {
                    tracing::warn!(interface = &*handle.name, %error, "interface lost");
                    let handle = self.handles.swap_remove(at);
                    self.close(handle);
                    self.turn = (0, TURN);
                }
            }
        }
        None
    }
}

/// Copies a packet's bytes; gives its description, without them.
fn copy(packet: &Packet<'_>, index: u32, link: LinkType, bytes: &mut Vec<u8>) -> Frame<'static> {
    bytes.clear();
    bytes.extend_from_slice(packet.data);
    let cooked = link == LinkType::LINUX_SLL2;
    Frame {
        timestamp_ns: nanoseconds(packet.header.ts),
        interface: if cooked { cooked_interface(packet.data) } else { index },
        link,
        vlan: None,
        bytes: &[],
        original_len: packet.header.len,
        skipped_payload: 0,
        unverified: false,
    }
}

/// The buffer of one handle among so many, bytes.
fn share(of: usize) -> i32 {
    let share = BUFFERS / i32::try_from(of.max(1)).unwrap_or(i32::MAX);
    share.max(SMALLEST_BUFFER)
}

impl Source for PcapSource {
    type Error = PcapError;

    fn next(&mut self) -> Result<Option<Captured<'_>>, PcapError> {
        if let Some(Interface { index, name }) = self.names.pop() {
            return Ok(Some(Captured::Interface { index, name }));
        }
        let Some(frame) = self.copy_next() else { return Ok(None) };
        self.counters.handed_up += 1;
        Ok(Some(Captured::Frame(Frame { bytes: &self.bytes, ..frame })))
    }
}

impl Live for PcapSource {
    async fn ready(&mut self) -> io::Result<()> {
        let something = !self.names.is_empty() || !self.retired.is_empty();
        poll_fn(|context| {
            let mut ready = something;
            for handle in &mut self.handles {
                match handle.poll_ready(context) {
                    Poll::Ready(Ok(())) => ready = true,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {}
                }
            }
            if ready { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    fn watch(&mut self, interfaces: &[Interface]) -> Result<(), PcapError> {
        for interface in interfaces {
            if self.known.get(&interface.index) != Some(&interface.name) {
                self.known.insert(interface.index, Arc::clone(&interface.name));
                self.names.push(interface.clone());
            }
        }
        let any = [Interface { index: 0, name: Arc::from("any") }];
        let devices = if self.options.any { &any[..] } else { interfaces };
        for at in (0..self.handles.len()).rev() {
            let stays = |handle: &Handle| devices.iter().any(|device| device.index == handle.index);
            if self.handles.get(at).is_some_and(|handle| !stays(handle)) {
                self.retire(at);
            }
        }
        let mut opened = Ok(());
        for device in devices {
            if self.handles.iter().all(|handle| handle.index != device.index) {
                opened = opened.and(self.open(device, devices.len()));
            }
        }
        let filtered = self.refresh_filters();
        self.retired.succeed();
        filtered.and(opened)
    }

    fn is_watching(&self) -> bool {
        !self.handles.is_empty()
    }

    fn settle(&mut self, _: Endpoint, _: Endpoint, _: u64) {}

    fn counters(&mut self) -> io::Result<Counters> {
        for handle in &mut self.handles {
            if let Ok(counted) = handle.counted() {
                self.counters.add(&counted);
            }
        }
        Ok(self.counters.clone())
    }
}

/// The interface index in a version 2 cooked header: bytes 4 to 7, in network byte order.
fn cooked_interface(bytes: &[u8]) -> u32 {
    bytes.get(4..8).and_then(<[u8]>::first_chunk).map_or(0, |index| u32::from_be_bytes(*index))
}

/// Of a time stamp whose second field counts nanoseconds.
fn nanoseconds(time: libc::timeval) -> u64 {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    part(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(time.tv_usec))
}
