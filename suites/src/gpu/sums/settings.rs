//! Setup of the collective library that change its numbers: what a case names is set before the
//! library is opened, and what is set otherwise never runs under a name that says it is not.

use crate::gpu::choices::{Algorithm, Peers, Protocol};
use std::sync::OnceLock;
use vbench::gpu::set_for_library;
use vbench::prelude::*;

const FORBID_PEERS: &str = "NCCL_P2P_DISABLE";
const PEERS_UP_TO: &str = "NCCL_P2P_LEVEL";
const ALGORITHM: &str = "NCCL_ALGO";
const PROTOCOL: &str = "NCCL_PROTO";
/// Since 2.24 the library takes its host buffers from the driver on the node of the GPU, and the
/// memory policy of the thread has no effect. Source: NCCL's user guide, "Environment Variables".
const HOST_BY_DRIVER: &str = "NCCL_CUMEM_HOST_ENABLE";
/// Names a file in place of the user's own.
const FILE: &str = "NCCL_CONF_FILE";
/// Files that the libraries read after the environment, which counts first. Source: NCCL's user
/// guide, "Environment Variables"; RCCL's `param.cc`.
const FILES: [&str; 4] = ["~/.nccl.conf", "/etc/nccl.conf", "~/.rccl.conf", "/etc/rccl.conf"];

/// What a case says of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Whether devices may reach each other.
    pub peers: Peers,
    /// How the library goes about it, where the case says.
    pub way: Option<(Algorithm, Protocol)>,
    /// Whether host buffers follow the memory policy of the thread.
    pub placed: bool,
}

impl Setup {
    /// Whether devices may reach each other; the rest as it is set.
    pub fn of(peers: Peers) -> Self {
        Self { peers, way: None, placed: false }
    }

    /// Makes it so.
    ///
    /// # Errors
    /// A setting that contradicts the case's name, with where it is; or another case of this
    /// process, as the library reads its settings once.
    pub fn apply(&self) -> Result<(), Skip> {
        static FIRST: OnceLock<Setup> = OnceLock::new();
        only(*FIRST.get_or_init(|| *self) == *self)?;
        match self.peers {
            Peers::Off => set_for_library(FORBID_PEERS, "1"),
            Peers::Default => may_reach(&live)?,
        }
        if self.placed {
            set_for_library(HOST_BY_DRIVER, "0");
        }
        if let Some((algorithm, protocol)) = self.way {
            settle(ALGORITHM, algorithm.setting(), &live)?;
            settle(PROTOCOL, protocol.setting(), &live)?;
        }
        Ok(())
    }
}

/// # Errors
/// Not the `same` as what another case has made of this process.
pub fn only(same: bool) -> Result<(), Skip> {
    let told = "another case of this process has settled how GPUs reach each other, or how the \
                library goes about it: leave out --isolate=no";
    if same { Ok(()) } else { Err(Skip::because(told)) }
}

/// Where a setting was found: a variable or a file.
type Found = Option<(String, String)>;

/// Peers are allowed only where nothing forbids them. Source: NCCL's user guide: the level `LOC`,
/// formerly 0, never uses them.
fn may_reach(find: &impl Fn(&str) -> Found) -> Result<(), Skip> {
    let forbids = |name: &str, (value, _): &(String, String)| match name {
        FORBID_PEERS => value != "0",
        _ => ["LOC", "0"].contains(&value.as_str()),
    };
    for name in [FORBID_PEERS, PEERS_UP_TO] {
        if let Some((value, place)) = find(name).filter(|found| forbids(name, found)) {
            return Err(Skip::because(format!(
                "{name}={value} is set in {place}: that is the case peers=off"
            )));
        }
    }
    Ok(())
}

/// Sets what is wanted; where the library shall decide, nothing may be set.
fn settle(name: &str, wanted: Option<String>, find: &impl Fn(&str) -> Found) -> Result<(), Skip> {
    match (wanted, find(name)) {
        (Some(value), _) => {
            set_for_library(name, &value);
            Ok(())
        }
        (None, Some((value, place))) => Err(Skip::because(format!(
            "{name}={value} is set in {place}, and this case leaves it to the library"
        ))),
        (None, None) => Ok(()),
    }
}

fn live(name: &str) -> Found {
    let variable = |name: &str| std::env::var(name).ok();
    let home = variable("HOME").unwrap_or_default();
    let host = &Machine::current().host;
    found(name, variable, |file| host.read(&file.replace('~', &home)).ok())
}

