//! The metrics server against requests of every kind.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

mod metrics_support;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ja4sentinel::metrics::{Listener, METRICS, Snapshot, serve};
use metrics_support::snapshot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// A running server and what it shows.
struct Server {
    port: u16,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (snapshots, receiver) = watch::channel(Arc::new(snapshot()));
        tokio::spawn(serve(Listener::Tcp(listener), receiver));
        Self { port, snapshots }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// Status line and body.
    async fn ask(&self, request: &str) -> (String, String) {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let length = format!("Content-Length: {}", body.len());
        assert!(head.contains(&length) || request.starts_with("HEAD"), "{head}");
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    }

    fn show(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = snapshot();
        change(&mut snapshot);
        self.snapshots.send_replace(Arc::new(snapshot));
    }
}

#[tokio::test]
async fn metrics_have_every_family_of_the_table() {
    let server = Server::start().await;
    let (status, body) = server.get("/metrics").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    for metric in METRICS {
        assert!(body.contains(&format!("# HELP {} {}\n", metric.name, metric.help)), "{body}");
    }
    for line in [
        "ja4sentinel_stage_taken_total{stage=\"frames\"} 10",
        "ja4sentinel_stage_lost_total{stage=\"frames\",reason=\"cut_off\"} 2",
        "ja4sentinel_interface_frames_total{interface=\"eth0\"} 9",
        "ja4sentinel_ring_used_bytes 100",
        "ja4sentinel_output_given_total{output=\"odd \\\"name\\\"\\\\\"} 0",
    ] {
        assert!(body.lines().any(|other| other == line), "{line}\n{body}");
    }
}

#[tokio::test]
async fn health_and_readiness() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.0, "HTTP/1.1 200 OK");
    assert_eq!(server.get("/readyz").await.0, "HTTP/1.1 200 OK");
    server.show(|snapshot| snapshot.ready = false);
    assert_eq!(server.get("/healthz").await.0, "HTTP/1.1 200 OK");
    assert_eq!(server.get("/readyz").await.0, "HTTP/1.1 503 Service Unavailable");
    server.show(|snapshot| snapshot.made = Instant::now() - Duration::from_secs(60));
    assert_eq!(server.get("/healthz").await.0, "HTTP/1.1 503 Service Unavailable");
}

#[tokio::test]
async fn nothing_else_is_served() {
    let server = Server::start().await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
        ("GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
        ("GET /metrics HTTP/2\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported"),
        ("GET /metrics\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("\x16\x03\x01\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /healthz?x=1 HTTP/1.0\n\n", "HTTP/1.1 200 OK"),
    ] {
        assert_eq!(server.ask(request).await.0, status, "{request:?}");
    }
    let (status, body) = server.ask("HEAD /metrics HTTP/1.1\r\n\r\n").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", ""));
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(4020));
    assert!(long.len() < 4096 && server.ask(&long).await.0.ends_with("200 OK"));
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(4096 - 26));
    assert!(server.ask(&long).await.0.contains(" 431 "), "{}", long.len());
}

#[tokio::test]
async fn those_who_never_finish_a_request_do_not_lock_others_out() {
    let server = Server::start().await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /metr").await.unwrap();
        idle.push(stream);
    }
    let begin = Instant::now();
    let answer = tokio::time::timeout(Duration::from_secs(30), server.get("/metrics")).await;
    assert_eq!(answer.unwrap().0, "HTTP/1.1 200 OK");
    assert!(begin.elapsed() > Duration::from_secs(3), "no more than a few at once");
}

#[tokio::test]
async fn a_unix_socket_replaces_a_dead_one_and_only_that() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // as a crash leaves it
    let listener = Listener::unix(&path).await.unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    assert!(Listener::unix(&path).await.is_err(), "in use");
    let (_snapshots, receiver) = watch::channel(Arc::new(snapshot()));
    let server = tokio::spawn(serve(listener, receiver));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\n\r\n").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    server.abort();
    assert!(server.await.is_err());
    assert!(!path.exists(), "removed in the end");
    std::fs::write(&path, "precious").unwrap();
    assert!(Listener::unix(&path).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
