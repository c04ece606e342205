//! The program on fake vendor libraries that do the real thing on the host's memory: the CUDA and HIP
//! back ends from end to end, through the very bindings that real drivers get. The libraries are
//! written in C (`fake/`), beside this project's own device kernels compiled for the host.
//!
//! No number here says anything of a GPU.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::{TempDir, tempdir};
use vbench_results::{CaseResult, Launch, Outcome, ResultSet, Role};

/// Names under which the one library of all fakes is found, as drivers and packages have them.
const NVIDIA: [&str; 6] = [
    "libcuda.so.1",
    "libcublas.so.12",
    "libcublasLt.so.12",
    "libnvrtc.so.12",
    "libnccl.so.2",
    "libnvidia-ml.so.1",
];
const AMD: [&str; 5] =
    ["libcuda.so.1", "libamdhip64.so.6", "libhiprtc.so.6", "librocblas.so.4", "librccl.so.1"];

/// What a device kernel needs to be a function of the host that is one thread of one block.
const HOST: &str = "
    #define __device__
    #define __global__
    #define atomicAdd(at, number) (*(at) += (number))
    static const struct { unsigned x; } blockIdx = {0}, blockDim = {1}, threadIdx = {0}, gridDim = {1};
";

/// The kernels as C has them.
fn kernels() -> String {
    let four = "struct alignas(16) Four { float x, y, z, w; };";
    assert!(vbench::gpu::SOURCE.contains(four), "the kernels changed: say it in C here");
    let source = vbench::gpu::SOURCE.replace("extern \"C\" ", "");
    HOST.to_owned() + &source.replace(four, "typedef struct { float x, y, z, w; } Four;")
}

/// The libraries, in a folder for each vendor.
struct Fakes {
    folder: TempDir,
}

impl Fakes {
    /// Builds them; none, said aloud, where there is no C compiler.
    fn build() -> Option<Self> {
        if Command::new("cc").arg("--version").output().is_err() {
            eprintln!("skipped: no cc is found, which builds the fake libraries");
            return None;
        }
        let folder = tempdir().unwrap();
        let (library, own) = (folder.path().join("libfake.so"), folder.path().join("kernels.c"));
        fs::write(&own, kernels()).unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake");
        let mut compiler = Command::new("cc");
        compiler.args(["-std=gnu11", "-O1", "-fno-strict-aliasing", "-shared", "-fPIC", "-o"]);
        compiler.arg(&library).arg(own);
        let names = ["cuda.c", "libraries.c", "cublaslt.c", "nccl.c", "hip.c"];
        compiler.args(names.map(|name| sources.join(name)));
        assert!(compiler.status().unwrap().success());
        for (vendor, names) in [("nvidia", &NVIDIA[..]), ("amd", &AMD)] {
            let vendor = folder.path().join(vendor);
            fs::create_dir(&vendor).unwrap();
            for name in names {
                // Also without a version, which the loader is asked for first.
                let (stem, _) = name.split_once(".so").unwrap();
                symlink(&library, vendor.join(name)).unwrap();
                symlink(&library, vendor.join(format!("{stem}.so"))).unwrap();
            }
        }
        Some(Self { folder })
    }

    /// The program with `vendor`'s libraries, of which `script` says what goes wrong.
    fn program(&self, vendor: &str, script: &str, gpus: usize) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vbench"));
        let foreign = ["VBENCH_", "NCCL_", "RCCL_", "HSA_"];
        for (name, _) in std::env::vars() {
            if foreign.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        let script = if vendor == "amd" { format!("amd {script}") } else { script.to_owned() };
        command.env("LD_LIBRARY_PATH", self.folder.path().join(vendor)).env("FAKE_GPU", script);
        command.env("FAKE_GPUS", gpus.to_string());
        command
    }

