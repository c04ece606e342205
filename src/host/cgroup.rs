//! Control groups: the limits on memory, CPU time and placement that a container sets.
//!
//! A limit binds wherever on the way up it was set, so every level up to the mount point counts.
//! Versions 1 and 2 are read, also both at once, where a controller belongs to one of them.

use super::{Host, Unreadable};

/// Limits from here on mean "none": version 1 writes the largest page-aligned 63-bit number.
/// Source: Linux mm/page_counter.c and Documentation/admin-guide/cgroup-v1/memory.rst.
const UNLIMITED: u64 = 1 << 62;

/// The groups of this process for one controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// 1 or 2.
    pub version: u8,
    /// Folders from the own group up to the mount point.
    pub levels: Vec<String>,
}

/// A memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The lowest limit on the way up.
    pub max: u64,
    /// What may still be used under the limit that leaves the least, where usage is known.
    pub left: Option<u64>,
}

impl Cgroup {
    /// The groups that `controller` (`memory`, `cpu`, `cpuset`) puts this process into.
    ///
    /// # Errors
    /// There are no control groups, or they cannot be seen.
    pub fn find(host: &Host, controller: &str) -> Result<Self, Unreadable> {
        let membership = host.read("/proc/self/cgroup")?;
        let mounts = host.read("/proc/self/mountinfo")?;
        let missing = || Unreadable::because(format!("no {controller} control group is mounted"));
        let (version, path) = group(&membership, controller).ok_or_else(missing)?;
        let (root, point) = mount(&mounts, version, controller).ok_or_else(missing)?;
        let levels = levels(point, inside(path, root));
        // A level that cannot be seen would pass for one without limits.
        let seen = levels.iter().filter(|level| host.list(level).is_ok()).cloned();
        let levels: Vec<_> = seen.collect();
        let hidden = || Unreadable::because(format!("the {controller} control group is hidden"));
        levels.first().ok_or_else(hidden)?;
        Ok(Self { version, levels })
    }

    /// The text of `file` at every level that has it, from the own group upwards.
    fn texts(&self, host: &Host, file: &str) -> Vec<(String, String)> {
        let read =
            |level: &String| Some((level.clone(), host.read(&format!("{level}/{file}")).ok()?));
        self.levels.iter().filter_map(read).collect()
    }

    /// The number of CPUs' worth of time that may be used; `None` without a limit.
    pub fn cpu_max(&self, host: &Host) -> Option<f64> {
        let file = if self.version == 1 { "cpu.cfs_quota_us" } else { "cpu.max" };
        let quotas = self.texts(host, file).into_iter().filter_map(|(level, text)| {
            if self.version == 1 {
                return share(&text, &host.read(&format!("{level}/cpu.cfs_period_us")).ok()?);
            }
            let (quota, period) = text.split_once(' ')?;
            share(quota, period)
        });
        quotas.reduce(f64::min)
    }

    /// The CPUs that the nearest cpuset allows, as the kernel lists them.
    pub fn cpuset(&self, host: &Host) -> Option<String> {
        let files: &[_] = match self.version {
            1 => &["cpuset.effective_cpus", "cpuset.cpus"],
            _ => &["cpuset.cpus.effective"],
        };
        let first = |file: &&str| self.texts(host, file).into_iter().next();
        files.iter().find_map(first).map(|(_, list)| list)
    }

    /// How often the own group was throttled for CPU time.
    pub fn throttled(&self, host: &Host) -> Option<u64> {
        let (_, text) = self.texts(host, "cpu.stat").into_iter().next()?;
        field(&text, "nr_throttled")
    }

    /// The memory limit; `None` without one.
    pub fn memory(&self, host: &Host) -> Option<MemoryLimit> {
        let file = if self.version == 1 { "memory.limit_in_bytes" } else { "memory.max" };
        let limits = self.texts(host, file).into_iter().filter_map(|(level, text)| {
            let max = text.parse::<u64>().ok().filter(|max| *max < UNLIMITED)?;
            let left = self.memory_used(host, &level).map(|used| max.saturating_sub(used));
            Some(MemoryLimit { max, left })
        });
        limits.reduce(|a, b| MemoryLimit {
            max: a.max.min(b.max),
            left: a.left.into_iter().chain(b.left).min(),
        })
    }

    /// Usage without the page cache that gives way first, as the kubelet counts its working set.
    /// Source: kubernetes.io, node-pressure eviction, "memory.available".
    fn memory_used(&self, host: &Host, level: &str) -> Option<u64> {
        let (usage, cache) = match self.version {
            1 => ("memory.usage_in_bytes", "total_inactive_file"),
            _ => ("memory.current", "inactive_file"),
        };
        let used: u64 = host.read(&format!("{level}/{usage}")).ok()?.parse().ok()?;
        let stat = host.read(&format!("{level}/memory.stat")).unwrap_or_default();
        Some(used.saturating_sub(field(&stat, cache).unwrap_or(0)))
    }
}

