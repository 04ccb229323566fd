//! The fuzz target of `lotor_trials::coalescer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lotor_trials::coalescer::run(octets));
