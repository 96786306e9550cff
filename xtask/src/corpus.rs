//! `cargo xtask corpus`: captures of generated traffic, for whoever wants to look at them; other
//! commands make what they need.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;
pub(crate) use ja4sentinel_corpus::{Kind, SEED, Size, Truth, Tuple, make_with};

use crate::workspace;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Which corpora; all of them without a name
    #[arg(value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::name)))]
    kinds: Vec<String>,
    /// Folder that they are made in; `target/corpus` without it
    #[arg(long)]
    folder: Option<PathBuf>,
    /// A hundredth of the connections
    #[arg(long)]
    small: bool,
    /// Seed of the corpora
    #[arg(long, default_value_t = SEED)]
    seed: u64,
}

/// Makes corpora and prints where they are.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = arguments.folder.clone().unwrap_or_else(folder);
    let size = if arguments.small { Size::Small } else { Size::Full };
    let is_wanted = |kind: &Kind| {
        let kinds = &arguments.kinds;
        kinds.is_empty() || kinds.iter().any(|name| name == kind.name())
    };
    for kind in Kind::ALL.into_iter().filter(is_wanted) {
        let files = make_with(kind, size, arguments.seed, &folder)?;
        println!("{} {}", files.pcap.display(), files.truth.display());
    }
    Ok(())
}

/// Where commands keep their corpora, so that each is made once.
pub(crate) fn folder() -> PathBuf {
    workspace::target().join("corpus")
}
