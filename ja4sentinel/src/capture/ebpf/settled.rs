//! The agent's word to the kernel that it wants nothing more of a connection.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use aya::maps::{HashMap, Map, MapData};
use ja4sentinel_common::Tuple;

use super::error::EbpfError;

/// Words that are kept together: fewer system calls, and still only a few milliseconds of delay at a
/// pace at which delay matters.
const BATCH: usize = 128;
/// The command, from the kernel's `linux/bpf.h`.
const BPF_MAP_UPDATE_BATCH: libc::c_long = 26;

/// The kernel's table of such connections, and words that wait to be written there.
pub(super) struct Settled {
    table: HashMap<MapData, Tuple, u64>,
    descriptor: OwnedFd,
    tuples: Vec<Tuple>,
    times: Vec<u64>,
}

/// The arguments of a batch, as `linux/bpf.h` lays them out.
#[repr(C)]
#[derive(Default)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

impl Settled {
    pub(super) fn new(map: Map) -> Result<Self, EbpfError> {
        let Map::LruHashMap(data) = &map else { return Err(EbpfError::Object("SETTLED")) };
        let descriptor = data.fd().as_fd().try_clone_to_owned().map_err(EbpfError::system)?;
        let table = HashMap::try_from(map)?;
        Ok(Self { table, descriptor, tuples: Vec::new(), times: Vec::new() })
    }

    /// Nothing more is wanted of a connection, as of a time of `CLOCK_BOOTTIME`.
    pub(super) fn add(&mut self, tuple: Tuple, as_of_ns: u64) {
        self.tuples.push(tuple);
        self.times.push(as_of_ns);
        if self.tuples.len() >= BATCH {
            self.write();
        }
    }

    /// Writes down what waits. A refusal costs bytes of these connections, up to their budget, and
    /// nothing else.
    pub(super) fn write(&mut self) {
        if self.tuples.is_empty() {
            return;
        }
        if self.write_batch().is_err() {
            for (tuple, as_of_ns) in self.tuples.iter().zip(&self.times) {
                let _ = self.table.insert(tuple, as_of_ns, 0);
            }
        }
        self.tuples.clear();
        self.times.clear();
    }

    fn write_batch(&self) -> io::Result<()> {
        let mut batch = Batch {
            keys: self.tuples.as_ptr() as u64,
            values: self.times.as_ptr() as u64,
            count: u32::try_from(self.tuples.len()).map_err(io::Error::other)?,
            map_fd: u32::try_from(self.descriptor.as_raw_fd()).map_err(io::Error::other)?,
            ..Batch::default()
        };
        // SAFETY: both arrays have `count` elements of the table's own types, which the kernel reads
        // before the call returns; of `batch` it writes `count` alone.
        let failed = unsafe {
            libc::syscall(libc::SYS_bpf, BPF_MAP_UPDATE_BATCH, &raw mut batch, size_of::<Batch>())
        };
        if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
