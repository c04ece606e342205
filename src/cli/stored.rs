//! Which stored runs a name means, and their reading.

use super::Console;
use crate::compare::matches;
use crate::store;
use crate::text::nearest;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use vbench_results::ResultSet;

/// The stored runs of one configuration of one system.
pub struct Configuration {
    /// At least one.
    pub runs: Vec<ResultSet>,
    /// Where each of them was read: a folder or a file.
    pub folders: Vec<PathBuf>,
}

impl Configuration {
    /// System and configuration.
    pub fn key(&self) -> (&str, &str) {
        let run = &self.runs[0].run;
        (&run.system, &run.config)
    }

    /// Leaves out the runs that `other` holds.
    pub fn leave_out(&mut self, other: &Self) {
        let held = |run: &ResultSet| other.runs.iter().any(|other| other.run.id == run.run.id);
        let all = std::mem::take(&mut self.runs).into_iter().zip(std::mem::take(&mut self.folders));
        (self.runs, self.folders) = all.filter(|(run, _)| !held(run)).unzip();
    }

    /// Takes the runs of another part of the same configuration.
    pub fn extend(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.folders.extend(other.folders);
    }
}

/// Every configuration that `named` means; a run without any value is refused.
pub fn measured(
    out: &Path,
    named: &str,
    console: &mut Console<'_>,
) -> Result<Vec<Configuration>, String> {
    let found = configurations(out, named, console)?;
    for configuration in &found {
        let mut runs = configuration.runs.iter().zip(&configuration.folders);
        if let Some((results, folder)) = runs.find(|(results, _)| !holds_value(results)) {
            let (folder, cases) = (folder.display(), results.cases.len());
            return Err(format!("{folder} holds no value in {cases} cases: nothing to compare"));
        }
    }
    Ok(found)
}

/// Every configuration that `named` means, with its runs read, but for the counts behind each
/// repeat, which nothing compares.
pub fn configurations(
    out: &Path,
    named: &str,
    console: &mut Console<'_>,
) -> Result<Vec<Configuration>, String> {
    let read = read_all(folders(out, named)?, ResultSet::leave_out_counts);
    by_configuration(all_sound(read)?, console)
}

/// Every configuration that `named` means, with all that its runs hold.
pub fn whole_configurations(
    out: &Path,
    named: &str,
    console: &mut Console<'_>,
) -> Result<Vec<Configuration>, String> {
    by_configuration(all_sound(read_all(folders(out, named)?, |_| ()))?, console)
}

/// As [`configurations`], for commands that show and do not judge: of several runs, those that
/// cannot be read are left out, and named.
pub fn readable_configurations(
    out: &Path,
    named: &str,
    console: &mut Console<'_>,
) -> Result<Vec<Configuration>, String> {
    let read = read_all(folders(out, named)?, ResultSet::leave_out_counts);
    let (sound, damaged): (Vec<_>, Vec<_>) = read.into_iter().partition(|(_, read)| read.is_ok());
    let mut errors = damaged.into_iter().filter_map(|(_, read)| read.err());
    if sound.is_empty()
        && let Some(error) = errors.next()
    {
        return Err(error);
    }
    errors.for_each(|error| console.warn(&format!("left out: {error}")));
    by_configuration(all_sound(sound)?, console)
}

/// The runs that stand in one place, and warnings about them.
type Found = (Vec<ResultSet>, Vec<String>);

/// A place, and what was found there.
type Read = (PathBuf, Result<Found, String>);

/// Thousands of files: parsing takes as many CPUs as there are, and what `reduce` takes away is gone
/// before the next is read.
fn read_all(folders: Vec<PathBuf>, reduce: fn(&mut ResultSet)) -> Vec<Read> {
    let reduced = |folder: &Path| {
        let (mut runs, warnings) = read(folder)?;
        runs.iter_mut().for_each(reduce);
        Ok((runs, warnings))
    };
    let read = folders.into_par_iter().map(|folder| (reduced(&folder), folder));
    read.map(|(found, folder)| (folder, found)).collect()
}

fn all_sound(read: Vec<Read>) -> Result<Vec<(PathBuf, Found)>, String> {
    read.into_iter().map(|(folder, found)| Ok((folder, found?))).collect()
}

