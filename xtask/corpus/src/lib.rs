//! Captures of generated traffic, the same bytes on every machine, and the truth about their hellos.
//!
//! [`make`] writes a corpus into a folder, [`Truth`] reads what has to be found in it, and [`lists`]
//! computes the fingerprints that follow, without the agent's help.

mod clients;
mod connection;
mod encode;
mod flow;
mod hello;
mod hostile;
mod kind;
pub mod lists;
mod ordinary;
mod packet;
mod random;
pub mod sample;
mod schedule;
mod stored;
mod truth;

pub use kind::{Kind, SEED, Size};
pub use stored::{Files, make, make_with};
pub use truth::{Connection, Truth, Tuple};
