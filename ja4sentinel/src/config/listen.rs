//! Where the metrics are served.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;

use super::reading::{Reading, Value};
use super::yaml::{Node, Yaml};

/// Where to listen: nowhere that another host could reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A loopback address.
    Tcp(SocketAddr),
    /// A UNIX socket.
    Unix(PathBuf),
}

impl Listen {
    /// Reads a loopback address and port, or `unix:` and a path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some("") => None,
            Some(path) => Some(Self::Unix(path.into())),
            None => {
                let address: SocketAddr = text.parse().ok()?;
                address.ip().is_loopback().then_some(Self::Tcp(address))
            }
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Value for Listen {
    fn allowed() -> String {
        "a loopback address and port such as 127.0.0.1:9443 or [::1]:9443, or unix:/path".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        match &node.value {
            Yaml::Text(text) => Self::parse(text),
            _ => None,
        }
        .or_else(|| reading.refuse(node))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^(unix:.+|.+:[0-9]+)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_other_host_reaches() {
        for text in ["127.0.0.1:9443", "[::1]:1", "unix:/run/m.sock", "127.8.0.1:80"] {
            assert_eq!(Listen::parse(text).unwrap().to_string(), text);
        }
        for text in ["0.0.0.0:9443", "192.0.2.1:1", "localhost:1", "unix:", "9443", "127.0.0.1"] {
            assert_eq!(Listen::parse(text), None, "{text:?}");
        }
    }
}
