//! `vbench gate` and `vbench baseline` as their users meet them: decisions, exit codes, files.

#[path = "gate/bad_input.rs"]
mod bad_input;
#[path = "gate/baselines.rs"]
mod baselines;
#[path = "gate/confirm.rs"]
mod confirm;
#[path = "gate/decisions.rs"]
mod decisions;
#[path = "gate/outputs.rs"]
mod outputs;
#[path = "gate/program.rs"]
mod program;
#[path = "diff/stored.rs"]
mod stored;

use vbench::vbench;

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}
