//! ja4sentinel: packets in, TLS client fingerprints out.
//!
//! The story, in the order in which data flows:
//!
//! 1. [`wire`] reads one captured [`wire::Frame`] and finds the TCP [`wire::Segment`] in it.
//! 2. [`flow`] keeps a bounded table of half-seen connections and turns segments, in any order,
//!    into the contiguous bytes that the client sent.
//! 3. [`hello`] reads a ClientHello out of those bytes, over any number of TLS records.
//! 4. [`fingerprint`] computes JA4 and JA3 of a ClientHello.
//! 5. [`record`] is the one value that leaves: a flat record with a fixed order of fields.
//! 6. [`sensor`] joins the stages and owns the loss ledger: every selected connection ends as a
//!    record or as one named reason.
//!
//! These six are the core. They do no I/O, read no clock, and know neither tokio nor logging:
//! frames and time come in, values come out. A module imports only from those named before it.
//!
//! Around the core stands the shell (feature `shell`): capture, output, sandbox, config, metrics,
//! agent, doctor.
#![cfg_attr(test, allow(clippy::cast_possible_truncation, reason = "tests build small packets"))]
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod wire;

pub mod flow;

pub mod hello;

pub mod fingerprint;

pub mod record;

pub mod sensor;

#[cfg(feature = "shell")]
pub mod capture;

#[cfg(feature = "shell")]
pub mod output;

#[cfg(feature = "shell")]
pub mod sandbox;

#[cfg(feature = "shell")]
pub mod config;

#[cfg(feature = "shell")]
pub mod metrics;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;

#[cfg(feature = "shell")]
pub mod agent;

#[cfg(feature = "shell")]
pub mod doctor;
