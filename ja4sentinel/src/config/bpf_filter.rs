//! A filter expression, judged by libpcap where this program has it.

use serde_json::json;

use super::reading::{Reading, Value};
use super::yaml::{Node, Yaml};

/// An expression in libpcap's language; an empty one is how a template says "none".
#[derive(Debug, Clone)]
pub(super) struct BpfFilter(pub(super) Option<String>);

impl Value for BpfFilter {
    fn allowed() -> String {
        "a filter expression as for tcpdump, such as \"not host 192.0.2.1\"".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        let Yaml::Text(text) = &node.value else { return reading.refuse(node) };
        if text.trim().is_empty() {
            return Some(Self(None));
        }
        match judge(text) {
            Ok(()) => Some(Self(Some(text.clone()))),
            Err(reason) => {
                let found = format!("{node}: {reason}");
                reading.refuse_as(node.place, found, Self::allowed(), None);
                None
            }
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string" })
    }
}

/// Says what is wrong with an expression. libpcap looks up names of hosts that it holds.
#[cfg(feature = "libpcap")]
fn judge(text: &str) -> Result<(), String> {
    use std::error::Error as _;

    match crate::capture::pcap::Expression::new(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.source().map_or_else(|| error.to_string(), ToString::to_string)),
    }
}

#[cfg(not(feature = "libpcap"))]
fn judge(_: &str) -> Result<(), String> {
    Err("this program was built without libpcap".to_owned())
}
