//! The interfaces that a configuration means, among those that there are.

use anyhow::{Context, Result, bail};

use crate::capture::{Interface, interfaces};
use crate::config::Interfaces;

/// Those that are there now.
///
/// # Errors
/// One that is asked for by its exact name is not there, or the system cannot list them.
pub(super) fn resolve(wanted: &Interfaces) -> Result<Vec<Interface>> {
    let there = interfaces().context("the interfaces of this machine cannot be listed")?;
    if let Some(missing) =
        wanted.names().find(|name| there.iter().all(|interface| *interface.name != **name))
    {
        let names: Vec<&str> = there.iter().map(|interface| &*interface.name).collect();
        bail!("there is no interface {missing}; there are {}", names.join(", "));
    }
    let list = matching(wanted, there);
    if list.is_empty() {
        tracing::warn!(%wanted, "no interface fits yet; those that come will be watched");
    }
    Ok(list)
}

/// Those among `there` that are wanted.
pub(super) fn matching(wanted: &Interfaces, there: Vec<Interface>) -> Vec<Interface> {
    there.into_iter().filter(|interface| wanted.matches(&interface.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::InterfacePattern;

    #[test]
    fn a_missing_name_is_an_error_that_tells_what_there_is() {
        let wanted = |text| Interfaces { patterns: vec![InterfacePattern::parse(text).unwrap()] };
        let error = resolve(&wanted("eth4711")).unwrap_err().to_string();
        assert!(error.contains("no interface eth4711; there are lo"), "{error}");
        assert_eq!(resolve(&wanted("lo")).unwrap().len(), 1);
        assert_eq!(resolve(&wanted("nothing*")).unwrap().len(), 0);
        assert!(!resolve(&wanted("any")).unwrap().is_empty());
    }
}
