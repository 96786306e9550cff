//! A configuration file.

use std::path::Path;

use crate::config::{Config, Overrides};

/// Reads a configuration. It is valid, or every mistake has its words; either way the same bytes
/// are judged the same a second time.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let load = || {
        let file = Some((Path::new("fuzz.yml"), text));
        Config::load(file, &|_| None, &Overrides::default())
    };
    match load() {
        Ok(config) => {
            assert!(!config.outputs.is_empty());
            assert!(config.settings.limits.flows > 0);
            assert_eq!(load().ok(), Some(config));
        }
        Err(mistakes) => {
            assert!(!mistakes.list.is_empty());
            assert!(!mistakes.to_string().is_empty());
        }
    }
}
