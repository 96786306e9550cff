//! What a process holds of the kernel's BPF objects: maps and how full they are, programs, links.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::process::wait_until;

/// Commands of bpf(2), by `linux/bpf.h`.
const MAP_GET_NEXT_KEY: libc::c_int = 4;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const MAP_GET_FD_BY_ID: libc::c_int = 14;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const LINK_GET_FD_BY_ID: libc::c_int = 30;
/// `BPF_MAP_TYPE_LRU_HASH`, as /proc writes it.
const LRU_HASH: &str = "9";

/// Objects by kind and identifier, with what /proc/PID/fdinfo says of each. The kernel gives an
/// identifier again only after it has given all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    maps: BTreeMap<u32, Facts>,
    programs: BTreeMap<u32, Facts>,
    links: BTreeMap<u32, Facts>,
}

type Facts = BTreeMap<String, String>;

/// A hash table of the kernel that makes room for the new by forgetting the old.
#[derive(Debug)]
pub struct Table {
    /// The first 15 bytes of its name.
    pub name: String,
    /// Entries that there is room for.
    pub capacity: usize,
    /// Its keys.
    pub keys: Vec<Vec<u8>>,
}

impl Held {
    /// Those of a running process. Needs to be root, or that process's user.
    pub fn by(process_id: u32) -> io::Result<Self> {
        let mut held = Self::default();
        for entry in std::fs::read_dir(format!("/proc/{process_id}/fdinfo"))? {
            // A descriptor may be closed by now.
            let Ok(text) = std::fs::read_to_string(entry?.path()) else { continue };
            let facts = facts(&text);
            for (key, kind) in [
                ("map_id", &mut held.maps),
                ("link_id", &mut held.links),
                ("prog_id", &mut held.programs),
            ] {
                if let Some(id) = number(&facts, key) {
                    kind.insert(id, facts);
                    // A link names its program as well, which has a descriptor of its own.
                    break;
                }
            }
        }
        Ok(held)
    }

    /// How many maps, programs and links there are.
    pub fn counts(&self) -> [usize; 3] {
        [self.maps.len(), self.programs.len(), self.links.len()]
    }

    /// Whether a link holds a program to the interface of this index.
    pub fn is_attached_to(&self, interface: u32) -> bool {
        self.links.values().any(|facts| number(facts, "ifindex") == Some(interface))
    }

    /// The tables that forget the oldest, with their keys of this moment. Needs CAP_SYS_ADMIN.
    pub fn tables(&self) -> io::Result<Vec<Table>> {
        let lru = self
            .maps
            .iter()
            .filter(|(_, facts)| facts.get("map_type").is_some_and(|kind| kind == LRU_HASH));
        lru.map(|(id, facts)| {
            let size = |key| number(facts, key).and_then(|size| usize::try_from(size).ok());
            let (Some(capacity), Some(key)) = (size("max_entries"), size("key_size")) else {
                return Err(io::Error::other("a map without sizes in /proc"));
            };
            let map = open(MAP_GET_FD_BY_ID, *id)?;
            Ok(Table { name: map_name(&map)?, capacity, keys: keys(&map, key, capacity)? })
        })
        .collect()
    }

    /// How many of them the kernel still has after so long: it frees them some time after their last
    /// user went. Needs CAP_SYS_ADMIN.
    pub fn still_there_after(&self, patience: Duration) -> io::Result<usize> {
        let mut left = self.still_there();
        wait_until(patience, || {
            left = self.still_there();
            !matches!(left, Ok(1..))
        });
        left
    }

    fn still_there(&self) -> io::Result<usize> {
        let mut found = 0;
        for (command, ids) in [
            (MAP_GET_FD_BY_ID, &self.maps),
            (PROG_GET_FD_BY_ID, &self.programs),
            (LINK_GET_FD_BY_ID, &self.links),
        ] {
            for id in ids.keys() {
                match open(command, *id) {
                    Ok(_) => found += 1,
                    Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    }
}

/// The lines `key:\tvalue` of a fdinfo file.
fn facts(text: &str) -> Facts {
    let pair = |line: &str| {
        let (key, value) = line.split_once(':')?;
        Some((key.to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

fn number(facts: &Facts, key: &str) -> Option<u32> {
    facts.get(key)?.parse().ok()
}

/// As large as any of the commands' attributes that are used here; the kernel wants the rest zero.
type Attributes = [u64; 4];

fn bpf(command: libc::c_int, attributes: &mut Attributes) -> io::Result<libc::c_long> {
    let size = size_of_val(attributes);
    // SAFETY: the attributes are as long as is said, and what they point to is the caller's.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(done) }
}

/// Two 32-bit fields that stand one behind the other.
fn pair(first: u32, second: u32) -> u64 {
    let [a, b, c, d] = first.to_ne_bytes();
    let [e, f, g, h] = second.to_ne_bytes();
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

fn open(command: libc::c_int, id: u32) -> io::Result<OwnedFd> {
    let descriptor = bpf(command, &mut [pair(id, 0), 0, 0, 0])?;
    let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn descriptor(map: &OwnedFd) -> u32 {
    map.as_raw_fd().cast_unsigned()
}

fn map_name(map: &OwnedFd) -> io::Result<String> {
    // `struct bpf_map_info`: six numbers of 32 bits, then the name.
    let mut info = [0_u8; 40];
    let length = u32::try_from(info.len()).unwrap_or_default();
    bpf(OBJ_GET_INFO_BY_FD, &mut [pair(descriptor(map), length), info.as_mut_ptr() as u64, 0, 0])?;
    let name = info.get(24..).unwrap_or_default().split(|byte| *byte == 0).next();
    Ok(String::from_utf8_lossy(name.unwrap_or_default()).into_owned())
}

/// All keys; no more than the table has room for, as one that changes can go round and round.
fn keys(map: &OwnedFd, size: usize, capacity: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    while keys.len() <= capacity {
        let before = keys.last().map_or(std::ptr::null(), |key: &Vec<u8>| key.as_ptr());
        let mut next = vec![0; size];
        let mut attributes = [pair(descriptor(map), 0), before as u64, next.as_mut_ptr() as u64, 0];
        match bpf(MAP_GET_NEXT_KEY, &mut attributes) {
            Ok(_) => keys.push(next),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_of_a_link_is_read() {
        let text = "pos:\t0\nlink_type:\ttcx\nlink_id:\t7\nprog_id:\t12\nifindex:\t3\n";
        let facts = facts(text);
        assert_eq!((number(&facts, "link_id"), number(&facts, "prog_id")), (Some(7), Some(12)));
        let held = Held { links: [(7, facts)].into(), ..Held::default() };
        assert!(held.is_attached_to(3) && !held.is_attached_to(7));
        assert_eq!(held.counts(), [0, 0, 1]);
    }
}
