//! Frames that the kernel selected: the TC classifier of `ja4sentinel-ebpf`, its attachments, and
//! the ring buffer that it writes to.

mod attachment;
mod clock;
mod error;
mod lease;
mod link_type;
mod mapping;
mod messages;
mod object;
mod pace;
mod placement;
mod records;
mod ring;
mod settled;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use std::{fmt, io};

use aya::TestRunOptions;
use aya::maps::{Array, Map, MapData, PerCpuArray};
use aya::programs::TestRun;
use ja4sentinel_common::{Config, Counter, Counters as KernelCounters, Kind, Tuple};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub use attachment::{Attached, Direction};
pub use error::{Cause, EbpfError};
pub use object::{OBJECT, Options, PROGRAMS};
pub use placement::{Attach, How, Order, Placement};

use super::{Captured, Counters, Interface, Live, Source};
use crate::sensor::{PortSet, Settings};
use crate::wire::Endpoint;
use attachment::Attachments;
use messages::Messages;
use pace::{Pace, Step};
use ring::Ring;
use settled::Settled;

/// When the kernel need not wake us for records: from some 2,500 connections a second on, and more
/// seldom from some 10,000 and 20,000 on.
const STEPS: &[Step] = &[
    Step { least: 40, pause: Duration::from_millis(2) },
    Step { least: 20, pause: Duration::from_millis(1) },
    Step { least: 5, pause: Duration::from_micros(100) },
];

/// The eBPF backend. Dropping it detaches the classifier from all interfaces.
pub struct EbpfSource {
    attachments: Attachments,
    ring: Ring,
    ring_bytes: u32,
    pace: Pace,
    /// Made when it is first waited for, as that needs a tokio runtime.
    readiness: Option<AsyncFd<OwnedFd>>,
    ports: Array<MapData, [u64; PortSet::WORDS]>,
    config: Array<MapData, Config>,
    /// What stands there.
    told: Config,
    settled: Settled,
    counters: PerCpuArray<MapData, KernelCounters>,
    messages: Messages,
}

impl fmt::Debug for EbpfSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EbpfSource").field("attachments", &self.attachments).finish_non_exhaustive()
    }
}

impl EbpfSource {
    /// Loads the embedded program. It watches nothing until [`EbpfSource::set_ports`] and
    /// [`Live::watch`] say what.
    ///
    /// # Errors
    /// The kernel refuses it: too old, or the privilege is missing. The message says what to do.
    pub fn open(options: &Options) -> Result<Self, EbpfError> {
        Self::open_object(OBJECT, options)
    }

    /// The same with another build of the program than the embedded one.
    ///
    /// # Errors
    /// Likewise, or it is no such program.
    pub fn open_object(object: &[u8], options: &Options) -> Result<Self, EbpfError> {
        let mut loaded = object::load(object, options)?;
        let Map::RingBuf(ring) = loaded.take("EVENTS")? else {
            return Err(EbpfError::Object("EVENTS"));
        };
        let source = Self {
            ring_bytes: options.ring_bytes,
            ring: Ring::new(ring).map_err(EbpfError::system)?,
            pace: Pace::new(STEPS),
            readiness: None,
            ports: loaded.map(".data.ports")?,
            config: loaded.map("CONFIG")?,
            told: options.config,
            settled: Settled::new(loaded.take("SETTLED")?)?,
            counters: loaded.map("COUNTERS")?,
            messages: Messages::of(&mut loaded.object)?,
            attachments: Attachments::new(loaded.object, options.direction, options.placement),
        };
        Ok(source)
    }

    /// Watches exactly these ports from now on. Connections that are being handed up stay so.
    ///
    /// # Errors
    /// The kernel refuses the write.
    pub fn set_ports(&mut self, ports: &PortSet) -> Result<(), EbpfError> {
        // The kernel copies bytes, so that no port is ever seen as it was neither before nor after.
        Ok(self.ports.set(0, ports.words(), 0)?)
    }

    /// Takes over new settings, as far as they concern the program. The sizes of its tables stay
    /// as they are.
    ///
    /// # Errors
    /// The kernel refuses the write.
    pub fn reconfigure(&mut self, settings: &Settings) -> Result<(), EbpfError> {
        let messages = self.told.messages;
        self.tell(Config { messages, ..object::config(settings) })?;
        self.set_ports(&settings.ports)
    }

    /// Whether the program writes messages of its own, at debug level.
    ///
    /// # Errors
    /// The kernel refuses the write.
    pub fn set_messages(&mut self, wanted: bool) -> Result<(), EbpfError> {
        self.tell(Config { messages: wanted.into(), ..self.told })
    }

    fn tell(&mut self, config: Config) -> Result<(), EbpfError> {
        if self.told != config {
            self.config.set(0, config, 0)?;
            self.told = config;
        }
        Ok(())
    }

