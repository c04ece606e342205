//! The version of the stored formats, and the errors of reading them.

use std::path::PathBuf;

/// Version of every stored file, `major.minor`. A reader accepts any minor of its own major.
pub const SCHEMA_VERSION: &str = "1.0";

/// Why a stored file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file was written by a newer vbench.
    #[error(
        "{path} has schema version {found}, this vbench reads up to {SCHEMA_VERSION}: read it with the vbench that wrote it, or a newer one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version it names.
        found: String,
    },
    /// The file is not what it should be.
    #[error("{path}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected, with the line where that is known.
        message: String,
    },
}

/// Accepts `version` when its major is not newer than this crate's.
///
/// # Errors
/// The version itself, when it is newer or not `major.minor`.
pub fn check_version(version: &str) -> Result<(), String> {
    let major = |text: &str| text.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match (major(version), major(SCHEMA_VERSION)) {
        (Some(found), Some(known)) if found >= 1 && found <= known => Ok(()),
        _ => Err(version.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_version;

    #[test]
    fn newer_majors_are_refused_and_newer_minors_accepted() {
        assert!(check_version("1.0").is_ok());
        assert!(check_version("1.7").is_ok());
        for bad in ["2.0", "0.9", "", "one", "-1.0"] {
            assert!(check_version(bad).is_err(), "{bad}");
        }
    }
}
