//! Where live traffic flows: a lab whose server side is watched.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::netns::{CLIENT_INTERFACE, Lab, Link, Namespace, SERVER_INTERFACE};

/// Addresses that the generated frames bear: the server's side is to take them for its own.
const MACS: [&str; 2] = ["02:00:00:00:00:01", "02:00:00:00:00:02"];
/// Frames that may wait at the sender: none is to be lost before it is seen.
const QUEUE: &str = "10000";

/// How large frames are on the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// As on a wire: 1500 bytes.
    Mtu,
    /// As the kernel likes them best, up to 64 KiB.
    Gso,
}

/// Two namespaces, and maybe one CPU for all that happens in them.
pub(super) struct Stage {
    pub(super) lab: Lab,
    pin: bool,
}

impl Stage {
    /// Makes it. With `pin`, all that [`Stage::command`] starts runs on the first CPU.
    pub(super) fn new(frames: Frames, pin: bool) -> Result<Self> {
        let lab = Lab::new(&Link::default())?;
        for (side, interface, mac) in
            [(&lab.client, CLIENT_INTERFACE, MACS[0]), (&lab.server, SERVER_INTERFACE, MACS[1])]
        {
            side.run("ip", &["link", "set", interface, "down"])?;
            side.run("ip", &["link", "set", interface, "address", mac, "txqueuelen", QUEUE])?;
            side.run("ip", &["link", "set", interface, "up"])?;
            if frames == Frames::Mtu {
                let off = ["-K", interface, "tso", "off", "gso", "off", "gro", "off"];
                side.run("ethtool", &off)?;
            }
        }
        Ok(Self { lab, pin })
    }

    /// A command in one of the namespaces, that may itself be a command of several words.
    pub(super) fn command(&self, side: &Namespace, command: &Command) -> Command {
        let mut whole = if self.pin {
            let mut whole = side.command("taskset");
            whole.args(["--cpu-list", "0"]).arg(command.get_program());
            whole
        } else {
            side.command(command.get_program())
        };
        whole.args(command.get_args());
        whole
    }

    /// A place for files of this run.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.lab.directory().join(name)
    }

    /// Sends a capture's frames to the server's side: at so many a second, or as fast as it goes.
    /// Gives the rate that was reached. All frames have to go out.
    pub(super) fn replay(&self, capture: &Path, rate: Option<u32>) -> Result<f64> {
        let pace = rate.map_or_else(|| "--topspeed".to_owned(), |rate| format!("--pps={rate}"));
        let mut command = self.lab.client.command("tcpreplay");
        command.args(["--quiet", "--preload-pcap", "--intf1", CLIENT_INTERFACE, &pace]);
        let said = crate::process::output(command.arg(capture))?;
        let number = |before: &str, after: &str| -> Option<f64> {
            let line = said.lines().find(|line| line.contains(before))?;
            let (upto, _) = line.split_once(after)?;
            upto.split([' ', ',', '\t']).rfind(|word| !word.is_empty())?.parse().ok()
        };
        let failed: f64 = said
            .lines()
            .filter_map(|line| {
                line.trim().strip_prefix("Failed packets:")?.trim().parse::<f64>().ok()
            })
            .sum();
        ensure!(failed == 0.0, "tcpreplay could not send {failed} frames");
        number("Rated:", " pps").with_context(|| format!("tcpreplay names no rate: {said}"))
    }
}