    /// Where the classifier is attached at present.
    pub fn attached(&self) -> impl Iterator<Item = Attached<'_>> {
        self.attachments.iter()
    }

    /// Size of the ring buffer between kernel and agent, bytes.
    pub fn ring_bytes(&self) -> u32 {
        self.ring_bytes
    }

    /// Bytes that wait in it to be read.
    pub fn ring_bytes_waiting(&self) -> u64 {
        self.ring.waiting()
    }

    /// All counters of the program, summed over the CPUs.
    ///
    /// # Errors
    /// The kernel refuses the read.
    pub fn kernel_counters(&self) -> Result<KernelCounters, EbpfError> {
        let mut sum = KernelCounters::default();
        for cpu in self.counters.get(&0, 0)?.iter() {
            sum.add(cpu);
        }
        Ok(sum)
    }
}

impl EbpfSource {
    /// Runs one of the [`PROGRAMS`] on a frame, `repeat` times, as if an interface had received it:
    /// for tests and benchmarks. Where the frame goes afterwards has no effect.
    ///
    /// # Errors
    /// The kernel refuses: a frame shorter than an Ethernet header, or longer than a page.
    pub fn rehearse(
        &self,
        program: &'static str,
        frame: &[u8],
        repeat: u32,
    ) -> Result<Rehearsal, EbpfError> {
        let mut after = vec![0; frame.len()];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut after),
            repeat,
            ..TestRunOptions::default()
        };
        let ran = self.attachments.program(program)?.test_run(options)?;
        Ok(Rehearsal {
            action: ran.return_value.cast_signed(),
            each: ran.duration,
            unchanged: after == frame,
        })
    }
}

/// Whether the program reads frames that begin as those of this interface do.
///
/// # Errors
/// It does not, or the interface is gone.
pub fn readable(interface: &Interface) -> Result<(), EbpfError> {
    link_type::program_for(&interface.name).map(drop)
}

/// How a rehearsal went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rehearsal {
    /// What the program returned, a `TC_ACT_…` value.
    pub action: i32,
    /// Mean time of one run.
    pub each: Duration,
    /// Whether the frame is as it was.
    pub unchanged: bool,
}

impl Source for EbpfSource {
    type Error = EbpfError;

    fn next(&mut self) -> Result<Option<Captured<'_>>, Self::Error> {
        let captured = self.ring.next().map_err(EbpfError::system)?;
        if captured.is_none() {
            self.settled.write();
        }
        Ok(captured)
    }
}

impl Live for EbpfSource {
    async fn ready(&mut self) -> io::Result<()> {
        self.messages.pass_on();
        // The kernel wakes us when it adds a record to a ring that was read to its end.
        if !self.ring.is_drained() {
            return Ok(());
        }
        let pause = self.pace.pause(self.ring.taken(), Instant::now());
        let changed = self.ring.set_quiet(pause.is_some());
        if let Some(pause) = pause {
            // The runtime's own timers are coarser than this. Others on this thread come next.
            std::thread::sleep(pause);
            tokio::task::yield_now().await;
            return Ok(());
        }
        if changed {
            return Ok(());
        }
        let readiness = match self.readiness.take() {
            Some(readiness) => readiness,
            None => {
                let descriptor = self.ring.descriptor()?;
                // SAFETY: the descriptor is open, and stays so as the `AsyncFd` owns it.
                unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?
            }
        };
        self.readiness.insert(readiness).readable().await?.clear_ready();
        Ok(())
    }

    fn watch(&mut self, interfaces: &[Interface]) -> Result<(), Self::Error> {
        let ring = &mut self.ring;
        self.attachments.watch(interfaces, &mut |interface| ring.announce(interface))
    }

    fn is_watching(&self) -> bool {
        self.attachments.iter().next().is_some()
    }

    fn is_stripped(&self, interface: u32) -> bool {
        self.attachments.is_stripped(interface)
    }

    fn settle(&mut self, source: Endpoint, destination: Endpoint, as_of_ns: u64) {
        let tuple = Tuple::new(address(source), address(destination));
        self.settled.add(tuple, self.ring.boot_time(as_of_ns));
    }

    fn counters(&mut self) -> io::Result<Counters> {
        self.messages.pass_on();
        let kernel = self.kernel_counters().map_err(io::Error::other)?;
        let of = |kinds: &[Kind]| {
            let wanted = kernel.iter().filter(|(counter, _)| kinds.contains(&counter.kind()));
            wanted.map(|(counter, value)| (counter.label(), value)).collect()
        };
        Ok(Counters {
            seen: kernel.get(Counter::Packets),
            handed_up: kernel.get(Counter::HandedUp),
            // A SYN that is kept goes up with its connection's first payload, as a part of that.
            left_out: of(&[Kind::LeftOut, Kind::Syn]),
            lost: of(&[Kind::Lost]),
            tallies: of(&[Kind::Tally]),
        })
    }
}

fn address(end: Endpoint) -> SocketAddr {
    SocketAddr::new(end.addr, end.port)
}
