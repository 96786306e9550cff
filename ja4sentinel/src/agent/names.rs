//! Names of hosts and services in a program that holds its own C library.
//!
//! glibc looks names up by whatever the host's /etc/nsswitch.conf lists, and loads a shared library
//! for each. Those fit the host's C library, not the one in a static program: loading one ends in a
//! crash. What needs no library is in glibc itself: /etc/hosts, DNS, /etc/services.

/// Has this process look names up by what is in it only. A program that shares the host's C library
/// goes on as the host wants it.
pub fn look_up_without_libraries() {
    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    for (database, services) in [
        (c"hosts", c"files dns"),
        (c"networks", c"files"),
        (c"protocols", c"files"),
        (c"services", c"files"),
        (c"ethers", c"files"),
    ] {
        // SAFETY: so does glibc declare it, in nss.h.
        unsafe extern "C" {
            fn __nss_configure_lookup(
                database: *const std::ffi::c_char,
                services: *const std::ffi::c_char,
            ) -> std::ffi::c_int;
        }
        // SAFETY: the function copies both strings, which
        // end in a zero byte. It fails for an unknown database only, and changes nothing then.
        unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
    }
}
