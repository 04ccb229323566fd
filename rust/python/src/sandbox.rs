//! `lotor_sandbox` for `lotor.confinement.sandbox`: names to values, refusals to `OSError`.

use std::io;
use std::path::PathBuf;

use lotor_sandbox::Profile;
use pyo3::prelude::*;

/// The version of Landlock's interface that is enforced; 0 where the kernel has none.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "Python's list is taken over")]
pub(crate) fn restrict_files(read: Vec<PathBuf>, write: Vec<PathBuf>) -> io::Result<i32> {
    lotor_sandbox::restrict_files(&read, &write)
}

/// By the names of `confinement.sandbox.Profile`.
#[pyfunction]
pub(crate) fn restrict_calls(profile: &str) -> io::Result<()> {
    match profile {
        "daemon" => lotor_sandbox::restrict_calls(Profile::Daemon),
        other => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("there is no profile named {other}"))),
    }
}
