//! The interfaces of this machine, and its addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nameindex;

/// One network interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// The kernel's index: above 0, and never used again for another one.
    pub index: u32,
    /// The name, as of now.
    pub name: Arc<str>,
}

/// Every interface of the present network namespace, by index.
///
/// # Errors
/// Those of the system.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let all = if_nameindex()?;
    let mut list: BTreeMap<u32, Interface> = BTreeMap::new();
    for entry in all.iter() {
        let name = Arc::from(entry.name().to_string_lossy());
        list.insert(entry.index(), Interface { index: entry.index(), name });
    }
    Ok(list.into_values().collect())
}

/// The addresses that connections to this machine go to, without link-local ones of IPv6.
///
/// # Errors
/// Those of the system.
pub fn local_addresses() -> io::Result<BTreeSet<IpAddr>> {
    let mut found = BTreeSet::new();
    for entry in getifaddrs()? {
        let Some(storage) = entry.address else { continue };
        if let Some(address) = storage.as_sockaddr_in() {
            found.insert(IpAddr::V4(address.ip()));
        } else if let Some(address) = storage.as_sockaddr_in6() {
            found.insert(IpAddr::V6(address.ip()));
        }
    }
    found.retain(|address| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    });
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_there() {
        let list = interfaces().unwrap();
        assert!(list.iter().any(|interface| &*interface.name == "lo"), "{list:?}");
        assert!(list.iter().all(|interface| interface.index > 0));
        let addresses = local_addresses().unwrap();
        assert!(addresses.iter().any(IpAddr::is_loopback), "{addresses:?}");
    }
}
