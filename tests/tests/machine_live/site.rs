//! Where it happens: a server's and a client's namespace, joined by a veth pair that carries a VLAN.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::unnamed::{Offload, Unnamed, set_up, switch};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::rtnl;

/// The server's interface, and the one that it has in the VLAN.
pub(crate) const SERVER: &str = "server0";
pub(crate) const SERVER_VLAN: &str = "server0.7";
const CLIENT: &str = "client0";
const CLIENT_VLAN: &str = "client0.7";
pub(crate) const VLAN: u16 = 7;

/// The server's addresses by interface; the client's have the next number.
pub(crate) const PLAIN: [&str; 2] = ["192.0.2.1", "fd4a::1"];
pub(crate) const TAGGED: [&str; 2] = ["198.51.100.1", "fd4b::1"];
pub(crate) const CLIENT_PLAIN: [&str; 2] = ["192.0.2.2", "fd4a::2"];
const CLIENT_TAGGED: [&str; 2] = ["198.51.100.2", "fd4b::2"];

pub(crate) const PORT: u16 = 443;
/// How long a connection may take in an emulated machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two pieces of a stream: long enough for each to travel alone.
const PAUSE: Duration = Duration::from_millis(40);

/// How frames cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// As on a wire, none longer than the MTU.
    Wire,
    /// As the sender's stack made them: far longer.
    SuperFrames,
    /// As on a wire, and joined by the receiver (GRO).
    Joined,
}

pub(crate) struct Site {
    pub(crate) server: Unnamed,
    pub(crate) client: Unnamed,
}

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self { server: Unnamed::new().unwrap(), client: Unnamed::new().unwrap() };
        let there = site.client.descriptor();
        site.server.inside(|| rtnl::veth(SERVER, CLIENT, there).unwrap()).unwrap();
        let furnish = |[plain, tagged]: [&str; 2], addresses: [[&str; 2]; 2]| {
            // The other end may have to be up before this one's carrier is.
            set_up(plain).unwrap();
            rtnl::vlan(tagged, plain, VLAN).unwrap();
            set_up(tagged).unwrap();
            for (interface, addresses) in [plain, tagged].into_iter().zip(addresses) {
                for address in addresses {
                    rtnl::address(interface, address.parse().unwrap()).unwrap();
                }
            }
        };
        let ends = [SERVER, SERVER_VLAN];
        site.server.inside(|| furnish(ends, [PLAIN, TAGGED])).unwrap();
        let ends = [CLIENT, CLIENT_VLAN];
        site.client.inside(|| furnish(ends, [CLIENT_PLAIN, CLIENT_TAGGED])).unwrap();
        site
    }

    /// Starts the agent on one of the server's interfaces.
    pub(crate) fn watch(&self, backend: &str, interface: &str) -> Agent {
        let port = PORT.to_string();
        let arguments = ["run", "--interface", interface, "--ports", &port, "--backend", backend];
        let binary = built_binary().unwrap();
        let start = || Agent::spawn(Command::new(binary).args(arguments)).unwrap();
        self.server.inside(start).unwrap()
    }

    pub(crate) fn let_cross(&self, crossing: Crossing) {
        let super_frames = crossing == Crossing::SuperFrames;
        let switch = |interface: &str, offload, on| {
            switch(interface, offload, on).unwrap_or_else(|error| panic!("{offload:?}: {error}"));
        };
        self.client
            .inside(|| {
                switch(CLIENT, Offload::Gso, super_frames);
                switch(CLIENT, Offload::Tso, super_frames);
            })
            .unwrap();
        let joined = crossing == Crossing::Joined;
        self.server.inside(|| switch(SERVER, Offload::Gro, joined)).unwrap();
    }

    /// Sends these pieces, one after the other, on a connection to this address of the server, which
    /// must receive them all. Gives where the client was.
    pub(crate) fn send(&self, address: &str, pieces: &[&[u8]]) -> SocketAddr {
        let server = SocketAddr::new(address.parse::<IpAddr>().unwrap(), PORT);
        let (listening, wait) = mpsc::channel();
        let serve = || {
            let listener = TcpListener::bind(server).unwrap();
            listening.send(()).unwrap();
            assert!(is_readable(&listener), "no client connects to {address}");
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).unwrap();
            received
        };
        let connect = || {
            let mut stream = reach(&server);
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            for (number, piece) in pieces.iter().enumerate() {
                std::thread::sleep(if number > 0 { PAUSE } else { Duration::ZERO });
                stream.write_all(piece).unwrap();
            }
            stream.shutdown(Shutdown::Write).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap();
            stream.local_addr().unwrap()
        };
        std::thread::scope(|scope| {
            let server = scope.spawn(|| self.server.inside(serve).unwrap());
            wait.recv_timeout(PATIENCE).unwrap();
            let client = self.client.inside(connect).unwrap();
            assert_eq!(server.join().unwrap(), pieces.concat());
            client
        })
    }
}

/// Connects. A machine that gets little of a busy host's time may be late to answer the question for its
/// hardware address; no packet of the connection was sent then.
fn reach(server: &SocketAddr) -> TcpStream {
    let mut reached: io::Result<TcpStream> = Err(ErrorKind::NotConnected.into());
    wait_until(PATIENCE, || {
        reached = TcpStream::connect_timeout(server, PATIENCE);
        !reached.as_ref().is_err_and(|error| error.kind() == ErrorKind::HostUnreachable)
    });
    reached.unwrap_or_else(|error| panic!("{server}: {error}"))
}

/// Waits for a client, but not for ever: a test that hangs says nothing.
fn is_readable(listener: &TcpListener) -> bool {
    let mut waiting = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    let patience = PollTimeout::try_from(PATIENCE).unwrap();
    poll(&mut waiting, patience).unwrap() > 0
}
