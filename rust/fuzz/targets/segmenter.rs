//! The fuzz target of `lotor_trials::segmenter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| lotor_trials::segmenter::run(octets));
