//! The TC classifier: hands up the SYN and the first client bytes of connections to watched ports,
//! and lets every packet go on as it is.
//!
//! Built for `bpfel-unknown-none` by `cargo xtask ebpf build`; a stub on the host. Loads on Linux
//! 5.10 and later. Each packet ends with one verdict, which is a [`ja4sentinel_common::Counter`]:
//!
//! | packet | verdict |
//! |---|---|
//! | no TCP over IP, or a broken header | named by its cause |
//! | to a port that is not watched | `other_port` |
//! | neither payload, SYN, FIN nor RST | `no_payload` |
//! | SYN | `syn_kept`: it waits in `SYNS` for its connection's first payload |
//! | first payload of such a connection | `handed_up` with the SYN; the connection enters `FLOWS` |
//! | payload that begins like a ClientHello, SYN unknown | `handed_up`; likewise |
//! | other payload, SYN unknown | `unknown_connection` |
//! | payload of a connection in `FLOWS` | `handed_up` until the hello is over, then `settled` |
//! | fragment | `handed_up`, unless its first fragment shows that it is not wanted |
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]

#[cfg(target_arch = "bpf")]
mod event;
#[cfg(target_arch = "bpf")]
mod extension;
#[cfg(target_arch = "bpf")]
mod flow;
#[cfg(target_arch = "bpf")]
mod fragment;
#[cfg(target_arch = "bpf")]
mod hello;
#[cfg(target_arch = "bpf")]
mod instruction;
#[cfg(target_arch = "bpf")]
mod ip;
#[cfg(target_arch = "bpf")]
mod link;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod packet;
#[cfg(target_arch = "bpf")]
mod program;
#[cfg(target_arch = "bpf")]
mod recent;
#[cfg(target_arch = "bpf")]
mod state;
#[cfg(target_arch = "bpf")]
mod syn;
#[cfg(target_arch = "bpf")]
mod tcp;
#[cfg(target_arch = "bpf")]
mod tunnel;
#[cfg(target_arch = "bpf")]
mod usual;
#[cfg(target_arch = "bpf")]
mod view;

#[cfg(not(target_arch = "bpf"))]
fn main() {}
