//! The scalar values of a configuration: how each is typed, and what it means.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::mistake::near;
use super::reading::{Reading, Value};
use super::yaml::{Node, Yaml};
use crate::output::{Facility, HostPort};
use crate::sandbox::Mode;

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count<const MIN: u64, const MAX: u64>(pub(super) u64);

impl<const MIN: u64, const MAX: u64> Value for Count<MIN, MAX> {
    fn allowed() -> String {
        format!("a whole number from {MIN} to {MAX}")
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        whole_number(node)
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Self)
            .or_else(|| reading.refuse(node))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// Environment and flags have only text, and templates quote numbers: both count as numbers.
fn whole_number(node: &Node) -> Option<u64> {
    match &node.value {
        Yaml::Integer(number) => u64::try_from(*number).ok(),
        Yaml::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

impl Value for bool {
    fn allowed() -> String {
        "true or false".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        // YAML 1.1 had more words for them, and older files have those.
        let (yes, no) = (["true", "yes", "on"], ["false", "no", "off"]);
        match &node.value {
            Yaml::Bool(value) => Some(*value),
            Yaml::Text(text) if yes.contains(&&*text.to_lowercase()) => Some(true),
            Yaml::Text(text) if no.contains(&&*text.to_lowercase()) => Some(false),
            _ => reading.refuse(node),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "boolean" })
    }
}

impl Value for String {
    fn allowed() -> String {
        "text".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        match &node.value {
            Yaml::Text(text) if !text.contains('\0') => Some(text.clone()),
            Yaml::Integer(number) => Some(number.to_string()),
            _ => reading.refuse(node),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string" })
    }
}

impl Value for PathBuf {
    fn allowed() -> String {
        "a path".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        match &node.value {
            Yaml::Text(text) if !text.is_empty() && !text.contains('\0') => Some(text.into()),
            _ => reading.refuse(node),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Value for HostPort {
    fn allowed() -> String {
        "host:port, an IPv6 address in brackets".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        match &node.value {
            Yaml::Text(text) => Self::parse(text),
            _ => None,
        }
        .or_else(|| reading.refuse(node))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": ":[0-9]+$" })
    }
}

impl Value for Facility {
    fn allowed() -> String {
        Self::NAMES.join(", ")
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        let words: Vec<_> =
            Self::NAMES.into_iter().filter_map(|name| Some((name, Self::named(name)?))).collect();
        choice(node, reading, &words)
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": Self::NAMES })
    }
}

/// `on` and `off` are truth values to many who write YAML.
impl Value for Mode {
    fn allowed() -> String {
        "auto, on or off".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        match &node.value {
            Yaml::Bool(true) => Some(Self::On),
            Yaml::Bool(false) => Some(Self::Off),
            _ => {
                choice(node, reading, &[("auto", Self::Auto), ("on", Self::On), ("off", Self::Off)])
            }
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": ["auto", "on", "off", true, false] })
    }
}

/// A length of time: whole seconds, or a number with its unit.
impl Value for Duration {
    fn allowed() -> String {
        "seconds, or a time such as 500ms, 24h or 7d; not 0".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        let typed = match &node.value {
            Yaml::Text(text) => humantime::parse_duration(text).ok(),
            _ => None,
        };
        whole_number(node)
            .map(Duration::from_secs)
            .or(typed)
            .filter(|duration| !duration.is_zero())
            .or_else(|| reading.refuse(node))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]" })
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size(pub(super) u64);

impl Value for Size {
    fn allowed() -> String {
        "bytes, or a number with kB, MB, GB, KiB, MiB or GiB, such as 64MiB; not 0".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        const UNITS: &[(&str, u64)] = &[
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("kB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
        ];
        whole_number(node)
            .or_else(|| with_unit(node, UNITS))
            .filter(|bytes| *bytes > 0)
            .map(Self)
            .or_else(|| reading.refuse(node))
    }

    fn schema() -> serde_json::Value {
        json!({
            "type": ["integer", "string"],
            "minimum": 1,
            "pattern": "^[0-9]+ ?(kB|MB|GB|KiB|MiB|GiB)?$",
        })
    }
}

fn with_unit(node: &Node, units: &[(&str, u64)]) -> Option<u64> {
    let Yaml::Text(text) = &node.value else { return None };
    units.iter().find_map(|(unit, factor)| {
        let digits = text.strip_suffix(unit)?.trim_end();
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u64>().ok()?.checked_mul(*factor)).flatten()
    })
}

/// One word of several. `words` pairs what is typed with what it means; case does not matter.
pub(super) fn choice<T: Copy>(
    node: &Node,
    reading: &mut Reading,
    words: &[(&str, T)],
) -> Option<T> {
    if let Yaml::Text(text) = &node.value {
        let lower = text.to_lowercase();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == lower) {
            return Some(*meaning);
        }
        let meant = near(&lower, words.iter().map(|(word, _)| *word)).map(str::to_owned);
        reading.refuse_as(node.place, node, join(words), meant);
    } else {
        reading.refuse_as(node.place, node, join(words), None);
    }
    None
}

/// The words of a choice, for a message.
pub(super) fn join<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}

/// Makes a closed set of words a value.
macro_rules! words {
    ($type:ty { $( $word:literal => $meaning:expr ),+ $(,)? }) => {
        impl $crate::config::reading::Value for $type {
            fn allowed() -> String {
                [$($word),+].join(", ")
            }

            fn read(
                node: &$crate::config::yaml::Node,
                reading: &mut $crate::config::reading::Reading,
            ) -> Option<Self> {
                $crate::config::values::choice(node, reading, &[$( ($word, $meaning) ),+])
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),+] })
            }
        }
    };
}

pub(super) use words;
