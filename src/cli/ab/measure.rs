//! Both sides measured in pairs, each kept in a journal and stored like any run.

use super::sides::InForce;
use super::{AbArgs, LETTERS, again};
use crate::cli::Console;
use crate::cli::args::Format;
use crate::cli::measure::{boot_id, describe, no_folder, no_journal, planned, stop_on_interrupt};
use crate::cli::progress::{Progress, past_durations};
use crate::environment;
use crate::machine::Machine;
use crate::plan::{Plan, Selection};
use crate::runner::{ChildProcess, Ending, Pairs, Runner, Which};
use crate::setting::Setting;
use crate::store::{self, journal::JOURNAL, journal::Journal};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};
use vbench_results::{
    CaseId, Environment, Fact, JournalHeader, Launch, ResultSet, Run, SCHEMA_VERSION,
};

/// What is measured.
pub struct Session<'a> {
    pub args: &'a AbArgs,
    pub settings: &'a [Setting; 2],
    pub plans: &'a [Plan; 2],
}

/// Both sides, stored.
pub struct Measured {
    pub results: [ResultSet; 2],
    pub folders: [PathBuf; 2],
    pub ending: Ending,
}

impl Session<'_> {
    /// Measures and stores.
    pub fn measure(
        &self,
        selection: &Selection,
        in_force: [InForce; 2],
        arguments: &[String],
        console: &mut Console<'_>,
    ) -> Result<Measured, String> {
        let mut results = self.begun(selection, in_force, arguments);
        let [(a, first), (b, second)] = self.opened(&results)?;
        let (folders, mut journals) = ([a, b], [first, second]);
        let ending = self.launch_all(&mut results, &folders, &mut journals, console)?;
        let again = again(&self.args.out, &results);
        for (set, folder) in results.iter_mut().zip(&folders) {
            set.run.finished_at = Some(store::timestamp(SystemTime::now()));
            store::finish(folder, set).map_err(|error| {
                let (remedy, folder) = (store::remedy(&error), folder.display());
                format!("{error}\n  the journal in {folder} holds every launch: {again}\n  {remedy} and measure again")
            })?;
        }
        Ok(Measured { results, folders, ending })
    }

    /// Folder and journal of each side; where one cannot begin, neither stays.
    fn opened(&self, results: &[ResultSet; 2]) -> Result<[(PathBuf, Journal); 2], String> {
        let a = self.side(&results[0])?;
        let b = self.side(&results[1]).inspect_err(|_| discard(&a.0))?;
        Ok([a, b])
    }

    fn side(&self, results: &ResultSet) -> Result<(PathBuf, Journal), String> {
        let folder = self.folder(&results.run)?;
        let journal = journal(&folder, results).inspect_err(|_| discard(&folder))?;
        Ok((folder, journal))
    }

    /// Both result sets before the first launch: one invocation, one machine, two settings.
    fn begun(
        &self,
        selection: &Selection,
        in_force: [InForce; 2],
        arguments: &[String],
    ) -> [ResultSet; 2] {
        let args = self.args;
        let mut environment = environment::probe(&Machine::current().host);
        let fingerprint = environment.fingerprint();
        let system = args.system.clone().unwrap_or_else(|| environment::system_name(&environment));
        if args.redact {
            environment.redact();
        }
        let run = describe(selection, &self.plans[0], system, fingerprint);
        let side = |which: Which, facts: InForce| {
            let (setting, plan) = (&self.settings[which.index()], &self.plans[which.index()]);
            let run = Run {
                id: format!("{}-{}", run.id, LETTERS[which.index()].to_lowercase()),
                config: self.config(setting),
                command: if args.redact { Vec::new() } else { arguments.to_vec() },
                labels: args.label.iter().cloned().collect(),
                pairs: Some(run.id.clone()),
                ..run.clone()
            };
            let mut set = ResultSet::new(run, with_setting(environment.clone(), facts));
            set.cases = plan.cases.iter().map(planned).collect();
            set
        };
        let [base, candidate] = in_force;
        [side(Which::Base, base), side(Which::Candidate, candidate)]
    }

    fn config(&self, setting: &Setting) -> String {
        self.args.config.as_ref().map_or(setting.to_string(), |name| format!("{name} {setting}"))
    }

    fn folder(&self, run: &Run) -> Result<PathBuf, String> {
        let out = &self.args.out;
        store::create(out, &run.system, &run.config, &run.id)
            .map_err(|error| no_folder(out, &error))
    }

    fn launch_all(
        &self,
        results: &mut [ResultSet; 2],
        folders: &[PathBuf; 2],
        journals: &mut [Journal; 2],
        console: &mut Console<'_>,
    ) -> Result<Ending, String> {
        let capture = !self.args.nocapture;
        let executors = self
            .settings
            .each_ref()
            .map(|setting| ChildProcess { capture, setting: Some(setting.clone()) });
        let stop = stop_on_interrupt();
        let (boot_id, began) = (boot_id(&results[0].environment), Instant::now());
        let side = |which: Which| Runner {
            plan: &self.plans[which.index()],
            executor: &executors[which.index()],
            stop,
            until: None,
            boot_id: boot_id.clone(),
            began,
            offset_s: 0.0,
            overdue: None,
        };
        let pairs = Pairs { sides: Which::BOTH.map(side) };
        let past = past_durations(&self.args.out, &results[0].run);
        let mut progress = Progress::new(Format::Pretty, console, &past);
        let (again, mut kept) = (again(&self.args.out, results), 0);
        let [a, b] = results;
        progress.begin_pairs([(&a.run, &folders[0]), (&b.run, &folders[1])], &self.plans[0]);
        let mut record = |which: Which, case: &CaseId, launch: &Launch| {
            let journal = &mut journals[which.index()];
            let appended = journal.append(case, launch);
            appended.map_err(|error| lost_journal(&error, journal.path(), kept / 2, &again))?;
            kept += 1;
            Ok(())
        };
        let ending = pairs.run([&mut a.cases, &mut b.cases], &mut record, &mut |which, event| {
            progress.of([" A", " B"][which.index()]).tell(&event);
        });
        progress.end();
        ending
    }
}

