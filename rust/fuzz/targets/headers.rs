//! The fuzz target of `lotor_trials::headers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lotor_trials::headers::run(octets));
