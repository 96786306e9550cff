//! The `ja4sentinel` program: arguments, configuration, agent, exit code.
fn main() {}
