//! What a process gives up for good, by crates that are made for it: files (Landlock) and system calls (seccomp). Both set
//! `no_new_privs`, and neither can be taken back. Pure: no Python here.

mod calls;
mod files;

pub use calls::{restrict_calls, Profile};
pub use files::restrict_files;
