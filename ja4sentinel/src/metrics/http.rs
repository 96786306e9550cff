//! As much of HTTP/1.1 as a scraper needs.

use std::time::Duration;

use super::Snapshot;
use super::text::render;

/// A snapshot older than this says that the service hangs.
const STALE: Duration = Duration::from_secs(10);

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The whole response to a request, of which `head` is everything up to the empty line.
pub(super) fn respond(head: &str, snapshot: &Snapshot) -> Vec<u8> {
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return response("400 Bad Request", TEXT, "bad request\n", true);
    };
    if !version.starts_with("HTTP/1.") {
        return response("505 HTTP Version Not Supported", TEXT, "HTTP/1.1 only\n", true);
    }
    if method != "GET" && method != "HEAD" {
        return response("405 Method Not Allowed", TEXT, "GET or HEAD only\n", true);
    }
    let hangs = snapshot.made.elapsed() > STALE;
    let path = target.split('?').next().unwrap_or_default();
    let (status, kind, body) = match path {
        "/metrics" => ("200 OK", PROMETHEUS, render(snapshot)),
        "/healthz" | "/readyz" if hangs => {
            ("503 Service Unavailable", TEXT, "the service hangs\n".to_owned())
        }
        "/healthz" => ("200 OK", TEXT, "ok\n".to_owned()),
        "/readyz" if !snapshot.ready => {
            ("503 Service Unavailable", TEXT, "no interface is watched\n".to_owned())
        }
        "/readyz" => ("200 OK", TEXT, "ready\n".to_owned()),
        _ => ("404 Not Found", TEXT, "/metrics, /healthz and /readyz\n".to_owned()),
    };
    response(status, kind, &body, method == "GET")
}

/// The response to a request whose head is too long.
pub(super) fn too_long() -> Vec<u8> {
    response("431 Request Header Fields Too Large", TEXT, "too long\n", true)
}

fn response(status: &str, kind: &str, body: &str, with_body: bool) -> Vec<u8> {
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}\
         Connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), if with_body { body.as_bytes() } else { b"" }].concat()
}
