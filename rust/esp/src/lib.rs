//! ESP in tunnel mode without I/O: SA pairs, replay windows, sealing and opening, and what a tunnel does to the inner
//! packets it carries. The primitives beneath (`primitive`) serve ISAKMP messages as well, and those of IKEv2 (`ike`).
//!
//! Octets and the time (nanoseconds of a monotonic clock) go in, octets and facts come out. Everything takes `&self`
//! and is safe to share between threads; nothing here waits for anything but a lock held for a few instructions.
#![deny(unsafe_code)]

pub mod algorithm;
pub mod batch;
pub mod checksum;
pub mod child;
pub mod coalesce;
mod congestion;
pub mod fairness;
pub mod fragment;
mod header;
mod hmac;
pub mod icmp;
pub mod ike;
pub mod inform;
pub mod ip;
pub mod ipcomp;
pub mod ipv4;
pub mod ipv6;
mod iv;
pub mod lifetime;
mod mixing;
pub mod mschap;
pub mod mss;
pub mod network;
pub mod open;
pub mod primitive;
mod rate;
pub mod replay;
pub mod seal;
mod sha;
pub mod size;
pub mod split;
pub mod table;
#[allow(unsafe_code)] // the only file that speaks to the processor
#[allow(clippy::incompatible_msrv)] // what an older compiler does not know is left out (build.rs)
mod vector;
pub mod vnet;

/// Nanoseconds of a monotonic clock.
pub type Nanos = u64;

/// SPI and sequence number (RFC 4303 §2).
pub const HEADER_LEN: usize = 8;

/// SPIs 0 to 255 are reserved (RFC 4303 §2.1).
pub const LOWEST_SPI: u32 = 256;

/// Protocol number of a dummy packet, sent to hide traffic (RFC 4303 §2.6).
pub const NEXT_HEADER_NONE: u8 = 59;