fn by_configuration(
    read: Vec<(PathBuf, Found)>,
    console: &mut Console<'_>,
) -> Result<Vec<Configuration>, String> {
    let mut found: BTreeMap<(String, String), Configuration> = BTreeMap::new();
    let mut left_out = None;
    let mut runs = Vec::new();
    for (folder, (results, warnings)) in read {
        for warning in warnings {
            console.warn(&warning);
        }
        runs.extend(results.into_iter().map(|results| (results, folder.clone())));
    }
    for (results, folder) in runs {
        if let Some(reason) = &results.run.quarantine {
            let text = format!("{} is quarantined: {reason}", folder.display());
            console.warn(&format!("left out: {text}"));
            left_out = Some(text);
            continue;
        }
        let key = (results.run.system.clone(), results.run.config.clone());
        let empty = || Configuration { runs: Vec::new(), folders: Vec::new() };
        let configuration = found.entry(key).or_insert_with(empty);
        configuration.runs.push(results);
        configuration.folders.push(folder);
    }
    match left_out {
        Some(reason) if found.is_empty() => Err(reason),
        _ => Ok(found.into_values().collect()),
    }
}

/// The run in a folder or a `result.json`, or every run of a `samples.csv`; and warnings.
fn read(path: &Path) -> Result<Found, String> {
    let mut warnings = Vec::new();
    let runs = if store::is_csv(path) {
        store::read_csv(path).map_err(|error| error.to_string())?
    } else {
        let stored = store::read(path).map_err(|error| error.to_string())?;
        warnings.extend(stored.damage);
        if !stored.finished {
            warnings.push(format!("{} is unfinished", path.display()));
        }
        vec![stored.results]
    };
    if runs.is_empty() {
        return Err(format!("{} holds no row", path.display()));
    }
    Ok((runs, warnings))
}

fn holds_value(run: &ResultSet) -> bool {
    let mut repeats = run.cases.iter().flat_map(|case| &case.launches).flat_map(|l| &l.repeats);
    repeats.any(|repeat| !repeat.values.is_empty())
}

/// Every run that the names mean, each once, for commands that look at one side.
pub fn runs(
    out: &Path,
    named: &[String],
    console: &mut Console<'_>,
) -> Result<Vec<ResultSet>, String> {
    let mut found = Vec::new();
    for named in named {
        found.extend(measured(out, named, console)?);
    }
    each_run_once(&found)?;
    Ok(found.into_iter().flat_map(|configuration| configuration.runs).collect())
}

/// The run folders that `named` means: a path, `system/config`, a configuration of the only system
/// that has it, a run's id or the start of it, or a glob of these.
pub fn folders(out: &Path, named: &str) -> Result<Vec<PathBuf>, String> {
    if Path::new(named).exists() {
        return below(Path::new(named));
    }
    let runs = store::runs(out);
    let wanted = named.trim_end_matches('/');
    let stored = as_stored(wanted);
    let is_named =
        |name: &String| matches(wanted, name) || stored.iter().any(|stored| matches(stored, name));
    let whole = |run: &&PathBuf| run_names(out, run).iter().any(is_named);
    let found: Vec<PathBuf> = runs.iter().filter(whole).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let begun = |run: &&PathBuf| id(run).starts_with(wanted);
    let found: Vec<PathBuf> = runs.iter().filter(begun).cloned().collect();
    match found.len() {
        0 => Err(none_found(out, named, &runs)),
        1 => Ok(found),
        many => {
            let ids: Vec<String> = found.iter().map(|run| id(run)).collect();
            Err(format!("{named:?} begins {many} run ids\n  name one: {}", ids.join(", ")))
        }
    }
}

/// Names as folders have them: a user's own name may hold what a folder's does not, a slash too, so
/// part by part and as a whole.
pub fn as_stored(named: &str) -> Vec<String> {
    let part = |part: &str| match is_glob(part) {
        true => part.to_owned(),
        false => store::folder_name(part).unwrap_or_else(|_| part.to_owned()),
    };
    vec![named.split('/').map(part).collect::<Vec<_>>().join("/"), part(named)]
}

