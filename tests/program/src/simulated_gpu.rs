//! The built-in benchmarks on simulated GPUs, whose number, answers and failures the environment
//! says: `GPU_SCRIPT="devices=2 multiply@1=wrong"` is two devices, of which every product but the
//! first is wrong.

use std::process::ExitCode;
use std::sync::Arc;
use vbench::gpu::stub::{Answer, Call, Stub};
use vbench::gpu::{Fault, Reading};
use vbench_suites as _;

fn main() -> ExitCode {
    let script = std::env::var("GPU_SCRIPT").unwrap_or_default();
    vbench::gpu::install(Arc::new(stub(&script)));
    vbench::program()
}

fn stub(script: &str) -> Stub {
    let words = || script.split_whitespace();
    let devices = words().find_map(|word| word.strip_prefix("devices="));
    let devices = devices.map_or(1, |number| number.parse().expect("a number of devices"));
    words().filter(|word| !word.starts_with("devices=")).fold(Stub::with_devices(devices), told)
}

/// `hot`, `without-peers`, or `CALL@NUMBER=ANSWER`.
fn told(stub: Stub, word: &str) -> Stub {
    match word {
        "hot" => {
            let slowed = vec!["hardware thermal slowdown".to_owned()];
            return stub.reading(vec![Reading { slowed, ..Reading::default() }]);
        }
        "without-peers" => return stub.without_peers(),
        _ => {}
    }
    let (when, answer) = word.split_once('=').expect("CALL@NUMBER=ANSWER");
    let (name, from) = when.split_once('@').expect("CALL@NUMBER");
    stub.answering(call(name), from.parse().expect("the number of a call"), self::answer(answer))
}

fn call(name: &str) -> Call {
    match name {
        "count" => Call::Count,
        "allocate" => Call::Allocate,
        "pin" => Call::Pin,
        "copy" => Call::Copy,
        "duplicate" => Call::Duplicate,
        "load" => Call::Load,
        "launch" => Call::Launch,
        "multiply" => Call::Multiply,
        "synchronize" => Call::Synchronize,
        "sum" => Call::Sum,
        _ => panic!("no call {name:?}"),
    }
}

fn answer(name: &str) -> Answer {
    let fault = match name {
        "wrong" => return Answer::Wrong,
        "hang" => return Answer::Hang,
        "lost" => Fault::Failed("the GPU fell off the bus".to_owned()),
        "full" => Fault::Memory("needs 9 MiB of GPU 0, 1 MiB free".to_owned()),
        "old" => Fault::Absent("the NVIDIA driver knows CUDA 11.4, vbench needs 12.0".to_owned()),
        "missing" => Fault::Absent("no libnvrtc.so here".to_owned()),
        _ => panic!("no answer {name:?}"),
    };
    Answer::Fault(fault)
}
