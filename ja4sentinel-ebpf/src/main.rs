//! The TC classifier. Built for `bpfel-unknown-none` by `cargo xtask ebpf build`; a stub elsewhere.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]

#[cfg(not(target_arch = "bpf"))]
fn main() {}
