//! Calls that are allowed with some arguments only.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition, SeccompRule,
};

use super::Calls;
use super::list::ALWAYS;

/// Rules of each call; without any, it is allowed whatever its arguments.
type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

// Commands of bpf(2), from `linux/bpf.h`.
const BPF_MAP_LOOKUP_ELEM: u64 = 1;
const BPF_MAP_UPDATE_ELEM: u64 = 2;
const BPF_MAP_DELETE_ELEM: u64 = 3;
const BPF_MAP_GET_NEXT_KEY: u64 = 4;
const BPF_OBJ_GET_INFO_BY_FD: u64 = 15;
const BPF_PROG_QUERY: u64 = 16;
const BPF_MAP_LOOKUP_BATCH: u64 = 24;
const BPF_MAP_UPDATE_BATCH: u64 = 26;
const BPF_LINK_CREATE: u64 = 28;
const BPF_LINK_UPDATE: u64 = 29;
const BPF_LINK_DETACH: u64 = 34;

/// Reading and writing the tables; no program is loaded and no table made any more.
const TABLES: [u64; 7] = [
    BPF_MAP_LOOKUP_ELEM,
    BPF_MAP_UPDATE_ELEM,
    BPF_MAP_DELETE_ELEM,
    BPF_MAP_GET_NEXT_KEY,
    BPF_OBJ_GET_INFO_BY_FD,
    BPF_MAP_LOOKUP_BATCH,
    BPF_MAP_UPDATE_BATCH,
];
/// Attaching what was loaded, and looking at what is attached.
const ATTACHING: [u64; 4] = [BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_LINK_DETACH, BPF_PROG_QUERY];

/// Naming threads and memory; nothing else that prctl(2) does.
const NAMING: [libc::c_int; 3] = [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA];

/// The requests of sockets and network interfaces are all of this block: `linux/sockios.h`.
const SOCKET_REQUESTS: u64 = 0x8900;
/// Whether something is a terminal, and what waits in a socket.
const OTHER_REQUESTS: [libc::c_ulong; 3] = [libc::TCGETS, libc::FIONBIO, libc::FIONREAD];

pub(super) fn of(calls: Calls) -> Result<Rules, BackendError> {
    let mut rules: Rules =
        ALWAYS.iter().copied().flatten().map(|number| (*number, Vec::new())).collect();

    let mut commands = TABLES.to_vec();
    if calls.attach {
        commands.extend(ATTACHING);
    }
    rules.insert(libc::SYS_bpf, any(0, &commands)?);

    let mut families = vec![libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    if calls.packet_sockets {
        families.push(libc::AF_PACKET);
    }
    rules.insert(libc::SYS_socket, any(0, &numbers(&families))?);
    rules.insert(libc::SYS_socketpair, any(0, &numbers(&[libc::AF_UNIX]))?);

    // Threads, and no processes.
    let thread = number(libc::CLONE_VM | libc::CLONE_THREAD);
    rules.insert(libc::SYS_clone, vec![one(0, Length::Qword, Is::MaskedEq(thread), thread)?]);

    rules.insert(libc::SYS_prctl, any(0, &numbers(&NAMING))?);
    let mut requests = any(1, &OTHER_REQUESTS)?;
    requests.push(one(1, Length::Dword, Is::MaskedEq(!0xff), SOCKET_REQUESTS)?);
    rules.insert(libc::SYS_ioctl, requests);

    // Signals to this process alone, as `abort` sends them.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, any(0, &[own])?);

    // No memory becomes code; a program that has all its libraries in it maps none either.
    let not_code = || one(2, Length::Dword, Is::MaskedEq(number(libc::PROT_EXEC)), 0);
    rules.insert(libc::SYS_mprotect, vec![not_code()?]);
    let mapping = if cfg!(target_feature = "crt-static") { vec![not_code()?] } else { Vec::new() };
    rules.insert(libc::SYS_mmap, mapping);
    Ok(rules)
}

/// Allowed when this argument, of 32 bits, is one of these.
fn any(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| one(argument, Length::Dword, Is::Eq, *value)).collect()
}

fn one(argument: u8, length: Length, is: Is, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, length, is, value)?])
}

fn number(value: libc::c_int) -> u64 {
    u64::from(value.unsigned_abs())
}

fn numbers(values: &[libc::c_int]) -> Vec<u64> {
    values.iter().copied().map(number).collect()
}
