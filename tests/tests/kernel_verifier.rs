//! How many instructions this kernel's verifier looks at until it takes the programs.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

use std::os::fd::AsRawFd;

use aya::programs::{ProgramError, SchedClassifier};
use aya::{EbpfLoader, VerifierLogLevel};
use ja4sentinel::capture::ebpf::{OBJECT, PROGRAMS};

/// What the verifier gives up at (`BPF_COMPLEXITY_LIMIT_INSNS`), and the share of it that may be used:
/// the next kernel's may need more.
const LIMIT: u64 = 1_000_000;
const SHARE: u64 = 2;

/// Since 5.16 the kernel tells the count for a loaded program. Before, it stands in the verifier's log alone,
/// which the loader shows for a refused program. So the program is refused first, at the very last step:
/// there is no descriptor left for it.
#[test]
fn the_programs_are_far_from_the_verifier_s_limit() {
    let object =
        std::env::var_os("JA4SENTINEL_BPF_OBJECT").map(|path| std::fs::read(path).unwrap());
    let object = object.as_deref().unwrap_or(OBJECT);
    for name in PROGRAMS {
        let mut loader = EbpfLoader::new();
        let mut loaded = loader.verifier_log_level(VerifierLogLevel::STATS).load(object).unwrap();
        let program: &mut SchedClassifier = loaded.program_mut(name).unwrap().try_into().unwrap();
        let refused = without_descriptors(|| program.load());
        let log = match refused {
            Err(ProgramError::LoadError { verifier_log, .. }) => verifier_log.to_string(),
            other => panic!("{name}: {other:?}"),
        };
        program.load().unwrap();
        let told = program.info().unwrap().verified_instruction_count().map(u64::from);
        let count = told.or_else(|| logged(&log));
        let count = count.unwrap_or_else(|| panic!("{name}: no count in {log:?}"));
        println!("\n@verified {name} {count}");
        assert!((1..LIMIT / SHARE).contains(&count), "{name}: {count} instructions");
    }
}

/// The number in `processed N insns (limit 1000000) …`, which stands at a line's beginning.
fn logged(log: &str) -> Option<u64> {
    let mut lines = log.lines().filter_map(|line| line.trim().strip_prefix("processed "));
    lines.find_map(|line| line.split_once(" insns")?.0.parse().ok())
}

/// Calls `work` while this process can open nothing.
fn without_descriptors<T>(work: impl FnOnce() -> T) -> T {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // The lowest free number is the next one's.
    let next = std::fs::File::open("/").unwrap();
    let next_number = u64::try_from(next.as_raw_fd()).unwrap();
    drop(next);
    setrlimit(Resource::RLIMIT_NOFILE, next_number, hard).unwrap();
    let done = work();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    done
}
