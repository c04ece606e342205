//! Transparent huge pages of this process: what the system gives, and what the process gives up.
//!
//! A process can ask for less than the system gives, without privileges, and hands that on to what
//! it starts. It cannot ask for more.
#![expect(unsafe_code, reason = "the wrapper in `nix` knows only one of the two ways to give up")]

use std::fmt;
use std::io;
use std::str::FromStr;

/// The system's choice.
pub const ENABLED: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
/// An argument that a request leaves free, and that the kernel wants to be zero.
const UNUSED: libc::c_ulong = 0;
/// Huge pages for those that ask stay (Linux 6.18, `include/uapi/linux/prctl.h`).
const EXCEPT_ADVISED: libc::c_ulong = 1 << 1;

/// Who gets transparent huge pages, from nobody to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thp {
    /// Nobody.
    Never,
    /// Memory that asks for them (`madvise`).
    Madvise,
    /// All memory.
    Always,
}

impl Thp {
    const ALL: [Self; 3] = [Self::Never, Self::Madvise, Self::Always];

    fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Madvise => "madvise",
            Self::Always => "always",
        }
    }

    /// What the memory of this process gets: the system's choice, less what the process gave up.
    ///
    /// # Errors
    /// This kernel has none, or does not tell.
    pub fn in_force() -> Result<Self, String> {
        Ok(system()?.min(limit().map_err(|error| error.to_string())?))
    }

    /// Gives this process, and what it starts from now on, no more than this.
    ///
    /// # Errors
    /// The system gives less, or the kernel cannot.
    pub fn limit_process(self) -> Result<(), String> {
        let system = system()?;
        if system < self {
            return Err(format!(
                "this system gives {system}, and a process cannot ask for more\n  \
                 for memory from malloc alone: env:GLIBC_TUNABLES=glibc.malloc.hugetlb=1"
            ));
        }
        let (disable, except) = match self {
            Self::Never => (1, 0),
            Self::Madvise if system == Self::Always => (1, EXCEPT_ADVISED),
            Self::Madvise | Self::Always => (0, 0),
        };
        disable_process(disable, except).map_err(|error| match error.raw_os_error() {
            Some(libc::EINVAL) => "this kernel cannot (needs Linux 6.18)".to_owned(),
            _ => error.to_string(),
        })?;
        match Self::in_force()? {
            now if now == self => Ok(()),
            now => Err(format!("{now} stays in force")),
        }
    }
}

impl fmt::Display for Thp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Thp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|thp| thp.name() == text);
        found.ok_or_else(|| format!("{text:?} is not one of never, madvise, always"))
    }
}

fn system() -> Result<Thp, String> {
    let text = std::fs::read_to_string(ENABLED)
        .map_err(|error| format!("this kernel has no transparent huge pages ({error})"))?;
    chosen(&text).ok_or_else(|| format!("{ENABLED} names no choice"))
}

/// The word in brackets.
fn chosen(text: &str) -> Option<Thp> {
    let word = text.split_whitespace().find_map(|w| w.strip_prefix('[')?.strip_suffix(']'))?;
    word.parse().ok()
}

/// The most that this process may still get.
fn limit() -> io::Result<Thp> {
    // SAFETY: this request takes no pointers and only reads.
    match unsafe { libc::prctl(libc::PR_GET_THP_DISABLE, UNUSED, UNUSED, UNUSED, UNUSED) } {
        0 => Ok(Thp::Always),
        1 => Ok(Thp::Never),
        flags if flags > 0 => Ok(Thp::Madvise),
        _ => Err(io::Error::last_os_error()),
    }
}

fn disable_process(disable: libc::c_ulong, except: libc::c_ulong) -> io::Result<()> {
    // SAFETY: this request takes no pointers and changes only how later pages are made.
    let result = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, disable, except, UNUSED, UNUSED) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{Thp, chosen};

    #[test]
    fn the_choice_of_the_system_is_the_word_in_brackets() {
        assert_eq!(chosen("always [madvise] never\n"), Some(Thp::Madvise));
        assert_eq!(chosen("[always] madvise never"), Some(Thp::Always));
        assert_eq!(chosen("always madvise never"), None);
        assert_eq!(chosen("[sometimes]"), None);
    }

    #[test]
    fn texts_read_back_and_others_name_the_choices() {
        for thp in Thp::ALL {
            assert_eq!(thp.to_string().parse(), Ok(thp));
        }
        assert!("on".parse::<Thp>().unwrap_err().contains("never, madvise, always"));
    }
}
