//! The user that the agent goes on as.

use std::ffi::CString;
use std::fmt;
use std::io;

use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgrouplist};

use super::SandboxError;

/// A user with its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    name: String,
    user: Uid,
    group: Gid,
    /// With the group above.
    groups: Vec<Gid>,
}

impl Account {
    /// The account of this name, or of this number, which need not be known to the system; behind a
    /// colon there may be the name or number of its group.
    ///
    /// # Errors
    /// There is none.
    pub fn find(text: &str) -> Result<Self, SandboxError> {
        let (name, group) = match text.split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (text, None),
        };
        let no_user = || SandboxError::NoUser(text.to_owned());
        let failed =
            |error: nix::Error| SandboxError::LookUp(text.to_owned(), io::Error::from(error));
        let number: Option<u32> = name.parse().ok();
        let known = match number {
            // A root file system without /etc/passwd knows no user, and needs none.
            Some(number) => User::from_uid(Uid::from_raw(number)).ok().flatten(),
            None => User::from_name(name).map_err(failed)?,
        };
        let (user, own_group) = match (&known, number) {
            (Some(known), _) => (known.uid, known.gid),
            (None, Some(number)) => (Uid::from_raw(number), Gid::from_raw(number)),
            (None, None) => return Err(no_user()),
        };
        let group = match group {
            None => own_group,
            Some(group) => match group.parse() {
                Ok(number) => Gid::from_raw(number),
                Err(_) => Group::from_name(group)
                    .map_err(failed)?
                    .map(|known| known.gid)
                    .ok_or_else(no_user)?,
            },
        };
        let groups = known
            .and_then(|known| CString::new(known.name).ok())
            .and_then(|name| getgrouplist(&name, group).ok());
        Ok(Self { name: text.to_owned(), user, group, groups: groups.unwrap_or(vec![group]) })
    }

    /// User and group, for what is handed over to them.
    #[must_use]
    pub fn owner(&self) -> (Uid, Gid) {
        (self.user, self.group)
    }

    /// Whether this process runs as this user and group already.
    #[must_use]
    pub fn is_current(&self) -> bool {
        geteuid() == self.user && getegid() == self.group
    }

    /// Has the calling thread run as this account, for good.
    pub(super) fn assume(&self) -> Result<(), SandboxError> {
        let (user, group) = (self.user.as_raw(), self.group.as_raw());
        let groups: Vec<libc::gid_t> = self.groups.iter().map(|group| group.as_raw()).collect();
        // The system calls themselves, as the C library's functions would change every thread: a
        // trial must not, and elsewhere there is one.
        // SAFETY: the list has the length that is given, and is only read.
        let set = self.is_current()
            || unsafe {
                libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) == 0
                    && libc::syscall(libc::SYS_setresgid, group, group, group) == 0
                    && libc::syscall(libc::SYS_setresuid, user, user, user) == 0
            };
        if set {
            return Ok(());
        }
        let cause = io::Error::last_os_error();
        Err(SandboxError::Become { user: self.name.clone(), cause })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found() {
        let root = Account::find("root").unwrap();
        assert_eq!(root.owner(), (Uid::from_raw(0), Gid::from_raw(0)));
        let unknown = Account::find("54321").unwrap();
        assert_eq!(unknown.owner(), (Uid::from_raw(54321), Gid::from_raw(54321)));
        assert_eq!(unknown.groups, [Gid::from_raw(54321)]);
        let both = Account::find("54321:12345").unwrap();
        assert_eq!(both.owner().1, Gid::from_raw(12345));
        for missing in ["nobody-of-this-name", "root:no-group-of-this-name"] {
            let error = Account::find(missing).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
    }
}
