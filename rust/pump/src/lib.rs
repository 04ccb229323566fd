//! The thread that carries packets between a TUN device and the outer sockets, and the control side's handle on it.
//!
//! One thread polls the TUN device, the UDP sockets of port 4500 and, once there are any, the raw ESP sockets. The control
//! side changes the table of SA pairs under a lock that is held for a few instructions, and hears of IKE messages and
//! notices through records on a socket (`record`). Descriptors are duplicated: their owner closes its own.
#![deny(unsafe_code)]

mod early;
mod engine;
mod notices;
pub mod offload;
mod outer;
pub mod record;
mod shared;
mod strangers;
#[allow(unsafe_code)] // the only file that speaks to the kernel
mod sys;
mod tun;
mod worker;

pub use engine::{Descriptors, Engine};

/// Random octets for the IVs of one SA pair.
pub fn seed() -> std::io::Result<[u8; 16]> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(std::io::Error::from)?;
    Ok(seed)
}
