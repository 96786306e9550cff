//! Types that the agent and its eBPF program agree on: `repr(C)`, fixed size, no hidden bytes.
#![no_std]
