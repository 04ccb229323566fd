//! The fuzz target of `lotor_trials::opener`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lotor_trials::opener::run(octets));
