//! A bounded table of half-seen connections: segments and time in, contiguous client bytes out.

mod assembler;
mod budget;
mod fragments;
mod key;
mod run;
mod table;

pub use assembler::{Assembler, Inserted};
pub use budget::{Bounds, Budget, Limit};
pub use fragments::{Defragmenter, FragmentLimits, FragmentLoss, Pushed, Reassembled};
pub use key::Key;
pub use table::{Class, Handle, Hashed, Table};
