//! Live traffic: what the parts share that watch an interface.

mod clients;
pub(super) mod flood;
mod iperf;
mod kind;
pub(super) mod latency;
pub(super) mod memory;
mod rates;
pub(super) mod replay;
mod sniffer;
mod stage;
pub(super) mod start;
pub(super) mod throughput;
