//! A hello whose fingerprint is known from the document that defines it.

/// The TLS record of FoxIO's worked example, below the root of the repository.
pub const HELLO_FILE: &str = "tests/golden/synthetic/readme_example.bin";
/// Its bytes.
pub const HELLO: &[u8] = include_bytes!("../golden/synthetic/readme_example.bin");
/// Its JA4.
pub const HELLO_JA4: &str = "t13d1516h2_8daaf6152771_e5627efa2ab1";
