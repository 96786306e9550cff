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

/// The verifier tells its counts in its log, which the loader shows for a refused program alone. So the
/// program is refused, at the very last step: there is no descriptor left for it.
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
        let (_, behind) = log.split_once("processed ").unwrap_or_else(|| panic!("{name}: {log}"));
        let count: u64 = behind.split(' ').next().unwrap().parse().unwrap();
        println!("\n@verified {name} {count}");
        assert!((1..LIMIT / SHARE).contains(&count), "{name}: {count} instructions");
        // Without that obstacle it is taken.
        program.load().unwrap();
    }
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
