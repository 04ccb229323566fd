//! Landlock: which files this thread, and every thread that it starts later, may still open.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    Access, AccessFs, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, Scope, ABI,
};

/// Newest rights that are asked for; an older kernel enforces those that it knows.
const WANTED: ABI = ABI::V6;

/// Only what lies in `read` can be read from now on, and what lies in `write` read, made, changed and removed; nothing can be
/// executed. What is open stays open, and a path that is not there allows nothing. Signals and abstract sockets reach no
/// process outside where the kernel has version 6. To be called before other threads: theirs is the calling thread's restriction only if it started them.
///
/// Returns the version of Landlock's interface that is enforced, `WANTED` at most; 0 where the kernel has none.
pub fn restrict_files(read: &[PathBuf], write: &[PathBuf]) -> io::Result<i32> {
    let created = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))
        .and_then(|all| all.scope(Scope::from_all(WANTED)))
        .and_then(Ruleset::create)
        .map_err(io::Error::other)?;
    let readable = allow(created, read, reading())?;
    let status = allow(readable, write, writing())?.restrict_self().map_err(io::Error::other)?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => WANTED.min(effective_abi) as i32,
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    })
}

fn reading() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// No devices, no links across directories.
fn writing() -> BitFlags<AccessFs> {
    reading()
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeSock
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
}

fn allow(mut ruleset: RulesetCreated, paths: &[PathBuf], access: BitFlags<AccessFs>) -> io::Result<RulesetCreated> {
    for path in paths {
        if let Some(rule) = beneath(path, access)? {
            ruleset = ruleset.add_rule(rule).map_err(io::Error::other)?;
        }
    }
    Ok(ruleset)
}

/// None where there is nothing. A file that is no directory knows fewer rights.
fn beneath(path: &Path, access: BitFlags<AccessFs>) -> io::Result<Option<PathBeneath<PathFd>>> {
    let kind = match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let fitting = if kind.is_dir() { access } else { access & AccessFs::from_file(WANTED) };
    let opened = PathFd::new(path).map_err(io::Error::other)?;
    Ok(Some(PathBeneath::new(opened, fitting)))
}
