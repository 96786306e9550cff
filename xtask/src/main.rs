//! Every command that a developer or CI runs: `cargo xtask --help`.
fn main() {}
