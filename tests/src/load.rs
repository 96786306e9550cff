//! Clients that connect without end, each with a hello, and servers that let them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::netns::Lab;

/// What a client rests between two connections: libpcap's buffer, in frames, is not what is tested.
const REST: Duration = Duration::from_micros(500);
/// How long a client or a server waits for its peer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs `work` while clients connect to these addresses of the lab's server, one client an address,
/// over and over, and send `hello`. Gives what the work gave, and the clients' ends of all
/// connections that were made.
pub fn under_load<T>(
    lab: &Lab,
    servers: &[SocketAddr],
    hello: &[u8],
    work: impl FnOnce() -> T,
) -> Result<(T, Vec<Connection>)> {
    let over = AtomicBool::new(false);
    let connections = Mutex::new(Vec::new());
    let listeners = lab.server.inside(|| -> std::io::Result<Vec<_>> {
        servers.iter().map(TcpListener::bind).collect()
    })??;
    let worked = std::thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(|| serve(listener, &over));
        }
        for server in servers {
            let (over, connections) = (&over, &connections);
            scope.spawn(move || {
                lab.client.inside(|| {
                    while !over.load(Ordering::Relaxed) {
                        let _ = connect(*server, hello, &mut |client| {
                            let connection =
                                Connection { client, server: *server, sent: Instant::now() };
                            connections.lock().map(|mut all| all.push(connection)).ok();
                        });
                        std::thread::sleep(REST);
                    }
                })
            });
        }
        let _end = End(&over);
        work()
    });
    Ok((worked, connections.into_inner().unwrap_or_default()))
}

/// Ends the load when the work ends, also when it panics: the scope waits for its threads.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection on which a hello was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The client's end.
    pub client: SocketAddr,
    /// The server's end.
    pub server: SocketAddr,
    /// When the hello was on its way.
    pub sent: Instant,
}

/// Connects, sends, says so, and waits for the server to close.
fn connect(
    server: SocketAddr,
    hello: &[u8],
    sent: &mut dyn FnMut(SocketAddr),
) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(hello)?;
    sent(stream.local_addr()?);
    stream.shutdown(Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Accepts until the end, reads what comes, and closes.
fn serve(listener: &TcpListener, over: &AtomicBool) {
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    while !over.load(Ordering::Relaxed) {
        let Ok((mut stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_micros(200));
            continue;
        };
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let _ = stream.read_to_end(&mut Vec::new());
    }
}
