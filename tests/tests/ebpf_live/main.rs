//! The eBPF backend on real interfaces: what real clients send arrives, whole, and the host is none
//! the worse for it.

#[cfg(test)]
mod attaching;
#[cfg(test)]
mod links;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod support;
