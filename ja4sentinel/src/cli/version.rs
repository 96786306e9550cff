//! What `--version` says.

/// The version alone.
pub(super) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// With the commit that it was built from.
pub(super) const LONG: &str =
    concat!(env!("CARGO_PKG_VERSION"), "\ncommit: ", env!("JA4SENTINEL_COMMIT"));
