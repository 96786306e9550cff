//! The eBPF backend on real interfaces: what real clients send arrives, whole, and the host is none
//! the worse for it.

#[cfg(test)]
mod attaching;
#[cfg(test)]
mod links;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
#[path = "../program_support/mod.rs"]
mod program_support;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod support;
