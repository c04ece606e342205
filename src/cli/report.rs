//! `report`: which stored runs are meant, how they are grouped, and where the page goes.

use super::output::write_file;
use super::stored::{Configuration, each_run_once, readable_configurations};
use super::{Console, Ended, OK};
use crate::compare::Policy;
use crate::report::chart::Figure;
use crate::report::chart::svg::Drawing;
use crate::report::chart::theme::SLOTS;
use crate::report::html::{self, Group, Kind, Room, Side, View};
use crate::report::number::counted;
use crate::store;
use crate::text::inert;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// What `vbench report --help` shows below the options.
pub const EXAMPLES: &str = "\
Examples:
  vbench report                             every stored run, one group per system: report.html
  vbench report default vcpu_pin numa       these configurations, the first is the baseline
  vbench report 'my-host/*' -o my-host.html
  vbench report --svg figures               every figure as a file too; --png in the shipped program
  vbench report --pdf report.pdf            on paper, without a browser, in the shipped program

Systems that each have one and the same configuration are shown as twins, side by side.
The page is one file without links to the network; it reads without scripts, in print and on a phone.
Exit codes: 0, or 2 when something cannot be read, compared or written.";

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Configurations, runs, folders or globs, the baseline first [default: everything]
    #[arg(value_name = "RESULTS")]
    pub results: Vec<String>,
    /// The page
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    pub output: PathBuf,
    /// Every figure as SVG into this folder
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
    /// Every figure as PNG into this folder
    #[arg(long, value_name = "DIR")]
    pub png: Option<PathBuf>,
    /// The report as PDF, without a browser
    #[arg(long, value_name = "FILE")]
    pub pdf: Option<PathBuf>,
    /// The configuration that others are compared with [default: the first named, else `default`]
    #[arg(long, value_name = "NAME")]
    pub base: Option<String>,
    /// Smallest change that matters
    #[arg(long, value_name = "PERCENT", default_value = "3%", value_parser = super::args::percent)]
    pub margin: f64,
    /// Compare also where the benchmark's code differs
    #[arg(long)]
    pub any_version: bool,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    pub out: PathBuf,
}

/// Writes the page and what else was asked for.
pub fn report(args: &ReportArgs, console: &mut Console<'_>) -> Ended {
    let found = chosen(args, console)?;
    each_run_once(&found)?;
    let groups = grouped(found, args)?;
    if let Some(base) = &args.base {
        is_among(base, &groups)?;
    }
    paper_has_its_own_option(&args.output)?;
    let policy = Policy { margin: args.margin, any_version: args.any_version, ..Policy::default() };
    let room = Room::of(groups.len());
    let numbered = groups.iter().enumerate();
    let views: Vec<View<'_>> =
        numbered.map(|(number, group)| View::new(group, number, &policy, room)).collect();
    let page = html::page(&views);
    write(&args.output, page.as_bytes())?;
    let runs: usize =
        groups.iter().flat_map(|group| &group.sides).map(|side| side.runs.len()).sum();
    let (runs, size) = (counted(runs, "run"), page.len().div_ceil(1000));
    let groups = counted(groups.len(), "group");
    let _ = writeln!(console.out, "{}: {runs} in {groups}, {size} kB", args.output.display());
    for (folder, drawn) in [(&args.svg, SVG), (&args.png, PNG)] {
        if let Some(folder) = folder {
            let count = figures(&views, folder, &drawn)?;
            let _ = writeln!(console.out, "{}: {}", folder.display(), counted(count, "figure"));
        }
    }
    if let Some(file) = &args.pdf {
        let pages = html::pages(&views);
        write(file, &pdf(&pages)?)?;
        let _ = writeln!(console.out, "{}: {}", file.display(), counted(pages.len(), "page"));
    }
    Ok(OK)
}

