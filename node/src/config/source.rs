//! The bytes of files that people name: bounded, and only of what ends by itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::problem::{Origin, Problem};

/// The largest configuration file, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// Stands for standard input where a file is named.
const STDIN: &str = "-";

/// All of a file that has at most `max` bytes. A device or a pipe is none: reading might never end.
///
/// # Errors
/// For people: follows "cannot be read: ".
pub(super) fn read_file(path: &Path, max: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    // opening a pipe would wait for somebody to write to it
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if meta.is_dir() {
        return Err("it is a directory".to_owned());
    }
    if !meta.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    read_up_to(file, max)
}

fn read_up_to(source: impl Read, max: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = source.take(max + 1).read_to_end(&mut bytes);
    read.map_err(|error: io::Error| error.to_string())?;
    if bytes.len() as u64 > max {
        let max = super::value::show_bytes(max);
        return Err(format!("it is larger than {max}"));
    }
    Ok(bytes)
}

/// A configuration file as it was named.
pub(super) struct Source {
    /// As it is shown.
    pub(super) name: Arc<str>,
    /// Where relative names in it start; `None` is the working directory.
    pub(super) directory: Option<PathBuf>,
    /// What is in it.
    pub(super) text: String,
}

impl Source {
    /// The text of the file, or of standard input for `-`; a problem if it is none.
    pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        let stdin = path.as_os_str() == STDIN;
        let (name, bytes): (Arc<str>, _) = if stdin {
            ("stdin".into(), read_up_to(io::stdin().lock(), MAX_CONFIG))
        } else {
            let name = path.display().to_string().into();
            (name, read_file(path, MAX_CONFIG))
        };
        let whole = Origin::file(&name);
        let text = match bytes {
            Ok(bytes) => text(&bytes),
            Err(why) => {
                let what = format!("cannot be read: {why}");
                let fix =
                    "expected a YAML file (- is standard input); see `ilp-connector help config`";
                problems.push(Problem::new(&whole, what, fix));
                return None;
            }
        };
        match text {
            Ok(text) => Some(Self {
                name,
                directory: path.parent().filter(|_| !stdin).map(Path::to_owned),
                text,
            }),
            Err(line) => {
                let what = format!("line {line} is not UTF-8");
                problems.push(Problem::new(&whole, what, "save the file as UTF-8"));
                None
            }
        }
    }
}

/// The text without a byte order mark; the number of the line that is none.
pub(super) fn text(bytes: &[u8]) -> Result<String, usize> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            Err(1 + before.iter().filter(|byte| **byte == b'\n').count())
        }
    }
}
