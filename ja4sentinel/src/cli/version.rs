//! What `--version` says.

/// The version alone.
pub(super) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// With the commit that it was built from, and the SHA-256 of the eBPF object in it.
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("JA4SENTINEL_COMMIT"),
    "\nebpf object: sha256:",
    env!("JA4SENTINEL_EBPF_OBJECT")
);
