//! What a sensor watches, and its limits.

use super::Clients;

/// A set of TCP ports; `any` is all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSet {
    words: Box<[u64; Self::WORDS]>,
}

impl PortSet {
    /// 65,536 ports, one bit each.
    pub const WORDS: usize = 1024;

    /// No port.
    #[must_use]
    pub fn none() -> Self {
        Self { words: Box::new([0; Self::WORDS]) }
    }

    /// Every port.
    #[must_use]
    pub fn any() -> Self {
        Self { words: Box::new([u64::MAX; Self::WORDS]) }
    }

    /// Adds a port.
    pub fn insert(&mut self, port: u16) {
        if let Some(word) = self.words.get_mut(usize::from(port >> 6)) {
            *word |= 1 << (port & 63);
        }
    }

    /// Whether `port` is in the set.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.words.get(usize::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 == 1)
    }

    /// The bits, port 0 in the lowest bit of the first word; the kernel's map has the same shape.
    #[must_use]
    pub fn words(&self) -> &[u64; Self::WORDS] {
        &self.words
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        let mut set = Self::none();
        for port in ports {
            set.insert(port);
        }
        set
    }
}

/// Bounds of the sensor's memory and patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections tracked at once.
    pub flows: usize,
    /// Separate out-of-order pieces held for one hello; bytes in order join one piece.
    pub segments_per_hello: usize,
    /// Client bytes looked at for one hello.
    pub bytes_per_hello: usize,
    /// Bytes held for reassembly over all connections.
    pub reassembly_bytes: usize,
    /// A connection without progress for this long ends, nanoseconds.
    pub flow_timeout_ns: u64,
}

impl Limits {
    /// Established default.
    pub const FLOWS: usize = 100_000;
    /// Established default; a browser's hello needs one to three.
    pub const SEGMENTS_PER_HELLO: usize = 100;
    /// The protocol allows 16 MiB; hellos seen in the wild stay below 20 KiB.
    pub const BYTES_PER_HELLO: usize = 64 * 1024;
    /// Room for 4,000 connections at their limit, or 100,000 at 2.6 KiB each.
    pub const REASSEMBLY_BYTES: usize = 256 * 1024 * 1024;
    /// Established default, 30 s: servers give up on a silent client sooner.
    pub const FLOW_TIMEOUT_NS: u64 = 30_000_000_000;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: Self::FLOWS,
            segments_per_hello: Self::SEGMENTS_PER_HELLO,
            bytes_per_hello: Self::BYTES_PER_HELLO,
            reassembly_bytes: Self::REASSEMBLY_BYTES,
            flow_timeout_ns: Self::FLOW_TIMEOUT_NS,
        }
    }
}

/// What to make of a PROXY protocol header in front of the hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyProtocol {
    /// Not looked for: it is no TLS.
    #[default]
    Off,
    /// Used when it is there.
    Accept,
    /// A connection without one is reported by that reason.
    Require,
}

/// Everything that a sensor is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Server ports that are watched.
    pub ports: PortSet,
    /// Client addresses that are watched.
    pub clients: Clients,
    /// Bounds.
    pub limits: Limits,
    /// Whether hellos behind a plain-text or binary preamble (STARTTLS and the like) are found.
    pub starttls: bool,
    /// PROXY protocol in front of the hello, on the ports of `proxy_protocol_ports`.
    pub proxy_protocol: ProxyProtocol,
    /// Server ports that a load balancer reaches; on all others there is no PROXY header.
    pub proxy_protocol_ports: PortSet,
    /// Tunnels unwrapped at most (VXLAN, Geneve, GRE, IPIP); 0 is none.
    pub tunnel_depth: u8,
    /// Whether a hello that could not be fingerprinted is reported as a record of kind
    /// `incomplete`.
    pub report_incomplete: bool,
}

impl Settings {
    /// What to make of a PROXY header on connections to `port`.
    #[must_use]
    pub fn proxy_protocol_on(&self, port: u16) -> ProxyProtocol {
        if self.proxy_protocol_ports.contains(port) {
            self.proxy_protocol
        } else {
            ProxyProtocol::Off
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: PortSet::from_iter([443, 8443]),
            clients: Clients::default(),
            limits: Limits::default(),
            starttls: false,
            proxy_protocol: ProxyProtocol::Off,
            proxy_protocol_ports: PortSet::any(),
            tunnel_depth: 0,
            report_incomplete: false,
        }
    }
}
