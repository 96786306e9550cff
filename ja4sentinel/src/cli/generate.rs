//! `ja4sentinel generate`: what packages carry beside the program, made from its own command line.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;

use super::Exit;

/// Write the man pages and the shells' completions, for makers of packages
#[derive(Args)]
pub(super) struct Arguments {
    /// Where the folders man and completions go
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

/// The shells whose completions packages have a place for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

/// Writes them.
#[expect(clippy::print_stderr, reason = "a command for the terminal")]
pub(super) fn run(arguments: &Arguments, program: Command) -> Exit {
    match write(&arguments.directory, program) {
        Ok(()) => Exit::Done,
        Err(error) => {
            eprintln!("ja4sentinel: {}: {error}", arguments.directory.display());
            Exit::Failed
        }
    }
}

fn write(directory: &Path, mut program: Command) -> io::Result<()> {
    let completions = directory.join("completions");
    std::fs::create_dir_all(&completions)?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut program, "ja4sentinel", &completions)?;
    }
    let man = directory.join("man");
    std::fs::create_dir_all(&man)?;
    clap_mangen::generate_to(program, &man)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn each_command_has_a_page_and_each_shell_its_file() {
        let directory = tempfile::tempdir().unwrap();
        super::write(directory.path(), super::super::Cli::command()).unwrap();
        let names = |folder: &str| {
            let entries = std::fs::read_dir(directory.path().join(folder)).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names("completions"), ["_ja4sentinel", "ja4sentinel.bash", "ja4sentinel.fish"]);
        let pages = names("man");
        assert!(pages.contains(&"ja4sentinel.1".to_owned()), "{pages:?}");
        assert!(pages.contains(&"ja4sentinel-read.1".to_owned()), "{pages:?}");
        assert!(!pages.iter().any(|page| page.contains("generate")), "{pages:?}");
        let page =
            std::fs::read_to_string(directory.path().join("man/ja4sentinel-read.1")).unwrap();
        assert!(page.contains("Examples"), "{page}");
    }
}
