//! The test harness: network namespaces, TLS servers, real clients, and the agent under test.

pub mod agent;
pub mod bpf;
pub mod bpf_cost;
pub mod captures;
pub mod chroot;
pub mod clients;
pub mod confined;
pub mod faults;
pub mod frames;
pub mod hellos;
pub mod injection;
pub mod interrupt;
pub mod load;
pub mod netns;
pub mod notice;
pub mod privilege;
pub mod process;
pub mod scene;
pub mod scrape;
pub mod seccomp;
pub mod servers;
pub mod tcpdump;
pub mod tmpfs;
pub mod tshark;
pub mod usage;
