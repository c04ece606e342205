//! Tests of settings.

use super::{Change, Setting};
use proptest::prelude::*;
use std::path::Path;
use vbench_results::Reading;

fn change(text: &str) -> Change {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn setting(texts: &[&str]) -> Setting {
    Setting::new(texts.iter().map(|text| change(text)).collect()).unwrap()
}

/// What happens to a process with this setting: on a thread of its own, which keeps it.
fn applied(texts: &'static [&'static str]) -> (Result<(), String>, Vec<(String, Reading)>) {
    let thread = std::thread::spawn(move || {
        let setting = setting(texts);
        (setting.apply(), setting.in_force().into_iter().collect())
    });
    thread.join().unwrap()
}

#[test]
fn changes_read_back_what_they_print() {
    for text in [
        "env:OMP_NUM_THREADS=4",
        "env:EMPTY=",
        "env:A=b=c",
        "cpus=0-1,8",
        "memory=bind:0",
        "memory=interleave",
        "memory=first-touch",
        "thp=never",
        "prefix=nice -n 5",
        "axis:pages=4k",
    ] {
        assert_eq!(change(text).to_string(), text);
    }
    assert_eq!(change("memory=local"), change("memory=first-touch"));
    assert_eq!(change("memory=interleave:all"), change("memory=interleave"));
    assert_eq!(change("cpus=1,0"), change("cpus=0-1"));
}

#[test]
fn bad_changes_are_refused_with_what_was_expected() {
    for (text, expected) in [
        ("", "expected cpus=0-1"),
        ("cpus", "expected cpus=0-1"),
        ("cpus=", "needs a value"),
        ("cpus=,", "needs a CPU"),
        ("cpus=x", "is not a list such as 0-3,8"),
        ("cpus:0=1", "is no setting"),
        ("memory=here", "bind:NODE"),
        ("thp=on", "never, madvise, always"),
        ("prefix= ", "needs a value"),
        ("env:=1", "is no setting"),
        ("axis:=1", "is no setting"),
        ("axis:pages=", "needs a value"),
        ("colour=red", "\"colour\" is no setting"),
    ] {
        let error = text.parse::<Change>().unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn nothing_is_set_twice() {
    let twice = |texts: [&str; 2]| Setting::new(texts.map(change).to_vec());
    assert_eq!(twice(["cpus=0", "cpus=1"]).unwrap_err(), "cpus is set twice on one side");
    assert!(twice(["env:A=1", "env:B=1"]).is_ok());
}

#[test]
fn a_setting_is_named_after_its_changes() {
    assert_eq!(setting(&[]).to_string(), "unchanged");
    assert_eq!(setting(&["cpus=0", "thp=never"]).to_string(), "cpus=0 thp=never");
    let text = serde_json::to_string(&setting(&["cpus=0", "env:A=b"])).unwrap();
    assert_eq!(text, r#"["cpus=0","env:A=b"]"#);
    assert_eq!(serde_json::from_str::<Setting>(&text).unwrap(), setting(&["cpus=0", "env:A=b"]));
}

#[test]
fn a_prefix_and_variables_stand_in_the_command() {
    let command = setting(&["prefix=nice -n 5", "env:A=b"]).command(Path::new("/bin/x"));
    assert_eq!(command.get_program(), "nice");
    assert_eq!(command.get_args().collect::<Vec<_>>(), ["-n", "5", "/bin/x"]);
    let variables: Vec<_> = command.get_envs().collect();
    assert_eq!(variables, [("A".as_ref(), Some("b".as_ref()))]);
    assert_eq!(setting(&[]).command(Path::new("/bin/x")).get_program(), "/bin/x");
}

#[test]
fn what_is_in_force_is_what_the_system_says() {
    let (result, facts) = applied(&["cpus=0"]);
    // CPU 0 may be kept from this process; then the reason says which it has.
    match result {
        Ok(()) => {
            assert!(facts.contains(&("setting.cpus".into(), Reading::Value("0".into()))));
        }
        Err(error) => assert!(error.contains("CPU 0 cannot be used"), "{error}"),
    }
    let names: Vec<&str> = facts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["setting.cpus", "setting.memory", "setting.thp"]);
}

#[test]
fn what_has_no_effect_is_an_error_that_names_the_change() {
    let (result, _) = applied(&["cpus=0,8190"]);
    let error = result.unwrap_err();
    assert!(error.starts_with("cpus=0,8190 has no effect here: CPU"), "{error}");
    assert!(error.contains("8190 cannot be used"), "{error}");
    let (result, _) = applied(&["memory=bind:900"]);
    assert!(result.unwrap_err().starts_with("memory=bind:900 has no effect here"));
    let (result, _) = applied(&["env:VBENCH_TEST_NOBODY_SETS=1"]);
    assert!(result.unwrap_err().contains("did not reach the process"));
}

proptest! {
    #[test]
    fn any_text_is_a_change_or_refused(text in "(cpus|memory|thp|prefix|env:X|axis:x)?=?.{0,12}") {
        if let Ok(change) = text.parse::<Change>() {
            prop_assert_eq!(change.to_string().parse(), Ok(change));
        }
    }
}
