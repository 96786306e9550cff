//! The test harness: network namespaces, TLS servers and real clients.
