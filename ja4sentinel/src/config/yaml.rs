//! Text to a tree in which every key and value knows where it stood.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{DuplicateKeyPolicy, Spanned};

use super::mistake::{Mistake, Place};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Yaml,
}

/// A YAML value. Entries keep their order and their duplicates, which are judged later, with
/// everything else.
#[derive(Debug, Clone)]
pub(super) enum Yaml {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and its place.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) name: String,
}

/// The tree of a document; an empty one is null.
///
/// # Errors
/// The place at which the text stops being YAML.
pub(super) fn parse(text: &str) -> Result<Node, Box<Mistake>> {
    let options = serde_yaml::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options(text, options).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        Box::new(Mistake {
            place: Place::File { line, column },
            key: String::new(),
            wrong: error.without_snippet().to_string(),
            allowed: "one YAML document".to_owned(),
            meant: None,
        })
    })
}

impl Node {
    /// A value typed outside the file.
    pub(super) fn text(place: Place, text: &str) -> Self {
        Self { place, value: Yaml::Text(text.to_owned()) }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Yaml::Null)
    }
}

impl fmt::Display for Node {
    /// What was found, for a message: scalars as they mean, collections by their kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Yaml::Null => f.write_str("nothing"),
            Yaml::Bool(value) => write!(f, "{value}"),
            Yaml::Integer(value) => write!(f, "{value}"),
            Yaml::Float(value) => write!(f, "{value}"),
            Yaml::Text(text) if text.chars().count() > 60 => {
                write!(f, "{:?} and more", text.chars().take(50).collect::<String>())
            }
            Yaml::Text(text) => write!(f, "{text:?}"),
            Yaml::List(_) => f.write_str("a list"),
            Yaml::Map(_) => f.write_str("a mapping"),
        }
    }
}

fn place<T>(spanned: &Spanned<T>) -> Place {
    Place::File { line: spanned.referenced.line(), column: spanned.referenced.column() }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Yaml>::deserialize(deserializer)?;
        Ok(Self { place: place(&spanned), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { place: place(&spanned), name: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
        Ok(Yaml::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Yaml, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Yaml::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Yaml, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Yaml::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(node: &Node) -> &[(Key, Node)] {
        let Yaml::Map(entries) = &node.value else { panic!("no mapping: {node}") };
        entries
    }

    #[test]
    fn keys_and_values_know_their_place_and_duplicates_stay() {
        let tree = parse("# a comment\na: 1\nb:\n  - é\n  - x: yes\na: 2\n").unwrap();
        let [(a, one), (b, list), (again, two)] = entries(&tree) else { panic!("{tree:?}") };
        assert_eq!((a.name.as_str(), a.place), ("a", Place::File { line: 2, column: 1 }));
        assert_eq!(one.place, Place::File { line: 2, column: 4 });
        assert_eq!((b.name.as_str(), again.name.as_str()), ("b", "a"));
        assert_eq!(again.place, Place::File { line: 6, column: 1 });
        assert_eq!((one.to_string(), two.to_string()), ("1".into(), "2".into()));
        let Yaml::List(items) = &list.value else { panic!("{list:?}") };
        assert_eq!(entries(&items[1])[0].1.to_string(), "\"yes\"", "only true and false are bool");
    }

    #[test]
    fn text_that_is_no_yaml_says_where() {
        let mistake = parse("a: 1\nb: c: d\n").unwrap_err();
        assert_eq!(mistake.place, Place::File { line: 2, column: 5 });
        assert!(parse("a: 1\n---\nb: 2\n").is_err(), "one document only");
        assert!(parse("").unwrap().is_null());
        assert!(parse("# only a comment\n").unwrap().is_null());
    }
}
