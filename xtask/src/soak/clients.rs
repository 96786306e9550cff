//! Real connections: TLS programs, and many more that only say hello.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::clients::{self, Kind};
use ja4sentinel_tests::hellos::{Hello, SERVER_NAME};
use ja4sentinel_tests::netns::{SERVER_V4, SERVER_V6};

use super::phase::Step;
use super::stage::{FAST_PORT, Stage, TLS_PORT};

/// Between two programs.
const PROGRAMS: Duration = Duration::from_millis(700);
/// Between two connections of one address family: 100 a second together.
const FAST: Duration = Duration::from_millis(20);
/// How long a client or a server waits for its peer: a busy machine may let either of them wait.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between the two halves of a hello.
const HALVES: Duration = Duration::from_millis(3);
/// More than fits into one segment.
const LARGE: usize = 2500;

/// Runs one TLS program after the other, over IPv4 and IPv6 in turn.
pub(super) fn programs(stage: &Stage) -> Result<()> {
    let tools: Vec<_> = clients::installed().filter(|client| client.kind == Kind::Tool).collect();
    ensure!(!tools.is_empty(), "no TLS client is installed");
    for (number, client) in (0..).zip(tools.iter().cycle()) {
        if !stage.phase.rest(Step::Load, PROGRAMS) {
            break;
        }
        let v6 = number / tools.len() % 2 == 1;
        let address: IpAddr = if v6 { SERVER_V6.into() } else { SERVER_V4.into() };
        let host = stage.truth.expect_program(client.name);
        stage.lab.add_host(&host, address)?;
        if !client.run(&stage.lab, &host, TLS_PORT)?.success() {
            stage.truth.excuse(&host);
        }
    }
    Ok(())
}

/// Connects over and over to one of the server's addresses, with hellos that come in different ways.
pub(super) fn fast(stage: &Stage, address: IpAddr) -> Result<()> {
    let server = SocketAddr::new(address, FAST_PORT);
    stage.lab.client.inside(|| {
        for number in 0.. {
            if !stage.phase.rest(Step::Load, FAST) {
                break;
            }
            say_hello(stage, server, WAYS.get(number % WAYS.len()).copied().unwrap_or("whole"))?;
        }
        Ok(())
    })?
}

/// How a hello comes: in one segment, in two writes, in many TLS records, or longer than a segment.
const WAYS: [&str; 4] = ["whole", "halves", "pieces", "large"];

/// Connects, says a hello of this kind, and waits for the server to close.
pub(super) fn say_hello(stage: &Stage, server: SocketAddr, kind: &str) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)
        .with_context(|| format!("cannot connect to {server}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let hello = named(&stage.truth.expect(kind));
    match kind {
        "halves" => {
            let bytes = hello.record();
            let (first, second) = bytes.split_at(bytes.len() / 2);
            stream.write_all(first)?;
            std::thread::sleep(HALVES);
            stream.write_all(second)?;
        }
        "pieces" => stream.write_all(&hello.records(&[50]))?,
        "large" => stream.write_all(&hello.padded_to(LARGE).record())?,
        _ => stream.write_all(&hello.record())?,
    }
    stream.shutdown(Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new()).context("the server does not close")?;
    Ok(())
}

/// A browser's hello, to this server.
fn named(name: &str) -> Hello {
    let mut hello = Hello::browser();
    let other = Hello::new(&[]).server_name(name).extensions.unwrap_or_default();
    for (kind, data) in hello.extensions.iter_mut().flatten() {
        if *kind == SERVER_NAME {
            data.clone_from(&other.iter().flat_map(|(_, data)| data.clone()).collect());
        }
    }
    hello
}

/// The server of the fast ones: reads what comes, and closes.
pub(super) fn serve(stage: &Stage) -> Result<()> {
    stage.fast.set_nonblocking(true)?;
    std::thread::scope(|scope| {
        // The last clients are served in calm.
        while stage.phase.lasts(Step::Calm) {
            match stage.fast.accept() {
                Ok((stream, _)) => drop(scope.spawn(move || read(stream))),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    stage.phase.rest(Step::Calm, Duration::from_millis(1));
                }
                Err(error) => return Err(error).context("the server"),
            }
        }
        Ok(())
    })
}

fn read(mut stream: TcpStream) {
    let begun = Instant::now();
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut buffer = [0; 4096];
    while begun.elapsed() < PATIENCE && matches!(stream.read(&mut buffer), Ok(1..)) {}
}
