#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| ja4sentinel::fuzz::sensor(data));