/// Version and path of the group in `/proc/self/cgroup` (`ID:CONTROLLERS:PATH`).
fn group<'a>(membership: &'a str, controller: &str) -> Option<(u8, &'a str)> {
    let entries = membership.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    });
    let entries: Vec<_> = entries.collect();
    let named = |names: &str| names.split(',').any(|name| name == controller);
    let one = entries.iter().find(|(names, _)| named(names)).map(|(_, path)| (1, *path));
    one.or_else(|| entries.iter().find(|(names, _)| names.is_empty()).map(|(_, path)| (2, *path)))
}

/// Root within the hierarchy and mount point, from `/proc/self/mountinfo`. Source: proc(5).
fn mount<'a>(mounts: &'a str, version: u8, controller: &str) -> Option<(&'a str, &'a str)> {
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let mut kind = kind.split(' ');
        let (root, point) = (mount.next()?, mount.next()?);
        let (kind, options) = (kind.next()?, kind.nth(1).unwrap_or_default());
        let fits = match version {
            1 => kind == "cgroup" && options.split(',').any(|option| option == controller),
            _ => kind == "cgroup2",
        };
        fits.then_some((root, point))
    })
}

/// The part of `path` that lies under the mount. A path outside of it (a container that sees its
/// host's paths) has no visible groups but the mount itself.
fn inside<'a>(path: &'a str, root: &str) -> &'a str {
    let rest = path.strip_prefix(root.trim_end_matches('/')).unwrap_or_default();
    let whole = rest.is_empty() || rest.starts_with('/');
    if whole && !rest.split('/').any(|part| part == "..") { rest } else { "" }
}

fn levels(point: &str, rest: &str) -> Vec<String> {
    let point = point.trim_end_matches('/');
    let mut levels = vec![point.to_owned()];
    for part in rest.split('/').filter(|part| !part.is_empty()) {
        let upper = levels.last().map_or(point, String::as_str);
        levels.push(format!("{upper}/{part}"));
    }
    levels.reverse();
    levels
}

/// Quota over period; `None` for "max", -1 and nonsense.
fn share(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (u64, u64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{Cgroup, MemoryLimit, inside};
    use crate::host::Host;

    #[test]
    fn version_2_limits_bind_on_every_level() {
        let host = Host::of(&[
            ("file /proc/self/cgroup", "0::/pod/app\n"),
            (
                "file /proc/self/mountinfo",
                "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
            ),
            ("file /sys/fs/cgroup/pod/app/memory.max", "max"),
            ("file /sys/fs/cgroup/pod/app/cpu.max", "max 100000"),
            ("file /sys/fs/cgroup/pod/app/cpu.stat", "nr_periods 5\nnr_throttled 4\n"),
            ("file /sys/fs/cgroup/pod/memory.max", "1000"),
            ("file /sys/fs/cgroup/pod/memory.current", "700"),
            ("file /sys/fs/cgroup/pod/memory.stat", "anon 1\ninactive_file 200\n"),
            ("file /sys/fs/cgroup/pod/cpu.max", "150000 100000"),
            ("file /sys/fs/cgroup/cpuset.cpus.effective", "0-3"),
        ]);
        let group = Cgroup::find(&host, "memory").expect("a group");
        assert_eq!(group.memory(&host), Some(MemoryLimit { max: 1000, left: Some(500) }));
        assert_eq!(group.cpu_max(&host), Some(1.5));
        assert_eq!(group.cpuset(&host).as_deref(), Some("0-3"));
        assert_eq!(group.throttled(&host), Some(4));
    }

    #[test]
    fn version_1_limits_are_read_beside_an_empty_version_2() {
        let host = Host::of(&[
            ("file /proc/self/cgroup", "4:memory:/docker/c1\n1:cpu,cpuacct:/docker/c1\n0::/\n"),
            (
                "file /proc/self/mountinfo",
                "31 23 0:28 /docker/c1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                 32 23 0:29 /docker/c1 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                 33 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            ),
            ("file /sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"),
            ("file /sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000"),
            ("file /sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"),
        ]);
        let memory = Cgroup::find(&host, "memory").expect("a group");
        assert_eq!(memory.levels, ["/sys/fs/cgroup/memory"]);
        assert_eq!(memory.memory(&host), None);
        assert_eq!(Cgroup::find(&host, "cpu").expect("a group").cpu_max(&host), Some(0.5));
    }

    #[test]
    fn no_groups_is_a_reason() {
        assert!(Cgroup::find(&Host::of(&[]), "memory").is_err());
        let host =
            Host::of(&[("file /proc/self/cgroup", "0::/"), ("file /proc/self/mountinfo", "x")]);
        let why = Cgroup::find(&host, "cpu").expect_err("no mount");
        assert_eq!(why.reason(), "no cpu control group is mounted");
        let host = Host::of(&[
            ("file /proc/self/cgroup", "0::/"),
            ("file /proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"),
        ]);
        let why = Cgroup::find(&host, "cpu").expect_err("hidden");
        assert_eq!(why.reason(), "the cpu control group is hidden");
    }

    #[test]
    fn paths_outside_the_mount_are_not_followed() {
        assert_eq!(inside("/a/b", "/a"), "/b");
        assert_eq!(inside("/ab", "/a"), "");
        assert_eq!(inside("/../x", "/"), "");
    }
}
