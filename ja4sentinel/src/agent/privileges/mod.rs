//! What the agent gives up when it is set up, by its configuration.

mod files;

use std::io;
use std::os::unix::fs::{DirBuilderExt, lchown};
use std::path::Path;

use anyhow::{Result, ensure};

use crate::config::{Backend, Config};
use crate::sandbox::{self, Account, Calls, Capability, Files, Plan, State};

/// What a source needs to go on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    pub(super) capabilities: Vec<Capability>,
    pub(super) calls: Calls,
}

impl Needs {
    /// Those of the eBPF backend. Filters of a clsact qdisc do not go by themselves: to remove them
    /// in the end takes the same capability as to attach them.
    pub(crate) fn of_ebpf(follows: bool, has_filters: bool) -> Self {
        let mut capabilities = Vec::new();
        if follows || has_filters {
            capabilities.push(Capability::CAP_NET_ADMIN);
        }
        if sandbox::needs_bpf_for_maps() {
            capabilities.push(Capability::CAP_BPF);
        }
        Self { capabilities, calls: Calls { attach: follows, packet_sockets: false } }
    }

    /// Those of libpcap.
    pub(crate) fn of_pcap(follows: bool) -> Self {
        let capabilities = if follows { vec![Capability::CAP_NET_RAW] } else { Vec::new() };
        Self { capabilities, calls: Calls { attach: false, packet_sockets: follows } }
    }

    /// Those of the backend that a configuration leads to, as far as can be known before.
    pub(crate) fn expected(config: &Config) -> Self {
        match config.backend {
            Backend::Pcap => Self::of_pcap(config.follow_interfaces),
            Backend::Auto | Backend::Ebpf => Self::of_ebpf(config.follow_interfaces, false),
        }
    }
}

/// The account that a configuration names.
///
/// # Errors
/// There is none of that name.
pub(crate) fn account(config: &Config) -> Result<Option<Account>> {
    Ok(config.privileges.user.as_deref().map(Account::find).transpose()?)
}

/// What a configuration, read from `file`, leaves to an agent whose source needs this.
///
/// # Errors
/// There is no such account.
pub(crate) fn plan(config: &Config, file: Option<&Path>, needs: Needs) -> Result<Plan> {
    let wanted = &config.privileges;
    let account = account(config)?;
    let mut kept = needs.capabilities;
    if account.is_none() && nix::unistd::geteuid().is_root() {
        // Files, folders and sockets of outputs may belong to others, and did no harm so far.
        kept.push(Capability::CAP_DAC_OVERRIDE);
    }
    Ok(Plan {
        account,
        capabilities: wanted.drop_capabilities.then_some(kept),
        no_new_privileges: wanted.no_new_privileges,
        landlock: wanted.landlock,
        files: files::of(config, file),
        seccomp: wanted.seccomp,
        calls: needs.calls,
    })
}

/// An agent that has given up what it does not need.
#[derive(Debug)]
pub(super) struct Confined {
    state: State,
    files: Files,
    /// Whether what following interfaces needs was kept.
    follows: bool,
}

impl Confined {
    /// Gives it up, for this thread and those to come, and says what is left. There must be no
    /// other thread yet.
    ///
    /// # Errors
    /// What the configuration wants cannot be had.
    pub(super) fn confine(config: &Config, file: Option<&Path>, needs: Needs) -> Result<Self> {
        let plan = plan(config, file, needs)?;
        make_spools(config, plan.account.as_ref());
        let state = sandbox::confine(&plan)?;
        tracing::info!(
            user = state.user,
            capabilities = state.capabilities(),
            no_new_privs = state.no_new_privileges,
            landlock = %state.landlock,
            seccomp = state.seccomp,
            "confined"
        );
        for path in plan.files.missing() {
            let remedy = "make it, owned by the agent's user, and restart the agent";
            tracing::warn!(path = %path.display(), remedy, "nothing can be written here");
        }
        Ok(Self { state, files: plan.files, follows: config.follow_interfaces })
    }

    /// Whether interfaces that come can be watched.
    pub(super) fn follows(&self) -> bool {
        self.follows
    }

    /// Whether another configuration can do its work within what was left at the start.
    ///
    /// # Errors
    /// It cannot; says what it asks for.
    pub(super) fn permits(
        &self,
        config: &Config,
        file: Option<&Path>,
        changes: &[&str],
    ) -> Result<()> {
        let interfaces = ["core.interface", "core.promiscuous"];
        let others = changes.iter().find(|change| interfaces.contains(change));
        ensure!(
            self.follows || others.is_none(),
            "the agent gave up watching other interfaces (core.follow_interfaces: false), and {} \
             asks for it: restart the agent",
            others.unwrap_or(&"it"),
        );
        if self.state.landlock.is_on() {
            let wanted = files::of(config, file);
            let outside: Vec<_> =
                self.files.lack(&wanted).iter().map(|path| path.display().to_string()).collect();
            ensure!(
                outside.is_empty(),
                "outside of what the agent kept access to at its start (privileges.landlock): {}; \
                 restart the agent to take this over",
                outside.join(", "),
            );
        }
        Ok(())
    }
}

/// Gives a path to the account, so that it can be removed, or made anew, later on.
pub(super) fn hand_over(path: &Path, account: Option<&Account>) {
    let Some(account) = account.filter(|account| !account.is_current()) else { return };
    let (user, group) = account.owner();
    if let Err(error) = lchown(path, Some(user.as_raw()), Some(group.as_raw())) {
        let (path, user) = (path.display(), account.to_string());
        tracing::warn!(%path, %error, user, "it cannot be given to the agent's user");
    }
}

/// Makes the spools' folders that are missing: the account may not be able to, and a folder that is
/// not there cannot be kept open.
fn make_spools(config: &Config, account: Option<&Account>) {
    for spool in config.outputs.iter().filter_map(|output| output.sink.spool()) {
        let path = &spool.directory;
        if let Some(parent) = path.parent() {
            // Should it fail, the next step says so.
            let _ = std::fs::create_dir_all(parent);
        }
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => hand_over(path, account),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // The output tells, again and again, and the agent does its work all the same.
            Err(error) => tracing::warn!(
                %error,
                path = %path.display(),
                "the spool's folder cannot be made"
            ),
        }
    }
}