fn found(
    name: &str,
    variable: impl Fn(&str) -> Option<String>,
    file: impl Fn(&str) -> Option<String>,
) -> Found {
    if let Some(value) = variable(name) {
        return Some((value, "the environment".to_owned()));
    }
    let own = variable(FILE);
    let files = own.as_deref().into_iter().chain(FILES);
    files.into_iter().find_map(|path| {
        let value = lines(&file(path)?).into_iter().find(|(known, _)| known == name)?.1;
        Some((value, path.to_owned()))
    })
}

/// `NAME=VALUE` lines; others are comments.
fn lines(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let pairs = pairs.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

/// Every setting that changes the library's numbers, with the file it is set in; empty for none.
pub fn in_force() -> String {
    let of_library =
        |name: &str| ["NCCL_", "RCCL_", "HSA_"].iter().any(|prefix| name.starts_with(prefix));
    let set = std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    });
    let mut told: Vec<String> = set
        .filter(|(name, _)| of_library(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let home = std::env::var("HOME").unwrap_or_default();
    for path in std::env::var(FILE).ok().as_deref().into_iter().chain(FILES) {
        let text = Machine::current().host.read(&path.replace('~', &home)).unwrap_or_default();
        let pairs = lines(&text).into_iter();
        told.extend(pairs.map(|(name, value)| format!("{name}={value} ({path})")));
    }
    told.sort();
    told.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Found, found, may_reach, settle};

    fn here(name: &str, variables: &[(&str, &str)], files: &[(&str, &str)]) -> Found {
        let of = |pairs: &[(&str, &str)], name: &str| {
            let pair = pairs.iter().find(|(known, _)| *known == name);
            pair.map(|(_, value)| (*value).to_owned())
        };
        found(name, |name| of(variables, name), |path| of(files, path))
    }

    #[test]
    fn the_environment_counts_before_files_and_the_users_file_first() {
        let files =
            [("~/.nccl.conf", "# mine\nNCCL_ALGO = Tree\n"), ("/etc/nccl.conf", "NCCL_ALGO=Ring")];
        let file = |name: &str| (name.to_owned(), "~/.nccl.conf".to_owned());
        assert_eq!(here("NCCL_ALGO", &[], &files), Some(file("Tree")));
        let set = [("NCCL_ALGO", "NVLS")];
        let environment = Some(("NVLS".to_owned(), "the environment".to_owned()));
        assert_eq!(here("NCCL_ALGO", &set, &files), environment);
        let own = [("NCCL_CONF_FILE", "/my/own")];
        let files = [("/my/own", "NCCL_ALGO=Ring"), files[0]];
        assert_eq!(here("NCCL_ALGO", &own, &files).unwrap().1, "/my/own");
        assert_eq!(here("NCCL_PROTO", &own, &files), None);
    }

    #[test]
    fn peers_that_a_file_forbids_are_not_called_allowed() {
        let says = |variables: &[(&str, &str)], files: &[(&str, &str)]| {
            let why = may_reach(&|name: &str| here(name, variables, files)).err();
            why.map(|why| why.to_string()).unwrap_or_default()
        };
        assert_eq!(says(&[("NCCL_P2P_DISABLE", "0"), ("NCCL_P2P_LEVEL", "SYS")], &[]), "");
        let why = says(&[], &[("/etc/nccl.conf", "NCCL_P2P_DISABLE=1\n")]);
        let told = "NCCL_P2P_DISABLE=1 is set in /etc/nccl.conf: that is the case peers=off";
        assert_eq!(why, told);
        assert!(says(&[("NCCL_P2P_LEVEL", "LOC")], &[]).starts_with("NCCL_P2P_LEVEL=LOC is set"));
    }

    #[test]
    fn a_way_that_is_set_does_not_run_as_the_librarys_own_choice() {
        let ring: &[(&str, &str)] = &[("NCCL_ALGO", "Ring")];
        let find = |name: &str| here(name, ring, &[]);
        let why = settle("NCCL_ALGO", None, &find).unwrap_err().to_string();
        assert!(why.starts_with("NCCL_ALGO=Ring is set in the environment"), "{why}");
        assert!(settle("NCCL_PROTO", None, &find).is_ok());
    }
}
