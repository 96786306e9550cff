//! What the agent would give up: it is given up for real, on a thread that then ends, and the outputs
//! are looked at from there.

use super::Check;
use super::outputs::{self, Missing};
use crate::agent::{self, Needs};
use crate::config::Config;
use crate::sandbox::{self, Landlock, Mode, State};

const NAME: &str = "privileges";

/// Tries it, and looks at the outputs as the agent would see them.
pub(super) fn check(config: &Config) -> Vec<Check> {
    let missing = Missing::find(&config.outputs);
    let plan = match agent::plan(config, None, Needs::expected(config)) {
        Ok(plan) => plan,
        Err(error) => {
            let remedy = "make that user, or name another one in privileges.user";
            let own = Check::failed(NAME, error.to_string(), remedy);
            return [own].into_iter().chain(outputs::check(&config.outputs, &missing)).collect();
        }
    };
    // A thread that fails half-way is of no more use to anyone.
    let trial = std::thread::scope(|scope| {
        let confined = || {
            let state = sandbox::confine_thread(&plan)?;
            Ok::<_, sandbox::SandboxError>((state, outputs::check(&config.outputs, &missing)))
        };
        scope.spawn(confined).join()
    });
    match trial {
        Ok(Ok((state, outputs))) => [judge(&state, config)].into_iter().chain(outputs).collect(),
        Ok(Err(error)) => {
            let remedy = "see privileges in the configuration: each can be switched off there";
            let own = Check::failed(NAME, error.to_string(), remedy);
            [own].into_iter().chain(outputs::check(&config.outputs, &missing)).collect()
        }
        Err(_) => vec![Check::failed(NAME, "the trial itself failed", "report this")],
    }
}

fn judge(state: &State, config: &Config) -> Check {
    if state.landlock == Landlock::Absent {
        let remedy = "use Linux 5.13 or later with landlock in lsm=; until then only the modes of \
                      files and folders say what the agent may write";
        return Check::warning(NAME, state.to_string(), remedy);
    }
    if !state.seccomp && config.privileges.seccomp != Mode::Off {
        let remedy = "use a kernel with seccomp; until then the agent may use any system call";
        return Check::warning(NAME, state.to_string(), remedy);
    }
    Check::ok(NAME, state.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use crate::output::{FileConfig, OutputConfig, SinkConfig, SpoolConfig, UnixSocketConfig};

    fn statuses(config: &Config) -> Vec<Status> {
        check(config).iter().map(|check| check.status).collect()
    }

    #[test]
    fn a_user_that_is_not_there_is_found() {
        let mut config = Config::default();
        config.privileges.user = Some("nobody-of-this-name".to_owned());
        let checks = check(&config);
        assert_eq!(checks.first().map(|check| check.status), Some(Status::Failed));
        assert!(checks.iter().any(|check| check.found.contains("nobody-of-this-name")));
    }

    #[test]
    fn a_spool_s_folder_that_the_agent_makes_first_is_no_fault() {
        let dir = tempfile::tempdir().unwrap();
        let mut socket = UnixSocketConfig::new(dir.path().join("reader"));
        socket.spool = Some(SpoolConfig { directory: dir.path().join("spool"), size: 1 });
        let socket = OutputConfig::new(SinkConfig::UnixSocket(socket));
        let config = Config { outputs: vec![socket], ..Config::default() };
        let checks = check(&config);
        let spool = checks.iter().find(|check| check.check.ends_with(" spool")).unwrap();
        // Landlock lets nobody make it later on.
        assert_eq!(spool.status, Status::Ok, "{spool:?}");
        assert!(!dir.path().join("spool").exists());
    }

    #[test]
    fn outputs_are_seen_from_within() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let file = OutputConfig::new(SinkConfig::File(FileConfig::new(path)));
        let config = Config { outputs: vec![file], ..Config::default() };
        let statuses = statuses(&config);
        assert_eq!(statuses.last(), Some(&Status::Ok), "{statuses:?}");
        // This thread is as it was.
        assert!(std::fs::File::open("/proc/version").is_ok());
    }
}
