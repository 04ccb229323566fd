"""ESP in user space: a TUN device, a UDP socket and threads in Rust."""
