//! Boots a guest with a job and gives what the job left behind.

use crate::image::Image;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use vbench_results::{CaseResult, Environment, ResultSet, Value};

/// When a guest that has not finished is given up. On a busy host of two CPUs the slowest of 80
/// boots took 19 s; the jobs take as long again.
const PATIENCE: Duration = Duration::from_secs(240);
/// Size of the disk that takes the results: sparse, and far more than they need.
const DISK: u64 = 32 << 20;
/// What the program and the kernel say of the machine; nothing that slows emulation.
const KERNEL: &str =
    "console=ttyS0 panic=-1 quiet mitigations=off nokaslr cryptomgr.notests no_timer_check";

/// A guest to be booted.
pub struct Guest {
    /// Of the test, the log and the folder.
    pub name: &'static str,
    /// QEMU's arguments beside the ones that every guest has.
    pub machine: &'static str,
    /// What the kernel is told beside what every kernel is.
    pub kernel: &'static str,
    /// Shell commands; `run NAME COMMAND...` keeps output and exit code.
    pub job: &'static str,
}

/// What a guest left behind.
pub struct Left {
    folder: PathBuf,
}

/// QEMU, the kernel, busybox, and the program under test.
struct Tools {
    kernel: PathBuf,
    busybox: PathBuf,
    payload: PathBuf,
    folder: PathBuf,
}

impl Guest {
    /// Boots it and runs its job; `None`, said aloud, where the tools are missing.
    pub fn boot(&self) -> Option<Left> {
        let tools = match tools() {
            Ok(tools) => tools,
            Err(lack) => {
                assert!(std::env::var_os("VBENCH_REQUIRE_GUESTS").is_none(), "{lack}");
                eprintln!("skipped {}: {lack}; tests/guest/fetch gets it", self.name);
                return None;
            }
        };
        let first = self.attempt(tools);
        let outcome = first.or_else(|reason| {
            eprintln!("{}: booted again after: {reason}", self.name);
            self.attempt(tools)
        });
        Some(outcome.unwrap_or_else(|reason| panic!("{}: {reason}", self.name)))
    }

    fn attempt(&self, tools: &Tools) -> Result<Left, String> {
        let folder = tools.folder.join(self.name);
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("left")).map_err(told)?;
        let image = Image::new(&tools.busybox, &tools.payload, self.job)?;
        fs::write(folder.join("image"), image.finish()).map_err(told)?;
        let disk = File::create(folder.join("disk")).and_then(|disk| disk.set_len(DISK));
        disk.map_err(told)?;
        let ended = self.emulate(tools, &folder)?;
        let log = folder.join("console.log");
        let unpacked = Command::new(&tools.busybox)
            .args(["tar", "x", "-f", "../disk"])
            .current_dir(folder.join("left"))
            .output();
        let whole = folder.join("left/complete").exists();
        match unpacked {
            Ok(output) if output.status.success() && whole => {
                Ok(Left { folder: folder.join("left") })
            }
            _ => Err(format!(
                "QEMU ended ({ended}) without a whole result; {}:\n{}",
                log.display(),
                last_lines(&log)
            )),
        }
    }

    fn emulate(&self, tools: &Tools, folder: &Path) -> Result<ExitStatus, String> {
        let mut qemu = Command::new("qemu-system-x86_64");
        // Always emulated: /dev/kvm may be there and not work.
        qemu.args("-nodefaults -no-user-config -no-reboot -display none".split(' '));
        if !self.machine.contains("-accel") {
            qemu.args(["-accel", "tcg,thread=multi"]);
        }
        qemu.args(self.machine.split_whitespace());
        qemu.arg("-kernel").arg(&tools.kernel).args(["-initrd", "image"]);
        qemu.args(["-append", &format!("{KERNEL} {}", self.kernel)]);
        qemu.args(["-chardev", "file,id=console,path=console.log", "-serial", "chardev:console"]);
        qemu.args(["-drive", "if=none,id=disk,format=raw,cache=unsafe,file=disk"]);
        qemu.args(["-device", "nvme,drive=disk,serial=results,bus=pcie.0"]);
        let said = File::create(folder.join("qemu.log")).map_err(|error| error.to_string())?;
        qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).current_dir(folder);
        let mut child = qemu.spawn().map_err(|error| format!("qemu-system-x86_64: {error}"))?;
        let ended = finished(&mut child);
        let said = fs::read_to_string(folder.join("qemu.log")).unwrap_or_default();
        match ended {
            Some(status) if status.success() => Ok(status),
            Some(status) => Err(format!("QEMU {status}: {said}")),
            None => Err(format!(
                "not finished after {} s: {said}{}",
                PATIENCE.as_secs(),
                last_lines(&folder.join("console.log"))
            )),
        }
    }
}

