//! Tells the crate whether the compiler knows AVX-512 (Rust 1.89).

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(knows_avx512)");
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let told = Command::new(rustc).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let told = String::from_utf8_lossy(&told);
    let minor = told.strip_prefix("rustc 1.").and_then(|rest| rest.split('.').next()?.parse().ok());
    if minor.is_some_and(|minor: u32| minor >= 89) {
        println!("cargo::rustc-cfg=knows_avx512");
    }
}