fn id(run: &Path) -> String {
    run.file_name().map(|id| id.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Every whole name of the run in `folder`: its configuration with and without the system, its id.
fn run_names(out: &Path, folder: &Path) -> Vec<String> {
    let below = folder.strip_prefix(out).unwrap_or(folder).to_string_lossy().into_owned();
    let configuration = below.rsplit_once('/').map_or("", |(before, _)| before).to_owned();
    let config = configuration.rsplit('/').next().unwrap_or_default().to_owned();
    vec![config, configuration, id(folder), below]
}

/// A run's folder or file, or every run in the folder of a configuration, a system or all of them.
fn below(path: &Path) -> Result<Vec<PathBuf>, String> {
    let is_run = |folder: &Path| {
        folder.join(store::RESULT).exists() || folder.join(store::journal::JOURNAL).exists()
    };
    if path.is_file() || is_run(path) {
        return Ok(vec![path.to_owned()]);
    }
    let children = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let mut runs = children(path);
    let deeper: Vec<PathBuf> = runs.iter().flat_map(|folder| children(folder)).collect();
    let deepest: Vec<PathBuf> = deeper.iter().flat_map(|folder| children(folder)).collect();
    runs.extend(deeper);
    runs.extend(deepest);
    runs.retain(|folder| is_run(folder));
    runs.sort();
    if runs.is_empty() { Err(format!("no runs in {}", path.display())) } else { Ok(runs) }
}

/// Whether a name means all that match it.
pub fn is_glob(named: &str) -> bool {
    named.contains(['*', '?'])
}

/// That `named` means none of the runs, which there are, and which of them may have been meant.
pub fn none_found(out: &Path, named: &str, runs: &[PathBuf]) -> String {
    let name = |run: &PathBuf| {
        let below = run.strip_prefix(out).unwrap_or(run).parent().unwrap_or(run).to_owned();
        below.to_string_lossy().into_owned()
    };
    let there: BTreeSet<String> = runs.iter().map(name).collect();
    let parts = there.iter().flat_map(|name| name.split('/').chain([name.as_str()]));
    let meant = match nearest(named, parts) {
        Some(meant) => format!("\n  did you mean {meant}?"),
        None => String::new(),
    };
    let there = match there.is_empty() {
        true => "no runs at all".to_owned(),
        false => there.into_iter().collect::<Vec<_>>().join(", "),
    };
    format!("no run {named:?} in {}{meant}\n  there: {there}", out.display())
}

/// The only configuration of a side; several are never mixed.
pub fn one(named: &str, mut found: Vec<Configuration>) -> Result<Configuration, String> {
    let name = |found: &Configuration| format!("{}/{}", found.key().0, found.key().1);
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            let names: Vec<String> = found.iter().chain([&last]).map(name).collect();
            Err(format!(
                "{named:?} means {} configurations\n  name one: {}",
                names.len(),
                names.join(", ")
            ))
        }
        (None, _) => Err(format!("{named:?} means no run")),
    }
}

/// A run on both sides would be compared with itself, and one found twice would count twice.
pub fn each_run_once<'c>(sides: impl IntoIterator<Item = &'c Configuration>) -> Result<(), String> {
    let mut seen: BTreeMap<(&str, &str, &str), &Path> = BTreeMap::new();
    for side in sides {
        for (results, folder) in side.runs.iter().zip(&side.folders) {
            let run = &results.run;
            if let Some(first) = seen.insert((&run.system, &run.config, &run.id), folder) {
                let (first, again) = (first.display(), folder.display());
                return Err(format!("run {} stands twice: {first} and {again}", run.id));
            }
        }
    }
    Ok(())
}

/// The shortest names that tell the sides apart: configuration, with its system, or run ids.
pub fn names<'c>(sides: impl IntoIterator<Item = &'c Configuration>) -> Vec<String> {
    let sides: Vec<&Configuration> = sides.into_iter().collect();
    let by: [fn(&&Configuration) -> String; 3] = [
        |side| side.key().1.to_owned(),
        |side| format!("{}/{}", side.key().0, side.key().1),
        |side| side.runs.iter().map(|run| run.run.id.as_str()).collect::<Vec<_>>().join("+"),
    ];
    let named = by.map(|name| sides.iter().map(name).collect::<Vec<String>>());
    let apart = |names: &&Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    named.iter().find(apart).unwrap_or(&named[2]).clone()
}