/// How it ended; nothing when it was killed for taking too long.
fn finished(child: &mut Child) -> Option<ExitStatus> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Found, and the program built, once.
fn tools() -> Result<&'static Tools, &'static str> {
    static TOOLS: OnceLock<Result<Tools, String>> = OnceLock::new();
    TOOLS.get_or_init(find_tools).as_ref().map_err(String::as_str)
}

fn find_tools() -> Result<Tools, String> {
    let folder = target().join("guest");
    if Command::new("qemu-system-x86_64").arg("--version").output().is_err() {
        return Err("qemu-system-x86_64 is not installed".to_owned());
    }
    let busybox = folder.join("bin/busybox");
    if !busybox.exists() {
        return Err(format!("no {}", busybox.display()));
    }
    let kernels = fs::read_dir(folder.join("boot")).into_iter().flatten().flatten();
    let kernel = kernels
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains("/vmlinuz-"))
        .max()
        .ok_or_else(|| format!("no {}/boot/vmlinuz-*", folder.display()))?;
    Ok(Tools { kernel, busybox, payload: payload()?, folder })
}

/// `target`, from the place of this test: `target/debug/deps/guest-..`.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.ancestors().nth(3).expect("a test lies in target/PROFILE/deps").to_owned()
}

/// The program as it is released; `VBENCH_PROGRAM` names another, such as a static build.
pub fn payload() -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os("VBENCH_PROGRAM") {
        return Ok(program.into());
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--quiet", "-p", "vbench-suites", "--bin", "vbench"]);
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    match built {
        Ok(status) if status.success() => Ok(target().join("release/vbench")),
        Ok(status) => Err(format!("cannot build the program: cargo {status}")),
        Err(error) => Err(format!("cannot build the program: {error}")),
    }
}

impl Left {
    fn file(&self, name: &str) -> String {
        let path = self.folder.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// What a command printed; it must have ended well.
    pub fn printed(&self, name: &str) -> String {
        let (code, said) = (self.code(name), self.file(&format!("{name}.err")));
        let printed = self.file(&format!("{name}.out"));
        assert_eq!(code, 0, "{name} ended with {code}:\n{printed}{said}");
        printed
    }

    /// What a command ended with.
    pub fn code(&self, name: &str) -> i32 {
        self.file(&format!("{name}.code")).trim().parse().expect("an exit code")
    }

    /// What the machine says it is.
    pub fn facts(&self) -> Environment {
        serde_json::from_str(&self.printed("info")).expect("facts as JSON")
    }

    /// The folder of results that the job kept in `/out/results`.
    pub fn results(&self) -> PathBuf {
        self.folder.join("results")
    }

    /// The only run of `config`.
    pub fn run(&self, config: &str) -> ResultSet {
        let children = |folder: PathBuf| -> Vec<PathBuf> {
            let entries =
                fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
            entries.map(|entry| entry.expect("an entry").path()).collect()
        };
        let runs: Vec<PathBuf> = children(self.results())
            .into_iter()
            .map(|system| system.join(config))
            .filter(|config| config.exists())
            .flat_map(children)
            .collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        ResultSet::read(&runs[0].join("result.json")).expect("a result set")
    }
}

/// The value of a fact as text.
pub fn fact(facts: &Environment, name: &str) -> String {
    let why =
        || facts.facts.get(name).map_or("no such fact".to_owned(), |fact| format!("{fact:?}"));
    facts.value(name).map_or_else(|| panic!("{name}: {}", why()), ToString::to_string)
}

/// A fact of a case's first launch as text.
pub fn noted(case: &CaseResult, name: &str) -> String {
    let launch = case.launches.first().unwrap_or_else(|| panic!("{} was not launched", case.case));
    let value = launch.facts.get(name).map(Value::to_string);
    value.unwrap_or_else(|| panic!("{} notes no {name}: {:?}", case.case, launch.outcome))
}
