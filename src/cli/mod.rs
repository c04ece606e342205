//! From the command line to files and tables: one command per file.

mod ab;
mod args;
mod baseline;
mod calibrate;
mod diff;
mod effects;
mod export;
mod gate;
mod import;
mod list;
mod measure;
mod measured;
mod output;
mod plan_samples;
mod progress;
mod ranks;
mod report;
mod run;
mod show;
mod smoke;
mod stored;

use self::args::{Cli, Command};
use self::output::Output;
use crate::benchmark::{Benchmark, benchmarks};
use crate::runner::child;
use crate::store;
use crate::terminal::{self, Style, Tone};
use crate::text::inert;
use clap::{Args, CommandFactory, Parser, ValueEnum};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Everything went well.
pub const OK: u8 = 0;
/// A case failed.
pub const FAILED: u8 = 1;
/// Wrong usage, nothing to run, or a file that cannot be used.
pub const USAGE: u8 = 2;
/// Stopped by Ctrl-C, with the journal kept (128 + SIGINT, as shells report it).
pub const INTERRUPTED: u8 = 130;

/// Where output goes: results to `out`, progress and warnings to `err`.
pub struct Console<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
    /// Progress, warnings, errors.
    pub err: &'a mut dyn Write,
    /// Columns of the terminal.
    pub width: usize,
    /// True when a person watches `err`.
    pub live: bool,
    /// What `out` can show.
    pub style: Style,
    /// What `err` can show.
    pub err_style: Style,
}

impl<'a> Console<'a> {
    /// A console that nobody watches, in plain ASCII.
    pub fn plain(out: &'a mut dyn Write, err: &'a mut dyn Write, width: usize) -> Self {
        let (style, err_style) = (Style::default(), Style::default());
        Self { out, err, width, live: false, style, err_style }
    }

    /// A line of warning on `err`.
    pub fn warn(&mut self, text: &str) {
        let word = self.err_style.paint(Tone::Doubt, "warning:");
        let _ = writeln!(self.err, "{word} {}", inert(text));
    }
}

/// What a command ends with: an exit code, or one sentence for the user and exit code 2.
type Ended = Result<u8, String>;

/// The entry point of a bench target with `harness = false`:
///
/// ```no_run
/// use my_benchmarks as _;
/// # mod my_benchmarks {}
/// fn main() -> std::process::ExitCode {
///     vbench::main()
/// }
/// # use my_benchmarks as _;
/// ```
///
/// It measures when `cargo bench` runs it, which passes `--bench`, or when the command `run` is
/// given. Else it only checks that every selected benchmark works, as `cargo test --benches` and
/// `cargo nextest run` expect.
pub fn main() -> ExitCode {
    enter(|mut arguments| {
        if !names_command(&arguments) && !arguments.iter().any(|argument| argument == "--bench") {
            arguments.push("--test".to_owned());
        }
        arguments
    })
}

/// The entry point of a program with commands. Without arguments it shows its help and its list.
pub fn program() -> ExitCode {
    enter(|arguments| if arguments.is_empty() { vec!["--help".into()] } else { arguments })
}

fn enter(bare: impl Fn(Vec<String>) -> Vec<String>) -> ExitCode {
    store::outlive_size_limit();
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    if arguments.first().is_some_and(|first| first == child::CHILD_ARGUMENT) {
        return answer_parent();
    }
    let (mut out, mut err) = (Output::new(io::stdout().lock()), io::stderr());
    let mut console = Console {
        out: &mut out,
        width: terminal::width(),
        live: err.is_terminal() && std::env::var_os("CI").is_none(),
        style: Style::of(&io::stdout()),
        err_style: Style::of(&err),
        err: &mut err,
    };
    let code = run_cli(&bare(arguments), &mut console);
    ExitCode::from(out.end(code, &mut io::stderr()))
}

fn answer_parent() -> ExitCode {
    match child::answer_parent() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(USAGE)
        }
    }
}

/// Runs the command that `arguments` (without the program's name) ask for.
pub fn run_cli(arguments: &[String], console: &mut Console<'_>) -> u8 {
    let cli = match Cli::try_parse_from(with_command(arguments)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, console),
    };
    if let Some(colour) = cli.color.wanted() {
        (console.style.colour, console.err_style.colour) = (colour, colour);
    }
    let ended =
        linked().and_then(|benchmarks| dispatch(cli.command, &benchmarks, arguments, console));
    ended.unwrap_or_else(|error| {
        let word = console.err_style.paint(Tone::Bad, "error:");
        let _ = writeln!(console.err, "{word} {error}");
        USAGE
    })
}