/// A base that no group has would leave every group with another than was asked for.
fn is_among(base: &str, groups: &[Group]) -> Result<(), String> {
    let names: BTreeSet<&str> =
        groups.iter().flat_map(|group| &group.sides).map(|side| side.name.as_str()).collect();
    if names.contains(base) {
        return Ok(());
    }
    let names: Vec<String> = names.into_iter().map(inert).collect();
    Err(format!("no base {:?} in this report\n  there are: {}", inert(base), names.join(", ")))
}

/// The page is HTML whatever its name ends with.
fn paper_has_its_own_option(page: &Path) -> Result<(), String> {
    let ending = page.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let page = page.display();
    match ending.as_deref() {
        Some("pdf") => {
            Err(format!("-o {page} is the page, which is HTML\n  for paper: --pdf {page}"))
        }
        Some("png") => {
            Err(format!("-o {page} is the page, which is HTML\n  for figures: --png DIR"))
        }
        Some("svg") => {
            Err(format!("-o {page} is the page, which is HTML\n  for figures: --svg DIR"))
        }
        _ => Ok(()),
    }
}

/// How a figure becomes a file.
struct Drawn {
    ending: &'static str,
    bytes: fn(&Figure) -> Result<Vec<u8>, String>,
}

const SVG: Drawn = Drawn {
    ending: "svg",
    bytes: |figure| Ok(figure.alone().document(&figure.title, &figure.caption).into_bytes()),
};
const PNG: Drawn = Drawn { ending: "png", bytes: png };

#[cfg(feature = "pdf")]
fn png(figure: &Figure) -> Result<Vec<u8>, String> {
    crate::report::files::png(&figure.alone())
}

#[cfg(feature = "pdf")]
fn pdf(pages: &[Drawing]) -> Result<Vec<u8>, String> {
    crate::report::files::pdf(pages, "vbench report")
}

/// What a program without the feature answers.
#[cfg(not(feature = "pdf"))]
const WITHOUT: &str = "this program was built without PDF and PNG\n  build it with: cargo build --release --features \
                       pdf; or print the page from a browser";

#[cfg(not(feature = "pdf"))]
fn png(_: &Figure) -> Result<Vec<u8>, String> {
    Err(WITHOUT.to_owned())
}

#[cfg(not(feature = "pdf"))]
fn pdf(_: &[Drawing]) -> Result<Vec<u8>, String> {
    Err(WITHOUT.to_owned())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    write_file(path, bytes, "name another file with -o FILE")
}

