//! What the agent may change while the program runs.

/// The one entry of the kernel's `CONFIG` map.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Payload bytes of one connection that are handed up at most.
    pub stream_budget: u32,
    /// IP fragments handed up at most, per CPU and second.
    pub fragment_budget: u32,
    /// Tunnels that are unwrapped at most; 0 is none.
    pub tunnel_depth: u32,
    /// Whether the program writes messages of its own (aya-log): 0 or 1.
    pub messages: u32,
}

impl Config {
    /// Four times what the agent looks at for one hello: two hellos (HelloRetryRequest), a preamble,
    /// early data, and as much again of repeated segments.
    pub const STREAM_BUDGET: u32 = 4 * 64 * 1024;
    /// A hundred fragmented hellos of ten pieces each in a tenth of a second; a flood costs 15 MB/s
    /// of ring at the most.
    pub const FRAGMENT_BUDGET: u32 = 10_000;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stream_budget: Self::STREAM_BUDGET,
            fragment_budget: Self::FRAGMENT_BUDGET,
            tunnel_depth: 0,
            messages: 0,
        }
    }
}

#[cfg(feature = "user")]
// SAFETY: four integers of one size, so no padding; every bit pattern is a value.
unsafe impl aya::Pod for Config {}
