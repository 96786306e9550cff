//! Lists of items, which may also be typed as a single item or joined by commas.

use ipnet::IpNet;
use serde_json::json;

use super::interfaces::InterfacePattern;
use super::mistake::near;
use super::reading::{Reading, Value};
use super::yaml::{Node, Yaml};
use crate::output::FIELDS;

/// What may stand in a list.
pub(super) trait Item: Sized {
    /// What is allowed, in words.
    const ALLOWED: &'static str;

    /// The words that one may have slipped from, where it is a closed set.
    const WORDS: &'static [&'static str] = &[];

    /// The item, if it is one.
    fn parse(node: &Node) -> Option<Self>;

    /// Its JSON Schema.
    fn schema() -> serde_json::Value;
}

impl<T: Item> Value for Vec<T> {
    fn allowed() -> String {
        T::ALLOWED.to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        let split: Vec<Node>;
        let nodes = match &node.value {
            Yaml::List(nodes) => nodes.as_slice(),
            Yaml::Text(text) => {
                split = text.split(',').map(|part| Node::text(node.place, part.trim())).collect();
                &split
            }
            _ => std::slice::from_ref(node),
        };
        let list: Vec<T> = nodes
            .iter()
            .filter_map(|item| T::parse(item).or_else(|| refuse::<T>(item, reading)))
            .collect();
        (list.len() == nodes.len()).then_some(list)
    }

    fn schema() -> serde_json::Value {
        let item = T::schema();
        json!({ "anyOf": [item, { "type": "array", "items": item }] })
    }
}

fn refuse<T: Item>(node: &Node, reading: &mut Reading) -> Option<T> {
    let meant = match &node.value {
        Yaml::Text(text) => near(text, T::WORDS.iter().copied()).map(str::to_owned),
        _ => None,
    };
    reading.refuse_as(node.place, node, T::ALLOWED.to_owned(), meant);
    None
}

/// Ports from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortRange(pub(super) u16, pub(super) u16);

impl Item for PortRange {
    const ALLOWED: &'static str =
        "ports from 1 to 65535, ranges such as 8000-8100, lists of these, or any";

    fn parse(node: &Node) -> Option<Self> {
        let port = |text: &str| text.trim().parse().ok().filter(|port: &u16| *port > 0);
        match &node.value {
            Yaml::Integer(number) => {
                let port = u16::try_from(*number).ok().filter(|port| *port > 0)?;
                Some(Self(port, port))
            }
            Yaml::Text(text) if text == "any" => Some(Self(0, u16::MAX)),
            Yaml::Text(text) => {
                let (from, to) = text.split_once('-').unwrap_or((text, text));
                let (from, to) = (port(from)?, port(to)?);
                (from <= to).then_some(Self(from, to))
            }
            _ => None,
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": ["integer", "string"], "minimum": 1, "maximum": u16::MAX })
    }
}

impl Item for InterfacePattern {
    const ALLOWED: &'static str = "an interface name, a glob such as en*, one to leave out such \
                                   as !docker*, a list of these, or any";

    fn parse(node: &Node) -> Option<Self> {
        match &node.value {
            Yaml::Text(text) => Self::parse(text),
            _ => None,
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Item for IpNet {
    const ALLOWED: &'static str =
        "a network such as 192.0.2.0/24 or 2001:db8::/32, an address, or a list of these";

    fn parse(node: &Node) -> Option<Self> {
        let Yaml::Text(text) = &node.value else { return None };
        match text.parse::<IpNet>() {
            Ok(network) => Some(network.trunc()),
            Err(_) => text.parse::<std::net::IpAddr>().ok().map(Self::from),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 2 })
    }
}

/// The name of a record's field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field(pub(super) &'static str);

impl Item for Field {
    const ALLOWED: &'static str = "names of a record's fields, such as src_ip or ja4";
    const WORDS: &'static [&'static str] = FIELDS;

    fn parse(node: &Node) -> Option<Self> {
        let Yaml::Text(text) = &node.value else { return None };
        FIELDS.iter().find(|field| *field == text).map(|field| Self(field))
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": FIELDS })
    }
}