/// Every figure as a file; gives their number.
fn figures(views: &[View<'_>], folder: &Path, drawn: &Drawn) -> Result<usize, String> {
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let all = views.iter().flat_map(html::figures).collect::<Vec<_>>();
    for figure in &all {
        write(&folder.join(format!("{}.{}", figure.id, drawn.ending)), &(drawn.bytes)(figure)?)?;
    }
    Ok(all.len())
}

/// The configurations that the arguments mean, in their order, each once.
fn chosen(args: &ReportArgs, console: &mut Console<'_>) -> Result<Vec<Configuration>, String> {
    if args.results.is_empty() {
        if store::runs(&args.out).is_empty() {
            return Err(format!(
                "no stored runs in {}\n  measure some with vbench run, or name the folder with --out DIR",
                args.out.display()
            ));
        }
        return readable_configurations(&args.out, &args.out.to_string_lossy(), console);
    }
    let mut found: Vec<Configuration> = Vec::new();
    for named in &args.results {
        // A system's folder means all of its configurations.
        let system = args.out.join(named);
        let folder = system.is_dir() && !Path::new(named).exists();
        let named = if folder { system.to_string_lossy().into_owned() } else { named.clone() };
        let mut meant = readable_configurations(&args.out, &named, console)?;
        // A name of several leaves open which is the baseline.
        meant.sort_by_key(|configuration| configuration.key().1 != "default");
        for configuration in meant {
            let same = |other: &&mut Configuration| other.key() == configuration.key();
            match found.iter_mut().find(same) {
                Some(known) => known.extend(configuration),
                None => found.push(configuration),
            }
        }
    }
    Ok(found)
}

/// Groups by system, and one for each configuration that several systems have alone.
fn grouped(found: Vec<Configuration>, args: &ReportArgs) -> Result<Vec<Group>, String> {
    let mut systems: BTreeMap<String, Vec<Configuration>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for configuration in found {
        let system = configuration.key().0.to_owned();
        if !order.contains(&system) {
            order.push(system.clone());
        }
        systems.entry(system).or_default().push(configuration);
    }
    let mut twins: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (system, configurations) in &systems {
        if let [only] = configurations.as_slice() {
            twins.entry(only.key().1.to_owned()).or_default().insert(system.clone());
        }
    }
    twins.retain(|_, systems| systems.len() > 1);
    let mut groups = Vec::new();
    for system in order {
        let Some(configurations) = systems.remove(&system) else { continue };
        let shared =
            twins.iter().find(|(_, all)| all.contains(&system)).map(|(name, _)| name.clone());
        match shared {
            Some(config) => {
                let others = twins.remove(&config).unwrap_or_default();
                let others =
                    others.into_iter().filter_map(|other| systems.remove(&other)).flatten();
                let sides = configurations.into_iter().chain(others);
                let named = |side: &Configuration| side.key().0.to_owned();
                groups.push(group(Kind::Twins, &config, sides.collect(), named, args)?);
            }
            None => {
                let named = |side: &Configuration| side.key().1.to_owned();
                groups.push(group(Kind::Configurations, &system, configurations, named, args)?);
            }
        }
    }
    Ok(groups)
}

fn group(
    kind: Kind,
    name: &str,
    mut configurations: Vec<Configuration>,
    named: impl Fn(&Configuration) -> String,
    args: &ReportArgs,
) -> Result<Group, String> {
    if configurations.len() > SLOTS {
        let count = configurations.len();
        let (many, named) = match kind {
            Kind::Configurations => {
                (format!("{name} has {count} configurations"), format!("{name}/CONFIG"))
            }
            Kind::Twins => (format!("{count} systems have {name} alone"), format!("SYSTEM/{name}")),
        };
        return Err(format!(
            "{many}, and a figure can tell {SLOTS} apart\n  name those that matter: vbench report '{named}' ..."
        ));
    }
    let base = args.base.as_deref().or(args.results.is_empty().then_some("default"));
    if let Some(base) = base {
        configurations.sort_by_key(|configuration| named(configuration) != base);
    }
    let sides = configurations.into_iter().map(|configuration| Side {
        name: named(&configuration),
        links: configuration.folders.iter().map(|folder| link(folder, &args.output)).collect(),
        runs: configuration.runs,
    });
    Ok(Group { kind, name: name.to_owned(), sides: sides.collect() })
}

/// A relative link from the page to a run's folder; nothing where there is none.
fn link(folder: &Path, page: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).ok();
    let Some((folder, page)) = absolute(folder).zip(absolute(page)) else { return String::new() };
    let from: Vec<Component<'_>> = page.parent().unwrap_or(Path::new("/")).components().collect();
    let to: Vec<Component<'_>> = folder.components().collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - shared);
    let down = to[shared..].iter().map(|part| encoded(&part.as_os_str().to_string_lossy()));
    let parts: Vec<String> = up.chain(down).collect();
    // A first part with a colon would be read as a scheme.
    format!("./{}", parts.join("/"))
}

/// A part of a path as it stands in a link (RFC 3986, unreserved characters).
fn encoded(part: &str) -> String {
    let mut text = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::link;
    use std::path::Path;

    #[test]
    fn links_lead_from_the_page_to_the_folder() {
        let of = |folder: &str, page: &str| link(Path::new(folder), Path::new(page));
        assert_eq!(of("/a/results/s/c/r", "/a/report.html"), "./results/s/c/r");
        assert_eq!(of("/a/b c/r", "/a/d/e.html"), "./../b%20c/r");
        assert_eq!(of("/a/javascript:x/r", "/a/e.html"), "./javascript%3Ax/r");
    }
}
