//! The name of a system, as results are filed under it.

use std::collections::BTreeMap;
use vbench_results::{Environment, Value};

/// Longest name; every file system takes 255 bytes, people read fewer.
const LONGEST: usize = 64;
/// Words that say nothing about which CPU it is.
const FILLERS: [&str; 6] = ["cpu", "processor", "(r)", "(tm)", "®", "corporation"];

/// What results of this machine are filed under: its GPUs (`7x-nvidia-h200`), else its CPU
/// (`intel-xeon-2.80ghz`), else `unknown-system`.
pub fn system_name(environment: &Environment) -> String {
    let model = || environment.value("cpu.model").map(|model| tidy(&model.to_string()));
    let name = gpus(environment).or_else(model).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "unknown-system".to_owned())
}

/// Models with their counts, the first GPU's model first.
fn gpus(environment: &Environment) -> Option<String> {
    let Some(Value::Integer(count)) = environment.value("gpu.count") else { return None };
    let mut names: Vec<String> = Vec::new();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for number in 0..*count {
        let fact = |part: &str| environment.value(&format!("gpu.{number}.{part}")).cloned();
        let ids = || Some(format!("{}-{}", fact("vendor")?, fact("device")?));
        let name = tidy(&fact("model").map(|model| model.to_string()).or_else(ids)?);
        if !counts.contains_key(&name) {
            names.push(name.clone());
        }
        *counts.entry(name).or_default() += 1;
    }
    let parts = names.iter().map(|name| format!("{}x-{name}", counts[name]));
    Some(shortened(&parts.collect::<Vec<_>>().join("-"))).filter(|name| !name.is_empty())
}

/// Lower-case words joined by hyphens: safe in a path, readable in a table.
fn tidy(text: &str) -> String {
    let mut text = text.to_lowercase();
    for mark in ["(r)", "(tm)", "®", "™"] {
        text = text.replace(mark, " ");
    }
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let words = words.map(|word| word.trim_matches('.')).filter(|word| !word.is_empty());
    let words = words.filter(|word| !FILLERS.contains(word)).collect::<Vec<_>>();
    // "96-Core" tells nothing that the model number does not.
    let mut kept: Vec<&str> = Vec::new();
    for word in words {
        match (word, kept.last()) {
            ("core", Some(count)) if count.parse::<u32>().is_ok() => drop(kept.pop()),
            _ => kept.push(word),
        }
    }
    shortened(&kept.join("-"))
}

fn shortened(name: &str) -> String {
    let short: String = name.chars().take(LONGEST).collect();
    short.trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{system_name, tidy};
    use proptest::prelude::*;
    use vbench_results::{Environment, Fact, Reading, Value};

    fn environment(facts: &[(&str, Value)]) -> Environment {
        let fact = |value: &Value| Fact {
            reading: Reading::Value(value.clone()),
            source: "test".to_owned(),
            stable: true,
            identifying: false,
        };
        let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), fact(value)));
        Environment { facts: facts.collect() }
    }

    #[test]
    fn models_are_tidied() {
        assert_eq!(tidy("Intel(R) Xeon(R) Processor @ 2.80GHz"), "intel-xeon-2.80ghz");
        assert_eq!(tidy("AMD EPYC 9654 96-Core Processor"), "amd-epyc-9654");
        assert_eq!(tidy("Intel(R) Core(TM) i9-14900K"), "intel-core-i9-14900k");
        assert_eq!(tidy("../../etc"), "etc");
    }

    #[test]
    fn gpus_name_the_system_before_the_cpu_does() {
        let cpu = ("cpu.model", Value::from("AMD EPYC"));
        assert_eq!(system_name(&environment(&[])), "unknown-system");
        assert_eq!(system_name(&environment(std::slice::from_ref(&cpu))), "amd-epyc");
        let none = ("gpu.count", Value::from(0_u32));
        assert_eq!(system_name(&environment(&[cpu.clone(), none])), "amd-epyc");
        let by_id = environment(&[
            cpu,
            ("gpu.count", Value::from(2_u32)),
            ("gpu.0.vendor", Value::from("nvidia")),
            ("gpu.0.device", Value::from("2335")),
            ("gpu.1.model", Value::from("NVIDIA L4")),
        ]);
        assert_eq!(system_name(&by_id), "1x-nvidia-2335-1x-nvidia-l4");
    }

    proptest! {
        #[test]
        fn any_model_makes_a_safe_name(model in ".{0,200}") {
            let name = system_name(&environment(&[("cpu.model", Value::from(model))]));
            prop_assert!(!name.is_empty() && name.len() <= 64);
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)));
            prop_assert!(!name.starts_with(['.', '-']));
        }
    }
}
