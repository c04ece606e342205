//! The file system of a guest: busybox, the program with the libraries it needs, and a job.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const INIT: &str = include_str!("init");

/// An archive in the format that the kernel unpacks at boot ("newc", described in the kernel's
/// `driver-api/early-userspace/buffer-format`).
#[derive(Default)]
pub struct Image {
    bytes: Vec<u8>,
    folders: BTreeSet<PathBuf>,
    entries: u32,
}

impl Image {
    /// busybox, the program at `payload` with its libraries, and `job` for a shell to read.
    pub fn new(busybox: &Path, payload: &Path, job: &str) -> Result<Self, String> {
        let mut image = Self::default();
        image.file(Path::new("/init"), INIT.as_bytes());
        image.file(Path::new("/job"), job.as_bytes());
        image.copy(busybox, Path::new("/bin/busybox"))?;
        image.copy(payload, Path::new("/bin/vbench"))?;
        for library in libraries(payload)? {
            image.copy(&library, &library)?;
        }
        Ok(image)
    }

    /// The whole archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn copy(&mut self, from: &Path, to: &Path) -> Result<(), String> {
        let content = fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?;
        self.file(to, &content);
        Ok(())
    }

    /// A file, and the folders above it.
    fn file(&mut self, path: &Path, content: &[u8]) {
        let above: Vec<&Path> = path.ancestors().skip(1).collect();
        for folder in above.into_iter().rev().filter(|folder| folder.parent().is_some()) {
            if self.folders.insert(folder.to_owned()) {
                self.entry(&relative(folder), DIRECTORY, &[]);
            }
        }
        self.entry(&relative(path), PROGRAM, content);
    }

    /// Thirteen fields of eight hex digits, the name with a zero byte, and the content, the last
    /// two each filled up to four bytes.
    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let links = 1;
        let fields = [
            self.entries,
            mode,
            0,
            0,
            links,
            0,
            content.len() as u32,
            0,
            0,
            0,
            0,
            name.len() as u32 + 1,
            0,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes().chain([0]));
        self.fill();
        self.bytes.extend(content);
        self.fill();
    }

    fn fill(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

fn relative(path: &Path) -> String {
    path.to_string_lossy().trim_start_matches('/').to_owned()
}

/// The loader and the libraries of a dynamic program; none of a static one.
fn libraries(program: &Path) -> Result<Vec<PathBuf>, String> {
    let output = Command::new("ldd").arg(program).output();
    let output = output.map_err(|error| format!("ldd: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let path =
        |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    Ok(text.lines().filter_map(path).collect())
}

#[test]
fn an_image_has_every_folder_before_its_files_and_ends() {
    let mut image = Image::default();
    image.file(Path::new("/a/b/c"), b"12345");
    image.file(Path::new("/a/d"), b"");
    let bytes = image.finish();
    let text = String::from_utf8_lossy(&bytes);
    let at = |name: &str| text.find(&format!("{name}\0")).unwrap_or_else(|| panic!("{name}"));
    assert!(at("a") < at("a/b") && at("a/b") < at("a/b/c") && at("a/b/c") < at("a/d"));
    assert!(text.contains("12345\0\0\0\x3070701"), "{text}");
    assert!(at("TRAILER!!!") > at("a/d") && bytes.len().is_multiple_of(4));
}
