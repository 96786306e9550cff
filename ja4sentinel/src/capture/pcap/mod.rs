//! Live capture by libpcap: the fallback where eBPF is not to be had, and filter expressions.

mod expression;
mod filter;
mod handle;

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;

pub use expression::Expression;

use self::filter::Wanted;
use self::handle::{Counted, Handle};
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
    #[error("interface {interface} cannot be captured: {source}")]
    Open {
        /// Its name.
        interface: Arc<str>,
        /// libpcap's words.
        source: pcap::Error,
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
            turn: (0, TURN),
            names: Vec::new(),
            known: BTreeMap::new(),
            bytes: Vec::new(),
            counters: Counters {
                lost: vec![("pcap_buffer_full", 0), ("interface_dropped", 0)],
                ..Counters::default()
            },
        })
    }

    /// Captures something else from now on. Where that changes how interfaces are opened, they are
    /// closed, and the next [`Live::watch`] opens them anew.
    ///
    /// # Errors
    /// The condition is no expression, and everything is as before.
    pub fn reconfigure(&mut self, options: Options) -> Result<(), PcapError> {
        if let Some(condition) = &options.condition {
            Expression::new(condition)?;
        }
        let way = |options: &Options| (options.promiscuous, options.any);
        if way(&options) != way(&self.options) {
            (0..self.handles.len()).rev().for_each(|at| self.close(at));
        }
        self.options = options;
        self.refresh_filters()
    }

    /// Sets each handle's filter to what is wanted now; this machine's addresses may have changed.
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
        let share = BUFFERS / i32::try_from(of.max(1)).unwrap_or(i32::MAX);
        let handle = Handle::open(
            &interface.name,
            interface.index,
            self.options.promiscuous,
            share.max(SMALLEST_BUFFER),
        )?;
        self.handles.push(handle);
        Ok(())
    }

    /// Lets a handle go, and keeps what it counted.
    fn close(&mut self, at: usize) {
        let mut handle = self.handles.swap_remove(at);
        if let Ok(counted) = handle.counted() {
            self.counters.add(&counted);
        }
    }

    /// Copies the next frame that waits; gives its description, without bytes.
    fn copy_next(&mut self) -> Option<Frame<'static>> {
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
                    self.bytes.clear();
                    self.bytes.extend_from_slice(packet.data);
                    let interface = if link == LinkType::LINUX_SLL2 {
                        cooked_interface(packet.data)
                    } else {
                        index
                    };
                    return Some(Frame {
                        timestamp_ns: nanoseconds(packet.header.ts),
                        interface,
                        link,
                        vlan: None,
                        bytes: &[],
                        original_len: packet.header.len,
                        skipped_payload: 0,
                    });
                }
                Ok(None) => {
                    idle += 1;
                    self.turn = (at, 0);
                }
                Err(error) => {
                    tracing::warn!(interface = &*handle.name, %error, "interface lost");
                    self.close(at);
                    self.turn = (0, TURN);
                }
            }
        }
        None
    }
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
        poll_fn(|context| {
            let mut ready = !self.names.is_empty();
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
                self.close(at);
            }
        }
        let mut opened = Ok(());
        for device in devices {
            if self.handles.iter().all(|handle| handle.index != device.index) {
                opened = opened.and(self.open(device, devices.len()));
            }
        }
        self.refresh_filters().and(opened)
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

impl Counters {
    fn add(&mut self, counted: &Counted) {
        // libpcap counts behind its filter, and counts what it then dropped, too.
        self.seen += counted.received;
        let lost = [counted.dropped, counted.dropped_by_interface];
        for ((_, sum), count) in self.lost.iter_mut().zip(lost) {
            *sum += count;
        }
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