/// The machine, and what is set on this side of the comparison.
fn with_setting(mut environment: Environment, in_force: InForce) -> Environment {
    let facts = in_force.into_iter().map(|(name, reading)| {
        let source = "read back in a process of this side".to_owned();
        (name, Fact { reading, source, stable: true, identifying: false })
    });
    environment.facts.extend(facts);
    environment
}

/// Of a comparison that could not go on after so many whole pairs.
fn lost_journal(error: &io::Error, path: &Path, pairs: usize, again: &str) -> String {
    let kept = match pairs {
        0 => "no pair was finished before".to_owned(),
        1 => format!("the pair finished before is kept: {again}"),
        many => format!("the {many} pairs finished before are kept: {again}"),
    };
    let (path, remedy) = (path.display(), store::remedy(error));
    format!("cannot write {path}: {error}\n  {kept}\n  {remedy} and measure again")
}

/// Takes away a side in which nothing was measured: it would stand in the way of others.
fn discard(folder: &Path) {
    let _ = std::fs::remove_file(folder.join(JOURNAL));
    let _ = std::fs::remove_dir(folder);
}

fn journal(folder: &Path, results: &ResultSet) -> Result<Journal, String> {
    let header = JournalHeader {
        schema_version: SCHEMA_VERSION.to_owned(),
        run: results.run.clone(),
        environment: results.environment.clone(),
        cases: results.cases.clone(),
        // Nothing goes on with one side.
        settings: serde_json::Value::Null,
    };
    Journal::create(folder, &header).map_err(|error| no_journal(&error))
}
