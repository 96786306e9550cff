//! A laboratory on one machine: two throw-away network namespaces, a client's and a server's,
//! joined by a veth pair.
//!
//! Everything a [`Lab`] makes carries its name, `ja4s-<process>-<number>`. It is removed when the
//! lab is dropped, when the process gets a signal to end, and, after a crash, when the next lab is
//! made: by then no process of that number is left.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};

use crate::process::{find_program, is_root, signal};
use crate::{interrupt, tmpfs};

/// The server's end of the veth pair.
pub const SERVER_INTERFACE: &str = "server0";
/// The client's end of the veth pair.
pub const CLIENT_INTERFACE: &str = "client0";
/// Addresses of the server, from the blocks for documentation (RFC 5737) and local use (RFC 4193).
pub const SERVER_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The client's IPv4 address.
pub const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The server's IPv6 address.
pub const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd4a, 0, 0, 0, 0, 0, 0, 1);
/// The client's IPv6 address.
pub const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfd4a, 0, 0, 0, 0, 0, 0, 2);
const PREFIX: &str = "ja4s-";
const SIDES: [&str; 2] = ["server", "client"];
/// Where `ip netns` keeps the named namespaces.
const NAMESPACES: &str = "/run/netns";
/// Where `ip netns exec` finds files that replace those of /etc inside one namespace.
const NAMESPACE_ETC: &str = "/etc/netns";

/// Names of the labs that this process has at the moment. Held while one is made or removed, so
/// that a signal meets no half-made lab.
static LIVE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// How the link between the two namespaces is made.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Largest IP packet in bytes, at both ends; an IPv6 link needs 1280 (RFC 8200 section 5).
    pub mtu: u32,
    /// Whether frames may cross as the kernel made them: segmentation and checksums put off.
    /// Without, each frame is as it would be on a wire.
    pub offloads: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self { mtu: 1500, offloads: true }
    }
}

/// One of a lab's two namespaces.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A command that runs inside.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = ip();
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs a short command inside; an error with its words when it fails. Gives its output.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        output(self.command(program).args(arguments))
    }

    /// Calls `work` inside, on a thread of its own, for what no program does for us.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let file = fs::File::open(self.path()).context("the namespace is gone")?;
        inside(&file, work)
    }

    /// Its file.
    pub fn path(&self) -> PathBuf {
        Path::new(NAMESPACES).join(&self.name)
    }
}

/// Two joined namespaces and a directory for their files.
#[derive(Debug)]
pub struct Lab {
    /// Where the server and the agent live, on [`SERVER_INTERFACE`].
    pub server: Namespace,
    /// Where the clients live, on [`CLIENT_INTERFACE`].
    pub client: Namespace,
    name: String,
}

