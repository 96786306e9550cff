//! The JSON Schema of the configuration file, for editors.

use serde_json::{Map, Value as Json, json};

use super::raw::Raw;
use super::reading::Value as _;

/// The JSON Schema (draft 2020-12) of the configuration file, as indented text.
#[must_use]
pub fn schema() -> String {
    let mut schema = Raw::schema();
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        fields.insert("title".into(), json!("ja4sentinel"));
    }
    format!("{schema:#}\n")
}

/// The schema of a mapping of these keys: name, help, schema, default in YAML.
pub(super) fn object(about: &str, keys: &[(&str, &str, Json, Option<&str>)]) -> Json {
    let mut properties = Map::new();
    for (name, help, schema, default) in keys {
        let mut schema = schema.clone();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".into(), json!(help.trim()));
            if let Some(default) = default {
                // A default that is no JSON is a bare word.
                let value = serde_json::from_str(default).unwrap_or_else(|_| json!(default));
                fields.insert("default".into(), value);
            }
        }
        properties.insert((*name).to_owned(), schema);
    }
    json!({
        "type": ["object", "null"],
        "description": about.trim(),
        "additionalProperties": false,
        "properties": properties,
    })
}
