//! Vendor libraries, opened at run time under whatever name they have here.
#![expect(unsafe_code, reason = "opening a library runs its initialisers")]

use super::Fault;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Where AMD installs outside the loader's path: folder, and how the roots in it begin. Source:
/// ROCm's installation guides of versions 5 to 7.
const FOLDERS: [(&str, &str); 2] = [("/opt", "rocm"), ("/opt/rocm", "core-")];
/// Major versions that may exist; the loader's path is asked for each, newest first.
const NEWEST: u32 = 15;

/// A library that stays open until the process ends: its functions stay valid.
pub(super) struct Opened {
    library: Library,
    /// The name or path that worked.
    pub name: String,
}

impl Opened {
    /// The function `name`.
    ///
    /// # Safety
    /// `T` is its type.
    pub(super) unsafe fn symbol<T: Copy>(&self, name: &str) -> Result<T, Fault> {
        // SAFETY: as this function's.
        let found = unsafe { self.library.get::<T>(name.as_bytes()) };
        found
            .map(|symbol| *symbol)
            .map_err(|_| Fault::Absent(format!("{} lacks {name}: it is too old or new", self.name)))
    }
}

static OPENED: Mutex<BTreeMap<String, &'static Opened>> = Mutex::new(BTreeMap::new());

/// Opens `libSTEM.so`, of any version, newest first: by the loader's own path, then where AMD
/// installs. `VBENCH_LIB_STEM` names another file.
///
/// # Errors
/// It is not there, with the remedy.
pub(super) fn open(stem: &str, remedy: &str) -> Result<&'static Opened, Fault> {
    if cfg!(target_feature = "crt-static") {
        let text = format!("this is a static program, which cannot open lib{stem}");
        return Err(Fault::Absent(text));
    }
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = opened.get(stem) {
        return Ok(library);
    }
    for name in names(stem) {
        // SAFETY: vendor libraries are made to be loaded; what their initialisers do is what every
        // program that uses them does.
        if let Ok(library) = unsafe { Library::open(Some(&name), RTLD_NOW | RTLD_LOCAL) } {
            let library: &'static Opened = Box::leak(Box::new(Opened { library, name }));
            opened.insert(stem.to_owned(), library);
            return Ok(library);
        }
    }
    let remedy = format!("install {remedy}, or name it in {}", variable(stem));
    Err(Fault::Absent(format!("no lib{stem}.so here: {remedy}")))
}

fn variable(stem: &str) -> String {
    format!("VBENCH_LIB_{}", stem.to_uppercase())
}

fn names(stem: &str) -> Vec<String> {
    if let Ok(name) = std::env::var(variable(stem)) {
        return vec![name];
    }
    let file = format!("lib{stem}.so");
    let mut names = vec![file.clone()];
    names.extend((0..=NEWEST).rev().map(|major| format!("{file}.{major}")));
    names.extend(installed(&file).iter().map(|path| path.to_string_lossy().into_owned()));
    names
}

/// Files that begin with `file` in `/opt/rocm*/lib` and `/opt/rocm/core-*/lib`, newest first.
fn installed(file: &str) -> Vec<PathBuf> {
    let starting = |folder: PathBuf, prefix: &str| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let named = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        };
        paths.filter(named).collect::<Vec<_>>()
    };
    let roots = FOLDERS.iter().flat_map(|(folder, prefix)| starting(folder.into(), prefix));
    let mut found: Vec<_> = roots.flat_map(|root| starting(root.join("lib"), file)).collect();
    found.sort();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::{names, open};

    #[test]
    fn newer_versions_are_tried_first() {
        let names = names("amdhip64");
        let at = |name: &str| names.iter().position(|other| other == name);
        assert!(at("libamdhip64.so.7") < at("libamdhip64.so.5"), "{names:?}");
        assert!(at("libamdhip64.so.5").is_some());
    }

    #[test]
    fn a_missing_library_is_a_sentence_with_a_remedy() {
        let fault = open("vbench-no-such-library", "nothing").err().map(|fault| fault.to_string());
        let text = fault.unwrap_or_default();
        assert!(
            text.starts_with("no libvbench-no-such-library.so here: install nothing"),
            "{text}"
        );
        assert!(text.contains("VBENCH_LIB_VBENCH-NO-SUCH-LIBRARY"), "{text}");
    }
}
