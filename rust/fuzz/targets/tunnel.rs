//! The fuzz target of `lotor_trials::tunnel`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lotor_trials::tunnel::run(octets));