    /// What `--test` says of each case, by its name.
    fn tested(&self, vendor: &str, gpus: usize, arguments: &[&str]) -> impl Fn(&str) -> String {
        let mut command = self.program(vendor, "", gpus);
        let output = command.args(["run", "--test"]).args(arguments).output().unwrap();
        let said = said(&output);
        assert!(output.status.success() && !said.contains("panicked"), "{said}");
        move |case: &str| {
            let start = format!("test {case} ... ");
            let line = said.lines().find_map(|line| line.strip_prefix(&start));
            line.unwrap_or_else(|| panic!("no {case}: {said}")).to_owned()
        }
    }

    /// The stored results of small cases, and the exit code.
    fn stored(&self, vendor: &str, script: &str, extra: &[&str]) -> (ResultSet, Option<i32>) {
        let out = tempdir().unwrap();
        let mut command = self.program(vendor, script, 1);
        command.args(["run", "--exact", "--samples", "2", "--time", "1ms", "--launches", "1"]);
        command.args(["--axis", "n=16", "--config", "fake", MATMUL, COPY]);
        if !extra.contains(&"--axis") {
            command.args(["--axis", "size=4K"]);
        }
        let output = command.args(extra).arg("--out").arg(out.path()).output().unwrap();
        let only = |folder: PathBuf| {
            let mut entries = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{}", said(&output)));
            entries.next().unwrap().unwrap().path()
        };
        let run = only(only(out.path().into()).join("fake"));
        (ResultSet::read(&run.join("result.json")).unwrap(), output.status.code())
    }

    /// A product in trouble beside a copy that has none.
    fn product_ends(&self, script: &str, state: &str, reason: &str, extra: &[&str]) {
        for vendor in ["nvidia", "amd"] {
            let (results, code) = self.stored(vendor, script, extra);
            let ended = &launch(&results, MATMUL).outcome;
            assert_eq!(ended.state(), state, "{ended:?}");
            assert!(ended.reason().unwrap_or_default().contains(reason), "{ended:?}");
            assert_eq!(launch(&results, COPY).outcome, Outcome::Measured, "the run goes on");
            assert_eq!(code, Some(1));
        }
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

const MATMUL: &str = "gpu::matmul/dtype=fp32,gpu=0,n=16";
const COPY: &str = "gpu::copy/gpu=0,memory=pinned,route=h2d,size=4KiB";

fn launch<'r>(results: &'r ResultSet, id: &str) -> &'r Launch {
    let named = |case: &&CaseResult| case.case.to_string() == id;
    &results.cases.iter().find(named).unwrap_or_else(|| panic!("no {id}")).launches[0]
}

#[test]
fn every_benchmark_works_on_one_device_and_on_three() {
    let Some(fakes) = Fakes::build() else { return };
    for vendor in ["nvidia", "amd"] {
        for gpus in [1, 3] {
            let told = fakes.tested(vendor, gpus, &["--kind", "gpu"]);
            for case in [
                "gpu::matmul/dtype=fp32,gpu=0,n=8192",
                "gpu::matmul/dtype=bf16,gpu=0,n=8192",
                "gpu::copy/gpu=0,memory=pinned,route=both,size=256MiB",
                "gpu::copy_on_device/gpu=0",
                "gpu::device_memory/gpu=0",
                "gpu::launch/gpu=0,thread=unbound",
                "gpu::all_reduce_one_rank/gpu=0,place=out,size=8B",
            ] {
                assert_eq!(told(case), "ok", "{vendor} {case}");
            }
            let several = if gpus == 1 { "ignored, needs 2 GPUs, 1 here" } else { "ok" };
            for case in [
                "gpu::all_reduce/peers=default,place=out,size=256MiB",
                "gpu::all_reduce_sweep/peers=off,up_to=1GiB",
                "gpu::copy_together/route=both",
                "gpu::peer_copy/pair=0>1,peers=default,size=4B",
            ] {
                assert_eq!(told(case), several, "{vendor} {case}");
            }
        }
    }
}

