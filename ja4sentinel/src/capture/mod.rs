//! Where frames come from: a capture file, the kernel's selection by eBPF, libpcap.
//!
//! Every source yields the same [`Frame`]s, so that one decoder reads them all.

pub mod ebpf;
pub mod file;
mod interfaces;
mod link_events;
pub mod netlink;
#[cfg(feature = "libpcap")]
pub mod pcap;
mod release;
mod tap;

use std::io;
use std::sync::Arc;

use crate::wire::{Endpoint, Frame};

pub use interfaces::{Interface, interfaces, local_addresses};
pub use link_events::{LinkEvent, LinkEvents};
pub use release::Release;
pub use tap::Tap;

/// What a source hands over.
#[derive(Debug, Clone)]
pub enum Captured<'a> {
    /// One frame.
    Frame(Frame<'a>),
    /// The name of the interface with this index; it comes before the first frame of it.
    Interface {
        /// As in [`Frame::interface`].
        index: u32,
        /// As the records shall name it.
        name: Arc<str>,
    },
}

/// A source of frames.
pub trait Source {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The next thing captured. `None` is the end of a file; of a live source it says that
    /// nothing waits at the moment.
    ///
    /// # Errors
    /// Those of the source; nothing more can be had from it then.
    fn next(&mut self) -> Result<Option<Captured<'_>>, Self::Error>;
}

/// A source on a running machine.
pub trait Live: Source {
    /// Waits until [`Source::next`] may have something. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The source cannot be waited for.
    fn ready(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Watches exactly these interfaces from now on: new ones are taken up, others let go, those
    /// that stay lose nothing. One that goes away by itself is no error; it may come back here.
    ///
    /// # Errors
    /// An interface, the first of maybe several, cannot be taken up; all others are.
    fn watch(&mut self, interfaces: &[Interface]) -> Result<(), Self::Error>;

    /// Whether anything is watched at present.
    fn is_watching(&self) -> bool;

    /// Whether somebody took from this interface, which is watched, what was attached to it. Letting
    /// it go and watching it anew mends that.
    fn is_stripped(&self, _interface: u32) -> bool {
        false
    }

    /// Nothing more is wanted of the connection that had these ends at `as_of_ns`, which is the
    /// timestamp of the frame that settled it, or the time at which it timed out. A source that
    /// selects in the kernel stops handing it up; a connection that began later between the same
    /// ends is another one, and is handed up. The source may hear of it when [`Source::next`] next
    /// finds nothing.
    fn settle(&mut self, source: Endpoint, destination: Endpoint, as_of_ns: u64);

    /// What was counted since the source was opened.
    ///
    /// # Errors
    /// The counters cannot be read.
    fn counters(&mut self) -> io::Result<Counters>;
}

/// What a live source counted before the sensor saw anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that passed the watched interfaces.
    pub seen: u64,
    /// Frames handed up.
    pub handed_up: u64,
    /// Why frames were rightly left out, by label.
    pub left_out: Vec<(&'static str, u64)>,
    /// Why frames that were wanted could not be handed up, by label.
    pub lost: Vec<(&'static str, u64)>,
    /// What else was counted, by label: connections, bytes.
    pub tallies: Vec<(&'static str, u64)>,
}