impl Lab {
    /// Makes a lab. Needs root and iproute2, and ethtool for a link without offloads.
    pub fn new(link: &Link) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        ensure!(
            is_root(),
            "network namespaces need root: use `cargo xtask test` or `cargo xtask demo`"
        );
        ensure!(find_program("ip").is_some(), "no `ip` program: install iproute2");
        // `ip netns exec` puts the lab's over it, and cannot where there is none.
        ensure!(Path::new("/etc/hosts").exists(), "no /etc/hosts: run `cargo xtask setup`");
        interrupt::clean_up_and_exit(remove_all_and_stay_locked)?;
        remove_leftovers();

        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let [server, client] = SIDES.map(|side| Namespace { name: format!("{name}-{side}") });
        // From here on the drop guard cleans up.
        let lab = Self { server, client, name };
        let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert(lab.name.clone());
        let made = lab.make(link);
        drop(live);
        made.context("cannot make the network namespaces")?;
        Ok(lab)
    }

    /// A directory of this lab's own, mode 0700.
    pub fn directory(&self) -> PathBuf {
        directory(&self.name)
    }

    /// Makes clients find `host` at `address`.
    pub fn add_host(&self, host: &str, address: IpAddr) -> Result<()> {
        let file = Path::new(NAMESPACE_ETC).join(&self.client.name).join("hosts");
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&file)?;
        writeln!(file, "{address} {host}")?;
        Ok(())
    }

    fn make(&self, link: &Link) -> Result<()> {
        fs::DirBuilder::new().mode(0o700).create(self.directory())?;
        self.make_client_etc()?;
        for side in [&self.server, &self.client] {
            output(ip().args(["netns", "add", &side.name]))?;
            side.run("ip", &["link", "set", "lo", "up"])?;
        }
        let (server, client) = (&*self.server.name, &*self.client.name);
        output(
            ip().args(["link", "add", SERVER_INTERFACE, "netns", server, "type", "veth"]).args([
                "peer",
                "name",
                CLIENT_INTERFACE,
                "netns",
                client,
            ]),
        )?;
        self.server.set_up(SERVER_INTERFACE, link, SERVER_V4, SERVER_V6)?;
        self.client.set_up(CLIENT_INTERFACE, link, CLIENT_V4, CLIENT_V6)
    }

    /// Names come from our hosts file alone: no client asks a name server of the real network.
    fn make_client_etc(&self) -> Result<()> {
        let etc = Path::new(NAMESPACE_ETC).join(&self.client.name);
        fs::create_dir_all(&etc)?;
        fs::write(etc.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        if Path::new("/etc/resolv.conf").exists() {
            fs::write(etc.join("resolv.conf"), "nameserver 127.0.0.1\n")?;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
        remove(&self.name);
        live.remove(&self.name);
    }
}

impl Namespace {
    fn set_up(&self, interface: &str, link: &Link, v4: Ipv4Addr, v6: Ipv6Addr) -> Result<()> {
        let ip = |arguments: &[&str]| self.run("ip", arguments);
        ip(&["link", "set", interface, "mtu", &link.mtu.to_string()])?;
        if !link.offloads {
            self.switch_off_offloads(interface)?;
        }
        ip(&["addr", "add", &format!("{v4}/24"), "dev", interface])?;
        // No duplicate address detection: the address is usable at once.
        ip(&["addr", "add", &format!("{v6}/64"), "dev", interface, "nodad"])?;
        ip(&["link", "set", interface, "up"])?;
        Ok(())
    }

    fn switch_off_offloads(&self, interface: &str) -> Result<()> {
        ensure!(find_program("ethtool").is_some(), "no `ethtool` program: install ethtool");
        let off = ["tso", "gso", "gro", "tx", "rx"];
        for feature in off {
            // A feature that this kernel's veth does not have cannot be on.
            let _ = self.run("ethtool", &["-K", interface, feature, "off"]);
        }
        let state = self.run("ethtool", &["-k", interface])?;
        for must in ["tcp-segmentation-offload: off", "generic-receive-offload: off"] {
            ensure!(state.contains(must), "{interface} does not switch to {must}");
        }
        Ok(())
    }
}

/// Calls `work` in the network namespace of this file, on a thread of its own.
pub(crate) fn inside<T: Send>(file: &fs::File, work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| -> Result<T> {
            // SAFETY: setns takes an open descriptor and moves this thread only, which ends with
            // the closure.
            let moved = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
            ensure!(moved == 0, "setns: {}", std::io::Error::last_os_error());
            Ok(work())
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn ip() -> Command {
    Command::new(find_program("ip").unwrap_or_else(|| "ip".into()))
}

/// Runs a command that must succeed and gives its standard output.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn directory(lab: &str) -> PathBuf {
    std::env::temp_dir().join(lab)
}

/// Removes whatever is there of one lab, its processes first.
fn remove(lab: &str) {
    for side in SIDES {
        let name = format!("{lab}-{side}");
        if Path::new(NAMESPACES).join(&name).exists() {
            end_processes(&name);
            let _ = output(ip().args(["netns", "del", &name]));
        }
        let _ = fs::remove_dir_all(Path::new(NAMESPACE_ETC).join(&name));
    }
    // Succeeds only when it is empty, as it is when nobody else keeps files there.
    let _ = fs::remove_dir(NAMESPACE_ETC);
    tmpfs::unmount_below(&directory(lab));
    let _ = fs::remove_dir_all(directory(lab));
}

/// Kills every process whose network is one of our own throw-away namespaces.
fn end_processes(namespace: &str) {
    for number in [libc::SIGTERM, libc::SIGKILL] {
        let grace = std::time::Duration::from_secs(2);
        crate::process::wait_until(grace, || {
            let listed = output(ip().args(["netns", "pids", namespace])).unwrap_or_default();
            let running: Vec<u32> = listed.lines().filter_map(|pid| pid.parse().ok()).collect();
            running.iter().for_each(|pid| signal(*pid, number));
            running.is_empty()
        });
    }
}

/// Removes the labs of processes that are no more.
fn remove_leftovers() {
    let _live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut names = BTreeSet::new();
    for place in [Path::new(NAMESPACES), Path::new(NAMESPACE_ETC), &std::env::temp_dir()] {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            names.extend(entry.file_name().to_str().and_then(lab_of).map(str::to_owned));
        }
    }
    for name in names {
        if maker(&name).is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove(&name);
        }
    }
}

/// The lab that a file name belongs to: `ja4s-12-3` of `ja4s-12-3-server`.
fn lab_of(file: &str) -> Option<&str> {
    let lab =
        SIDES.iter().find_map(|side| file.strip_suffix(side)?.strip_suffix('-')).unwrap_or(file);
    maker(lab).map(|_| lab)
}

/// The process number in a lab's name: `12` of `ja4s-12-3`.
fn maker(lab: &str) -> Option<&str> {
    let (pid, number) = lab.strip_prefix(PREFIX)?.split_once('-')?;
    let numeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (numeric(pid) && numeric(number)).then_some(pid)
}

/// Removes every lab of this process. Keeps the lock, so that no other thread makes one any more
/// before the process exits.
fn remove_all_and_stay_locked() {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.iter().for_each(|lab| remove(lab));
    std::mem::forget(live);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_our_own_form_are_taken_for_leftovers() {
        assert_eq!(lab_of("ja4s-12-3-server"), Some("ja4s-12-3"));
        assert_eq!(lab_of("ja4s-12-3-client"), Some("ja4s-12-3"));
        assert_eq!(lab_of("ja4s-12-3"), Some("ja4s-12-3"));
        assert_eq!(maker("ja4s-12-3"), Some("12"));
        for other in ["ja4s-", "ja4s-x-1", "ja4s-12", "ja4s-12-", "ja4s-1-2-3", "other-1-2", ""] {
            assert_eq!(lab_of(other), None, "{other}");
        }
    }
}
