//! The fuzz target of `lotor_trials::inflater`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lotor_trials::inflater::run(octets));
