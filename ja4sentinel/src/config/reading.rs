//! Reading a tree into typed values, gathering every mistake on the way.

use super::mistake::{Mistake, Place, near};
use super::yaml::{Key, Node, Yaml};

/// A value that can be read from a configuration.
pub(super) trait Value: Sized {
    /// What is allowed, in words; it completes "allowed: ".
    fn allowed() -> String;

    /// The value, or `None` with the mistakes noted.
    fn read(node: &Node, reading: &mut Reading) -> Option<Self>;

    /// Its JSON Schema.
    fn schema() -> serde_json::Value;

    /// Takes over what a later layer says: by key for a mapping, as a whole for anything else.
    fn overlay(&mut self, later: Self) {
        *self = later;
    }
}

/// A value that is kept as it was typed, to be read when it is known what it should be.
impl Value for Node {
    fn allowed() -> String {
        "a value".to_owned()
    }

    fn read(node: &Node, _: &mut Reading) -> Option<Self> {
        Some(node.clone())
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({})
    }
}

/// A value and where it was typed.
#[derive(Debug, Clone)]
pub(super) struct Typed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// Where the reader is, and what it found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    path: Vec<String>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Reading {
    /// Reads one value.
    pub(super) fn value<T: Value>(&mut self, node: &Node) -> Option<Typed<T>> {
        T::read(node, self).map(|value| Typed { value, place: node.place })
    }

    /// Reads what stands under a part of the path.
    pub(super) fn under<T>(&mut self, step: String, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = read(self);
        self.path.pop();
        result
    }

    /// Notes that a value is none of those that `T` allows.
    pub(super) fn refuse<T: Value>(&mut self, node: &Node) -> Option<T> {
        self.refuse_as(node.place, node, T::allowed(), None);
        None
    }

    /// Notes that `found` is none of the allowed.
    pub(super) fn refuse_as(
        &mut self,
        place: Place,
        found: impl std::fmt::Display,
        allowed: String,
        meant: Option<String>,
    ) {
        self.note(place, format!("found {found}"), allowed, meant);
    }

    /// Notes a mistake at the present path.
    pub(super) fn note(
        &mut self,
        place: Place,
        wrong: String,
        allowed: String,
        meant: Option<String>,
    ) {
        let key = self.path.concat();
        self.mistakes.push(Mistake { place, key, wrong, allowed, meant });
    }

    /// Notes a mistake at a path below the present one.
    pub(super) fn note_at(&mut self, key: &str, place: Place, wrong: &str, allowed: &str) {
        self.under(self.step(key), |reading| {
            reading.note(place, wrong.to_owned(), allowed.to_owned(), None);
        });
    }

    /// Notes that a key is missing, unless it is there and was refused.
    pub(super) fn note_missing(&mut self, key: &str, place: Place, allowed: &str) {
        let path = self.path.concat() + &self.step(key);
        if self.mistakes.iter().all(|mistake| mistake.key != path) {
            self.note_at(key, place, "missing", allowed);
        }
    }

    pub(super) fn step(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!(".{key}") }
    }

    /// Begins to read a mapping; null is an empty one.
    pub(super) fn section<'n>(&mut self, node: &'n Node) -> Option<Section<'n>> {
        let entries = match &node.value {
            Yaml::Null => Default::default(),
            Yaml::Map(entries) => entries.as_slice(),
            _ => {
                self.refuse_as(node.place, node, "a mapping".to_owned(), None);
                return None;
            }
        };
        Some(Section { entries, known: Vec::new() })
    }
}

/// A mapping that is being read; keys that nobody asked for are mistakes.
pub(super) struct Section<'n> {
    entries: &'n [(Key, Node)],
    known: Vec<&'static str>,
}

impl Section<'_> {
    /// Reads the value of `name`, if it is there and not null.
    pub(super) fn take<T: Value>(
        &mut self,
        name: &'static str,
        reading: &mut Reading,
    ) -> Option<Typed<T>> {
        self.known.push(name);
        let mut same = self.entries.iter().filter(|(key, _)| key.name == name);
        let (first, node) = same.next()?;
        let step = reading.step(name);
        reading.under(step, |reading| {
            for (key, _) in same {
                let wrong = match first.place {
                    Place::File { line, .. } => format!("duplicate key, first on line {line}"),
                    _ => "duplicate key".to_owned(),
                };
                reading.note(key.place, wrong, "each key once".to_owned(), None);
            }
            if node.is_null() { None } else { reading.value(node) }
        })
    }

    /// Ends the section. `elsewhere` names the section that has a key, where it is another one.
    pub(super) fn finish(self, reading: &mut Reading, elsewhere: impl Fn(&str) -> Option<String>) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.known.contains(&&*key.name)) {
            let meant = near(&key.name, self.known.iter().copied())
                .map(str::to_owned)
                .or_else(|| elsewhere(&key.name));
            let allowed = match self.known.as_slice() {
                [] => "none".to_owned(),
                known => known.join(", "),
            };
            let step = reading.step(&key.name);
            reading.under(step, |reading| {
                reading.note(key.place, "unknown key".to_owned(), allowed, meant);
            });
        }
    }
}
