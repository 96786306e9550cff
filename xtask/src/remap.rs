//! What we build for others does not tell where it was built, and is the same wherever that is.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Folders of this machine, each with the name that stands for it in what we build.
pub(crate) struct Remap(Vec<(PathBuf, &'static str)>);

impl Remap {
    /// The folders that cargo takes sources from.
    pub(crate) fn new() -> Result<Self> {
        let cargo_home = match std::env::var_os("CARGO_HOME") {
            Some(given) => PathBuf::from(given),
            None => std::env::home_dir().context("HOME is not set")?.join(".cargo"),
        };
        let crates = (cargo_home.join("registry/src"), "/crates");
        Ok(Self(vec![crates, (workspace::root().to_owned(), "/ja4sentinel")]))
    }

    /// One folder more. rustc takes the last that fits, so a folder comes after those around it.
    pub(crate) fn and(mut self, folder: PathBuf, name: &'static str) -> Self {
        self.0.push((folder, name));
        self
    }

    /// rustc's flags for it.
    pub(crate) fn flags(&self) -> Vec<String> {
        let flag = |(folder, name): &(PathBuf, &str)| {
            format!("--remap-path-prefix={}={name}", folder.display())
        };
        self.0.iter().map(flag).collect()
    }

    /// Fails when one of the folders is named in `built` all the same.
    pub(crate) fn check(&self, built: &[u8]) -> Result<()> {
        for (folder, _) in &self.0 {
            let path = folder.as_os_str().as_encoded_bytes();
            if built.windows(path.len()).any(|window| window == path) {
                bail!("what was built names this machine's folder {}", folder.display());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_found_wherever_it_is_named() {
        let remap = Remap(Vec::new()).and(PathBuf::from("/home/me/src"), "/src");
        assert_eq!(remap.flags(), ["--remap-path-prefix=/home/me/src=/src"]);
        assert!(remap.check(b"\0/src/main.rs\0").is_ok());
        assert!(remap.check(b"\0/home/me/src/main.rs\0").is_err());
    }
}