#[test]
fn what_a_library_cannot_is_a_skip_in_its_words() {
    let Some(fakes) = Fakes::build() else { return };
    let told = fakes.tested("nvidia", 1, &["gpu::matmul"]);
    assert_eq!(told("gpu::matmul/dtype=fp8,gpu=0,n=8192"), "ok");
    let half = "gpu::matmul/dtype=fp16,gpu=0,n=8192";
    assert_eq!(told(half), "ignored, cuBLAS: CUBLAS_STATUS_NOT_SUPPORTED");
    let told = fakes.tested("amd", 1, &["gpu::matmul"]);
    assert_eq!(told(half), "ignored, rocblas_gemm_ex: not implemented for this device");
    let eighth = told("gpu::matmul/dtype=fp8,gpu=0,n=8192");
    assert!(eighth.starts_with("ignored, no libhipblaslt.so here"), "{eighth}");
}

#[test]
fn every_benchmark_of_longer_profiles_works_too() {
    let Some(fakes) = Fakes::build() else { return };
    let longer = ["exchange", "all_reduce_ranks", "copy_sizes", "data_loader", "soak"];
    let names = longer.map(|name| format!("gpu::{name}"));
    let mut arguments = vec!["--exact", "--axis", "dtype=fp32", "--max-bytes", "1M"];
    arguments.extend(names.iter().map(String::as_str));
    for vendor in ["nvidia", "amd"] {
        let told = fakes.tested(vendor, 3, &arguments);
        for case in [
            "gpu::exchange/operation=reduce_scatter,size=1MiB",
            "gpu::exchange/operation=all_gather,size=1MiB",
            "gpu::exchange/operation=all_to_all,size=1MiB",
            "gpu::all_reduce_ranks/ranks=2,size=8B",
            "gpu::copy_sizes/gpu=0,memory=pageable,route=d2h,size=1MiB",
            "gpu::data_loader/gpu=0,workers=unbound",
            "gpu::soak/dtype=fp32,gpu=0",
        ] {
            assert_eq!(told(case), "ok", "{vendor} {case}");
        }
    }
}

#[test]
fn what_is_stored_names_the_libraries_and_the_state_of_the_device() {
    let Some(fakes) = Fakes::build() else { return };
    let (results, code) = fakes.stored("nvidia", "capped", &[]);
    assert_eq!(code, Some(0));
    let product = launch(&results, MATMUL);
    for (fact, value) in [
        ("api", "CUDA"),
        ("gpu", "Fake GPU"),
        ("gpu_pci", "fafa:01:00.0"),
        ("gpu_architecture", "sm_90"),
        ("cuda_driver", "12.4"),
        ("cublas", "12.4.5"),
        ("kernels", "nvrtc 12.9"),
        ("power_capped", "yes"),
    ] {
        assert_eq!(product.facts[fact].to_string(), value, "{fact}");
    }
    for repeat in &product.repeats {
        assert_eq!(repeat.values["gpu_power_capped"], 1.0);
        // Full load reaches the power limit; the host's CPUs may be taken away all the same.
        let why = repeat.evidence.disturbed.as_deref().unwrap_or_default();
        assert!(!why.contains("GPU"), "{why}");
    }
    // Copies of a gigabyte last long enough for a look.
    let large = "gpu::copy/gpu=0,memory=pinned,route=h2d,size=4MiB";
    let (copies, _) = fakes.stored("nvidia", "", &[large, "--axis", "size=4K,4M"]);
    let repeats = &launch(&copies, large).repeats;
    let looked: Vec<_> = repeats.iter().filter(|r| r.values.contains_key("gpu_clock")).collect();
    assert!(!looked.is_empty(), "of {} samples", repeats.len());
    for repeat in looked {
        assert_eq!(repeat.values["gpu_clock"], 1.98e9);
        assert_eq!((repeat.values["gpu_power"], repeat.values["gpu_temperature"]), (612.5, 61.0));
    }
    assert!(repeats.iter().all(|repeat| repeat.values["gpu_power_capped"] == 0.0));
    let case = results.cases.iter().find(|case| case.case.benchmark == "gpu::matmul").unwrap();
    let role = |name: &str| case.metrics.iter().find(|metric| metric.name == name).unwrap().role;
    assert_eq!((role("flops"), role("time")), (Role::Control, Role::Control));
    // Evidence of a control may move: a slower clock explains it, and is none itself.
    assert_eq!((role("slowest"), role("gpu_clock")), (Role::Info, Role::Info));
    let (results, _) = fakes.stored("amd", "", &[]);
    let facts = &launch(&results, MATMUL).facts;
    let told = ["api", "gpu_pci", "hip_runtime", "rocblas"].map(|fact| facts[fact].to_string());
    assert_eq!(told, ["HIP", "fafa:01:00.0", "6.3.42134", "4.3.0.fake"]);
}

