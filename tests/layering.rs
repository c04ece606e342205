//! Imports point down: no module uses one of a higher layer, nor a neighbour of the third.

use std::fs;
use std::path::{Path, PathBuf};

/// Module to layer, as in CONTRIBUTING.md.
const LAYERS: &[(&str, u8)] = &[
    ("clock", 1),
    ("gpu", 1),
    ("host", 1),
    ("launcher", 1),
    ("levels", 1),
    ("measured", 1),
    ("placement", 1),
    ("profile", 1),
    ("quantity", 1),
    ("stats", 1),
    ("terminal", 1),
    ("text", 1),
    ("topology", 1),
    ("axis", 2),
    ("bencher", 2),
    ("benchmark", 2),
    ("compare", 2),
    ("environment", 2),
    ("external", 2),
    ("gate", 2),
    ("timed", 2),
    ("machine", 2),
    ("plan", 2),
    ("resource", 2),
    ("setting", 2),
    ("store", 2),
    ("team", 2),
    ("export", 3),
    ("import", 3),
    ("report", 3),
    ("runner", 3),
    ("cli", 4),
];

fn layer(module: &str) -> u8 {
    let found = LAYERS.iter().find(|(name, _)| *name == module);
    found.unwrap_or_else(|| panic!("module {module} has no layer: add it to LAYERS")).1
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Modules that a source text names after `crate::`.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in code {
        for after in line.split("crate::").skip(1) {
            let name: String =
                after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // `crate::{report, store}` names several.
            let names = after.strip_prefix('{').map(|list| list.split('}').next().unwrap_or(""));
            match names {
                Some(list) => found.extend(
                    list.split(',')
                        .map(|name| name.trim().split("::").next().unwrap_or_default().to_owned()),
                ),
                None => found.push(name),
            }
        }
    }
    found
}

#[test]
fn imports_point_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut upward = Vec::new();
    for file in files {
        let below = file.strip_prefix(&root).unwrap();
        let module = below.iter().next().unwrap().to_string_lossy().replace(".rs", "");
        if module == "lib" {
            continue;
        }
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            if import == module || !LAYERS.iter().any(|(name, _)| *name == import) {
                continue;
            }
            let (from, to) = (layer(&module), layer(&import));
            if to > from || (from == 3 && to == 3) {
                upward
                    .push(format!("{} (layer {from}) uses {import} (layer {to})", below.display()));
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn the_test_sees_every_form_of_import() {
    let text = "use crate::cli::run;\n    crate::report::x();\nuse crate::{plan, store::read};\n// crate::no";
    assert_eq!(imports(text), ["cli", "report", "plan", "store"]);
}
