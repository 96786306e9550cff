//! Which kernel this is.

use std::fmt;

use nix::sys::utsname::uname;

/// A kernel's release, such as `6.1.0-13-amd64`.
#[derive(Debug)]
pub struct Release(String);

impl Release {
    /// One that calls itself so.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// That of the running kernel.
    #[must_use]
    pub fn of_this_host() -> Self {
        // By the system call: a container or a hardened unit may have no /proc/sys.
        Self(uname().map_or(String::new(), |it| it.release().to_string_lossy().into_owned()))
    }

    /// Major and minor version; `None` when it does not begin with them.
    #[must_use]
    pub fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.0.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linux {}", if self.0.is_empty() { "of unknown version" } else { &self.0 })
    }
}