#[test]
fn a_slowed_device_marks_every_sample() {
    let Some(fakes) = Fakes::build() else { return };
    let (results, _) = fakes.stored("nvidia", "hot", &[]);
    for repeat in &launch(&results, MATMUL).repeats {
        let why = repeat.evidence.disturbed.as_deref();
        let told = "the GPU was slowed down: hardware thermal slowdown";
        assert!(why.is_some_and(|why| why.contains(told)), "{why:?}");
    }
}

#[test]
fn without_a_compiler_that_works_the_stored_kernels_serve() {
    let Some(fakes) = Fakes::build() else { return };
    let (results, code) = fakes.stored("nvidia", "compiler", &[]);
    assert_eq!(code, Some(0));
    let kernels = launch(&results, MATMUL).facts["kernels"].to_string();
    assert!(kernels.starts_with("stored PTX (NVRTC, for sm_90:"), "{kernels}");
    assert!(kernels.contains("told to fail"), "{kernels}");
}

#[test]
fn a_wrong_product_or_a_lost_device_fails_its_case_alone() {
    let Some(fakes) = Fakes::build() else { return };
    fakes.product_ends("wrong-product", "failed", "of the fp32 product is", &[]);
    fakes.product_ends("lost", "failed", "unspecified launch failure", &[]);
}

#[test]
fn a_device_that_hangs_is_killed_at_the_limit_and_the_run_goes_on() {
    let Some(fakes) = Fakes::build() else { return };
    let limit = ["--timeout", "2s"];
    fakes.product_ends("hang", "timed-out", "killed after its limit of 2 s", &limit);
}

#[test]
fn a_copy_that_changes_a_byte_and_a_sum_that_is_wrong_are_failed_cases() {
    let Some(fakes) = Fakes::build() else { return };
    for vendor in ["nvidia", "amd"] {
        let (results, code) = fakes.stored(vendor, "wrong-copy", &[]);
        let why = launch(&results, COPY).outcome.reason().unwrap_or_default();
        assert_eq!((why, code), ("check failed: what arrived is not what was sent", Some(1)));
        let wrong =
            [("gpu::all_reduce", "2 of 4 sums are wrong"), ("gpu::exchange", "rank 0 gives")];
        for (benchmark, why) in wrong {
            let mut command = fakes.program(vendor, "wrong-sum", 2);
            command.args(["run", "--test", "--exact", benchmark]);
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            assert!(said(&output).contains(why), "{}", said(&output));
        }
    }
}

#[test]
fn too_little_memory_is_a_skip_in_the_drivers_words() {
    let Some(fakes) = Fakes::build() else { return };
    for vendor in ["nvidia", "amd"] {
        let (results, code) = fakes.stored(vendor, "full", &[]);
        let ended = &launch(&results, COPY).outcome;
        assert_eq!((ended.state(), code), ("skipped", Some(0)));
        assert!(ended.reason().unwrap_or_default().contains("out of memory"), "{ended:?}");
    }
}
