//! Sentences that say "nothing" say it of everything, and options that mean nothing are refused.

use super::stored::{Stored, default, numa};
use super::{page, report, stored, twin, words};
use vbench::results::{Better, Role, Unit};

/// A run with a workload's metric and one that stands for none.
fn run(config: &str, minute: u32, triad: f64, wake: f64) -> Stored {
    let triad = ("triad", Unit::decimal("B/s"), Better::Higher, Role::Gated, triad, 0.001);
    let wake = ("stall", Unit::decimal("s"), Better::Lower, Role::Gated, wake, 0.001);
    Stored::new(config, minute).case("memory::stream", "memory", 5, triad).case(
        "cpu::stalls",
        "cpu",
        5,
        wake,
    )
}

#[test]
fn a_loss_outside_of_the_workloads_is_a_loss() {
    let out = stored(&[run("default", 0, 20e9, 1e-6), run("numa", 30, 50e9, 3e-6)]);
    let text = words(&page(out.path(), &[]));
    for sentence in [
        "numa gives 2.5\u{d7} the memory bandwidth of default; at worst it has 3.0\u{d7} the ",
        "GB/s nothing of these workloads",
        "elsewhere it gives up 3.00\u{d7} higher ",
    ] {
        assert!(text.contains(sentence), "{sentence:?} is not in:\n{text}");
    }
    assert!(!text.contains("loses nothing") && !text.contains("nothing measured is"), "{text}");
    let out = stored(&[run("default", 0, 20e9, 1e-6), run("numa", 30, 50e9, 1e-6)]);
    let text = words(&page(out.path(), &[]));
    assert!(text.contains("of default and loses nothing that was measured."), "{text}");
    assert!(text.contains("GB/s nothing measurable"), "{text}");
}

#[test]
fn a_gain_outside_of_the_workloads_is_a_gain() {
    let out = stored(&[run("default", 0, 50e9, 3e-6), run("numa", 30, 20e9, 1e-6)]);
    let text = words(&page(out.path(), &[]));
    assert!(
        text.contains("numa loses 60% of its memory bandwidth; at best it has 67% lower "),
        "{text}"
    );
}

#[test]
fn twins_name_every_fact_of_the_table_beside_them() {
    let settings = |mut run: Stored, value: &str| {
        run = run.fact("memory.thp.enabled", value);
        if let Some(fact) = run.results.environment.facts.get_mut("memory.thp.enabled") {
            fact.stable = false;
        }
        run
    };
    let mut slow = twin(numa(), "vm-b");
    slow.results.environment = default().results.environment;
    let out = stored(&[settings(default(), "always"), settings(slow, "never")]);
    let text = words(&page(out.path(), &[]));
    assert!(text.contains("memory.thp.enabled always never"), "{text}");
    assert!(text.contains("Facts that differ: memory.thp.enabled."), "{text}");
    assert!(!text.contains("No known fact"), "{text}");
}

#[test]
fn a_base_that_is_none_of_the_report_is_refused() {
    let out = stored(&[default(), numa()]);
    let (code, _, said) = report(out.path(), &["--base", "nonsuch"]);
    assert_eq!(code, 2);
    assert!(said.contains("no base \"nonsuch\"") && said.contains("default, numa"), "{said}");
}

#[test]
fn a_page_is_not_written_into_a_file_of_another_format() {
    let out = stored(&[default()]);
    for (name, option) in [("x.pdf", "--pdf"), ("x.PNG", "--png DIR"), ("x.svg", "--svg DIR")] {
        let file = out.path().join(name);
        let arguments = ["report", "--out", out.path().to_str().unwrap(), "-o"];
        let arguments = arguments.into_iter().chain([file.to_str().unwrap()]).map(str::to_owned);
        let (mut written, mut said) = (Vec::new(), Vec::new());
        let mut console = vbench::cli::Console::plain(&mut written, &mut said, 120);
        let code = vbench::cli::run_cli(&arguments.collect::<Vec<_>>(), &mut console);
        let said = String::from_utf8(said).unwrap();
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("which is HTML") && said.contains(option), "{said}");
        assert!(!file.exists());
    }
}

#[test]
fn every_finding_says_how_to_see_that_its_remedy_helped() {
    let out = stored(&[default(), numa()]);
    let html = page(out.path(), &[]);
    let findings = html.matches("<div class=\"fd\"").count();
    assert!(findings > 1, "{findings}");
    assert_eq!(html.matches("<dt>Check</dt>").count(), findings);
    let text = words(&html);
    assert!(text.contains("Check vbench list: each of them is ready."), "{text}");
    assert!(text.contains("Check vbench diff default NAME: one fact differs."), "{text}");
}