fn dispatch(
    command: Command,
    benchmarks: &[&'static Benchmark],
    arguments: &[String],
    console: &mut Console<'_>,
) -> Ended {
    match command {
        Command::Run(args) => run::run(&args, benchmarks, arguments, console),
        Command::List(args) => list::list(&args, benchmarks, console),
        Command::Info(args) => show::info(&args, console),
        Command::Capture(args) => show::capture(&args, console),
        Command::Show(args) => show::show(&args, console),
        Command::Diff(args) => diff::diff(&args, console),
        Command::Ab(args) => ab::ab(&args, benchmarks, arguments, console),
        Command::Export(args) => export::export(&args, console),
        Command::Calibrate(args) => calibrate::calibrate(&args, benchmarks, arguments, console),
        Command::PlanSamples(args) => plan_samples::plan_samples(&args, console),
        Command::Gate(args) => gate::gate(&args, console),
        Command::Baseline(args) => baseline::baseline(&args, console),
        Command::Effects(args) => effects::effects(&args, console),
        Command::Claims(args) => effects::claims(&args, console),
        Command::Import(args) => import::import(&args, arguments, console),
        Command::Report(args) => report::report(&args, console),
        Command::Schema(args) => Ok(schema(&args, console)),
        Command::Completions { shell } => {
            // It panics where it cannot write; standard output says itself what it lost.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "vbench", &mut script);
            let _ = console.out.write_all(&script);
            Ok(OK)
        }
        Command::Man => man(console),
    }
}

/// The linked benchmarks; none is an error, because it is always a forgotten line.
fn linked() -> Result<Vec<&'static Benchmark>, String> {
    let all = benchmarks()?;
    if all.is_empty() {
        return Err("no benchmarks are linked into this program\n  \
                    add `use my_benchmarks as _;` for the crate that holds them"
            .to_owned());
    }
    Ok(all)
}

/// The flags that stand on the command line itself, but for `others`.
fn given(arguments: &[String], others: &[&str]) -> Vec<String> {
    let Ok(matches) = Cli::command().try_get_matches_from(with_command(arguments)) else {
        return Vec::new();
    };
    let Some((name, matches)) = matches.subcommand() else { return Vec::new() };
    let cli = Cli::command();
    let arguments = cli.find_subcommand(name).into_iter().flat_map(clap::Command::get_arguments);
    let given = arguments.filter(|argument| {
        let id = argument.get_id().as_str();
        matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
            && !others.contains(&id)
    });
    given
        .map(|argument| match argument.get_long() {
            Some(long) => format!("--{long}"),
            None => "a filter".to_owned(),
        })
        .collect()
}

/// Cargo appends `--bench`, wherever it stands; a missing command is `run`.
fn with_command(arguments: &[String]) -> Vec<String> {
    let command = if names_command(arguments) { None } else { Some("run".to_owned()) };
    let given = arguments.iter().filter(|argument| *argument != "--bench").cloned();
    ["vbench".to_owned()].into_iter().chain(command).chain(given).collect()
}

/// True when the first argument is a command, or asks for help or the version.
fn names_command(arguments: &[String]) -> bool {
    // `--color never show`: the flag belongs to every command, so it may stand before it.
    let value_of_color = |index: usize| index > 0 && arguments[index - 1] == "--color";
    let passed = |(index, argument): &(usize, &String)| {
        *argument == "--bench" || argument.starts_with("--color") || value_of_color(*index)
    };
    let Some((_, first)) = arguments.iter().enumerate().find(|argument| !passed(argument)) else {
        return false;
    };
    command_names().contains(first)
        || ["help", "--help", "-h", "--version", "-V"].contains(&first.as_str())
}

fn command_names() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

fn usage(error: &clap::Error, console: &mut Console<'_>) -> u8 {
    let text = |style: Style| match style.colour {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    if error.use_stderr() {
        let said = text(console.err_style);
        // A flag without a value: test runners write it before the names.
        let twice = error.render().to_string().contains("'--exact' cannot be used multiple times");
        let tip = if twice { "\nname several behind one: --exact NAME NAME\n" } else { "" };
        let _ = write!(console.err, "{said}{tip}");
        USAGE
    } else {
        let _ = write!(console.out, "{}", text(console.style));
        OK
    }
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which description
    #[arg(value_enum, default_value_t)]
    pub what: SchemaKind,
}

/// The generated descriptions of the formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// JSON Schema of result.json.
    #[default]
    Json,
    /// Columns of the CSV files.
    Columns,
}

fn schema(args: &SchemaArgs, console: &mut Console<'_>) -> u8 {
    let text = match args.what {
        SchemaKind::Json => vbench_results::json_schema(),
        SchemaKind::Columns => vbench_results::column_table(),
    };
    let _ = console.out.write_all(text.as_bytes());
    OK
}

fn man(console: &mut Console<'_>) -> Ended {
    let mut pages = Vec::new();
    man_pages(&mut pages).map_err(|error| format!("cannot make the man page: {error}"))?;
    let _ = console.out.write_all(&pages);
    Ok(OK)
}

fn man_pages(out: &mut dyn Write) -> io::Result<()> {
    clap_mangen::Man::new(Cli::command()).render(out)?;
    for command in Cli::command().get_subcommands() {
        let page = clap_mangen::Man::new(command.clone());
        writeln!(out, ".SH COMMAND {}", command.get_name().to_uppercase())?;
        page.render_description_section(out)?;
        page.render_options_section(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_command;

    #[test]
    fn cargo_bench_arguments_mean_run() {
        let read = |text: &str| {
            let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            with_command(&arguments).join(" ")
        };
        assert_eq!(read("--bench"), "vbench run");
        assert_eq!(read("stream --bench"), "vbench run stream");
        assert_eq!(read("--list --format terse"), "vbench run --list --format terse");
        assert_eq!(read("info --bench"), "vbench info");
        assert_eq!(read("--help"), "vbench --help");
        assert_eq!(read("--color never show"), "vbench --color never show");
        assert_eq!(read("--color=always stream"), "vbench run --color=always stream");
    }
}
