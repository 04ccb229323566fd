//! What must hold for any octets. Each trial makes of the octets it is given what the engine may meet, lets the engine
//! work on it, and panics when the outcome is not what a simpler way of computing it says.
//!
//! `tests/trials.rs` runs them over the corpus and over octets from a generator, `make fuzz` lets libFuzzer look for worse.
#![forbid(unsafe_code)]

pub mod coalescer;
pub mod codec;
mod ends;
pub mod headers;
pub mod inflater;
pub mod opener;
mod packets;
mod reference;
pub mod segmenter;
mod source;
pub mod tunnel;

/// The name of its fuzz target and of its folder in the corpus, and what to call.
pub type Trial = (&'static str, fn(&[u8]));

pub const ALL: [Trial; 7] = [
    ("coalescer", coalescer::run),
    ("codec", codec::run),
    ("headers", headers::run),
    ("inflater", inflater::run),
    ("opener", opener::run),
    ("segmenter", segmenter::run),
    ("tunnel", tunnel::run),
];
