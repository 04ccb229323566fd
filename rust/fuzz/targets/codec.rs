//! The fuzz target of `lotor_trials::codec`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lotor_trials::codec::run(octets));
