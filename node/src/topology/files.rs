//! The directory that a network is written into.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::args::Plan;
use crate::tools::args::Usage;
use crate::tools::exit::ToolError;

/// How all files begin that may be replaced, but for the secrets; the rest of the command follows.
pub(crate) const MARK: &str = "# Written by `ilp-connector topology";

const SECRETS: &str = "secrets";

/// A secret's hexadecimal digits.
const DIGITS: usize = 32;

/// A file to be. No `Debug`: it may be a secret.
pub(crate) struct File {
    name: String,
    text: String,
    mode: u32,
}

impl File {
    /// For everybody, containers included.
    pub(crate) fn open(name: impl Into<String>, text: String) -> Self {
        Self {
            name: name.into(),
            text,
            mode: 0o644,
        }
    }

    /// For its owner.
    pub(crate) fn secret(name: impl Into<String>, text: String) -> Self {
        Self {
            name: name.into(),
            text,
            mode: 0o600,
        }
    }
}

/// Writes them all.
///
/// # Errors
/// A directory that is not empty, unless the plan says so; somebody else's file in the place of one of these, and then
/// nothing is changed; and what the operating system does not allow.
pub(crate) fn write(plan: &Plan, files: &[File]) -> Result<(), ToolError> {
    let out = &plan.out;
    let failed =
        |path: &Path, error: io::Error| ToolError::Failed(format!("{}: {error}", path.display()));
    fs::create_dir_all(out).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            let what = format!("{} is no directory: choose another --out", out.display());
            ToolError::from(Usage(what))
        }
        _ => failed(out, error),
    })?;
    let empty = fs::read_dir(out)
        .map_err(|error| failed(out, error))?
        .next()
        .is_none();
    if !empty && !plan.force {
        let what = format!("{} is not empty", out.display());
        return Err(Usage(format!(
            "{what}: choose another --out, or --force to replace what topology wrote there"
        ))
        .into());
    }
    if let Some(name) = files
        .iter()
        .map(|file| &file.name)
        .find(|name| is_foreign(&out.join(name)))
    {
        return Err(Usage(format!(
            "{}: topology did not write it, so it is not replaced; choose another --out",
            out.join(name).display()
        ))
        .into());
    }
    clear(out, files).map_err(|error| failed(out, error))?;
    let secrets = out.join(SECRETS);
    match DirBuilder::new().mode(0o700).create(&secrets) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(failed(&secrets, error));
        }
        _ => {}
    }
    for File { name, text, mode } in files {
        let path = out.join(name);
        create(&path, text, *mode).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// Never into a file that is there, or that a link leads to.
fn create(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    // a container's user must be able to read what is no secret, whatever the umask is
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())
}

/// Removes what an earlier call wrote, whatever it was called for, and links that have one of the names now.
fn clear(out: &Path, files: &[File]) -> io::Result<()> {
    for file in files {
        remove(&out.join(&file.name))?;
    }
    for entry in fs::read_dir(out)? {
        let path = entry?.path();
        if is_ours(&path) {
            remove(&path)?;
        }
    }
    let secrets = out.join(SECRETS);
    let ours = |name: &str| matches!(name.as_bytes(), [b'a'..=b'z', b'-', b'a'..=b'z']);
    match fs::read_dir(&secrets) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        entries => entries?.try_for_each(|entry| {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(ours) && is_secret(&entry.path()) {
                remove(&entry.path())?;
            }
            Ok(())
        }),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Whether somebody else's file is in the place of one of ours. A link is none: it is replaced, and what it leads to stays.
fn is_foreign(path: &Path) -> bool {
    let regular = fs::symlink_metadata(path).is_ok_and(|is| !is.is_symlink());
    regular && !is_ours(path) && !is_secret(path)
}

/// Whether a file looks like the secrets that are written here, which have no mark.
fn is_secret(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| {
        let text = text.trim_end();
        matches!(text.len(), 0 | DIGITS) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Whether a file begins as those do that are written here.
fn is_ours(path: &Path) -> bool {
    let regular = fs::symlink_metadata(path).is_ok_and(|is| is.is_file());
    let begins = |path: &Path| -> io::Result<bool> {
        let mut line = Vec::new();
        let file = BufReader::new(fs::File::open(path)?);
        io::Read::take(file, MARK.len() as u64).read_until(b'\n', &mut line)?;
        Ok(line == MARK.as_bytes())
    };
    regular && begins(path).unwrap_or(false)
}
