//! The page: one element tree, a style sheet, a small script, and a policy that allows nothing else.

use super::attention::{Finding, findings};
use super::choose::{self, Choice, Class};
use super::embed::figure;
use super::method;
use super::sections::{self, Section};
use super::view::{Kind, View};
use super::{environment, figures, headline, rows, sha256, twins};
use crate::compare::Verdict;
use crate::report::chart::svg::{Drawing, V};
use crate::report::chart::theme;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The whole page.
pub fn page(views: &[View<'_>]) -> String {
    let style =
        format!("{}{STYLE}{}", theme::style(), views.iter().map(columns).collect::<String>());
    let script = compact(SCRIPT);
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        sha256::source(&style),
        sha256::source(&script)
    );
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="generator" content={ "vbench " (env!("CARGO_PKG_VERSION")) };
                title { (title(views)) }
                style { (PreEscaped(style)) }
            }
            body {
                a .skip href="#main" { "Skip to results" }
                (top(views))
                main #main { @for view in views { (group(view)) } }
                footer { div .wrap { "Written by vbench " (env!("CARGO_PKG_VERSION")) ". This file needs no network." } }
                script { (PreEscaped(script)) }
            }
        }
    };
    without_ends_of_cells(&markup.into_string())
}

/// HTML lets the ends of rows and cells be left out, as their tables begin or end what follows
/// (HTML Standard, "Optional tags"); texts are escaped and hold none. They are 4% of a large page.
fn without_ends_of_cells(page: &str) -> String {
    ["</td>", "</th>", "</tr>"].iter().fold(page.to_owned(), |page, end| page.replace(end, ""))
}

/// A script without what only its writers read: comments on lines of their own, and indentation.
fn compact(script: &str) -> String {
    let lines = script.lines().map(str::trim_start);
    let said = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    said.flat_map(|line| [line, "\n"]).collect()
}

/// Rules of the columns of a group's tables: on a phone, where they are not side by side, the name
/// of the configuration above each cell.
fn columns(view: &View<'_>) -> String {
    let name = |(slot, name): (usize, &String)| {
        let (id, child) = (&view.id, slot + 2);
        format!("#{id} .cmp td:nth-child({child})::before{{content:\"{}\"}}", css_text(name))
    };
    let names: String = view.names.iter().enumerate().map(name).collect();
    format!("@media(max-width:760px){{{names}}}\n")
}

/// Text within quotes in a style sheet: all but letters, digits and a few signs by their numbers.
fn css_text(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.');
    let letter = |c| if safe(c) { c.to_string() } else { format!("\\{:x} ", u32::from(c)) };
    text.chars().map(letter).collect()
}

fn title(views: &[View<'_>]) -> String {
    match views {
        [only] => format!("vbench report: {}", group_title(only)),
        _ => format!("vbench report: {}", crate::report::number::counted(views.len(), "group")),
    }
}

fn group_title(view: &View<'_>) -> String {
    let name = crate::report::table::inert(&view.group.name);
    match view.group.kind {
        Kind::Configurations => {
            format!("{name}, {}", crate::report::number::counted(view.names.len(), "configuration"))
        }
        Kind::Twins => {
            format!("{name} on {}", crate::report::number::counted(view.names.len(), "system"))
        }
    }
}

fn top(views: &[View<'_>]) -> Markup {
    html! {
        header .top {
            div .wrap {
                span .brand { "vbench" i { "." } }
                nav .groups aria-label="Groups" {
                    @if views.len() > 1 {
                        @for view in views { a href={ "#" (view.id) } { (group_title(view)) } }
                    }
                }
                div .tools .js-only {
                    button type="button" data-act="print" { "Print" }
                    button type="button" data-act="theme" aria-label="Theme: switch between light and dark" { "\u{25d0} Theme" }
                }
            }
        }
    }
}

fn group(view: &View<'_>) -> Markup {
    let classes = choose::classes(view);
    let sections = sections::all(view);
    let found = findings(view);
    let forest = figures::forest(view);
    html! {
        article .group id=(view.id) aria-labelledby={ (view.id) "-h" } {
            div .wrap { (hero(view, &classes)) }
            (bar(view, &sections, [!classes.is_empty(), !found.is_empty(), forest.is_some()]))
            div .wrap .body {
                (answers(view, &classes, &found))
                (twins::twins(view))
                (cards(view, &classes))
                (rows::compare(view))
                @if let Some(forest) = &forest {
                    (block(view, "real", "Is the difference real?", "A line that crosses the middle may be nothing at all.", html! { (figure(forest)) }))
                }
                @for section in &sections { (chapter(section)) }
                (all_findings(view, &found))
                (machines(view))
                (how(view))
            }
        }
    }
}

fn hero(view: &View<'_>, classes: &[Class<'_>]) -> Markup {
    let mut eyebrow = environment::summary(view);
    eyebrow.extend(method::dates(view));
    if eyebrow.is_empty() {
        eyebrow.push(crate::report::table::inert(&view.group.name));
    }
    html! {
        div .hero {
            p .eyebrow { b { (group_title(view)) } " \u{b7} " (eyebrow.join(" \u{b7} ")) }
            h1 id={ (view.id) "-h" } { (headline::headline(view, classes)) }
            p .lede { (headline::lede(view, classes)) }
            ul .facts { @for fact in facts(view) { li { (fact) } } }
        }
    }
}

fn facts(view: &View<'_>) -> Vec<Markup> {
    let counts = headline::counts(view);
    let fact = |number: String, text: String| html! { b { (number) } " " (text) };
    let mut facts = Vec::new();
    if view.compared() {
        let tested = counts.real + counts.same + counts.unclear;
        facts.push(fact(tested.to_string(), "differences tested".into()));
        facts.push(fact(counts.real.to_string(), "real".into()));
        facts.push(fact(counts.same.to_string(), format!("same within \u{b1}{}", view.margin())));
        facts.push(fact(counts.unclear.to_string(), "unclear".into()));
        if counts.apart > 0 {
            facts.push(fact(counts.apart.to_string(), "not comparable".into()));
        }
    }
    facts.push(html! { (method::launches_each(view)) });
    if let Some(spread) = method::spread(view) {
        facts.push(html! { "median spread " b { (choose::percent(spread)) } });
    }
    let (complete, all) = method::complete(view);
    facts.push(if complete == all {
        html! { "all " b { (all) } " launches complete" }
    } else {
        html! { b { (complete) } " of " (all) " launches complete" }
    });
    facts
}

/// The line of links and configurations that stays in view: one legend for the whole group.
/// What it may lead to is a choice, findings and a forest.
fn bar(view: &View<'_>, sections: &[Section], [choice, findings, forest]: [bool; 3]) -> Markup {
    let link = |id: &str, text: &str| html! { a href={ "#" (view.id) "-" (id) } { (text) } };
    html! {
        div .bar {
            div .wrap {
                nav aria-label={ "Sections of " (group_title(view)) } {
                    @if view.compared() && choice { (link("choose", "Choose")) }
                    @if view.compared() && view.group.kind == Kind::Twins { (link("twins", "Not alike")) }
                    (link("compare", if view.compared() { "Compare" } else { "Numbers" }))
                    @if forest { (link("real", "Is it real?")) }
                    @for section in sections {
                        a href={ "#" (section.id) } { (method::short_title(&section.chapter)) }
                    }
                    @if findings { (link("findings", "Findings")) }
                    (link("environment", "Environment"))
                    (link("method", "Method"))
                }
                @if view.compared() {
                    div .chips role="group" aria-label="Show configurations" {
                        @for (slot, name) in view.names.iter().enumerate() {
                            button .chip type="button" data-slot=(slot) aria-pressed="true"
                                title="Hide or show it everywhere. With Shift: only this one." {
                                (sign(slot)) (name)
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The marker of a slot as a small drawing.
pub fn sign(slot: usize) -> Markup {
    let mut drawing = Drawing::new(12.0, 12.0);
    let fill = if theme::filled(slot) { theme::color(slot) } else { "none" };
    let outline = theme::outline(slot, (6.0, 6.0), 1.0);
    drawing.path(&outline, &[("fill", V::T(fill)), ("stroke", V::T(theme::color(slot)))]);
    PreEscaped(drawing.ornament("sign"))
}

fn key(view: &View<'_>, slot: usize) -> Markup {
    html! { span .k { (sign(slot)) span { (rows::breakable(&view.names[slot])) } } }
}

pub fn block(view: &View<'_>, id: &str, title: &str, question: &str, content: Markup) -> Markup {
    html! {
        section .block id={ (view.id) "-" (id) } {
            h2 { (title) }
            p .q { (question) }
            (content)
        }
    }
}

/// Most findings on the first screen.
const MOST_FOUND: usize = 6;

fn answers(view: &View<'_>, classes: &[Class<'_>], found: &[Finding]) -> Markup {
    let shown = view.compared() && !classes.is_empty();
    html! {
        div .two {
            @if shown { (choices(view, classes)) }
            @if !found.is_empty() {
                section .block .attention {
                    h2 { "Needs attention" }
                    p .q { (crate::report::number::counted(found.len(), "finding")) ". " a href={ "#" (view.id) "-findings" } { "All, with what to do" } }
                    ul .find {
                        @for (index, finding) in found.iter().enumerate().take(MOST_FOUND) {
                            li {
                                a href={ "#" (view.id) "-f" (index) } { (severity(finding)) (finding.title) }
                                p { (finding.effect) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn choices(view: &View<'_>, classes: &[Class<'_>]) -> Markup {
    let twins = view.group.kind == Kind::Twins;
    let (title, use_) = match view.group.kind {
        Kind::Configurations => ("Which configuration for which workload", "Use"),
        Kind::Twins => ("Which system is better at what", "Better"),
    };
    html! {
        section .block id={ (view.id) "-choose" } {
            h2 { (title) }
            p .q { "Only real differences of " (view.margin()) " or more count." }
            table .pick {
                thead { tr {
                    th scope="col" { "If it mostly does \u{2026}" } th scope="col" { (use_) }
                    th scope="col" { "Because" }
                    @if !twins { th scope="col" { "You give up" } }
                } }
                tbody {
                    @for class in classes {
                        @let advice = choose::advice(view, class, classes);
                        tr {
                            th scope="row" { (class.title) small { (class.hint) } }
                            td data-l=(use_) { div { @match advice.choice {
                                Choice::Side(slot) => (key(view, slot)),
                                Choice::Any => b { "any" },
                                Choice::Unclear => span .u { "? unclear" },
                            } } }
                            td data-l="Because" { div { (advice.because) small { (advice.numbers) } } }
                            @if !twins { td data-l="You give up" { div { (advice.gives_up) } } }
                        }
                    }
                }
            }
        }
    }
}

fn severity(finding: &Finding) -> Markup {
    let word = finding.severity.word();
    html! { span .sev .(word) { (word) } " " }
}

fn cards(view: &View<'_>, classes: &[Class<'_>]) -> Markup {
    if !view.compared() {
        return html! {};
    }
    html! {
        div .cards {
            @for slot in 0..view.names.len() {
                div class={ "k" (slot % theme::HUES) " s" (slot) } {
                    h3 { (key(view, slot)) @if slot == 0 { " " span .tag { "baseline" } } }
                    p { (environment::card(view, slot)) }
                    ul {
                        @for (verdict, text) in headline::card(view, slot, classes) {
                            li { span .(verdict_class(verdict)) { (verdict.sign()) } " " (text) }
                        }
                    }
                }
            }
        }
    }
}

fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Improvement => "y",
        Verdict::Regression => "n",
        Verdict::Inconclusive => "u",
        Verdict::Equivalent | Verdict::Incomparable => "e",
    }
}

fn chapter(section: &Section) -> Markup {
    let runs = section.figures.chunk_by(|a, b| a.half && b.half);
    html! {
        section .block id=(section.id) {
            h2 { (section.chapter.title()) }
            p .q { (section.chapter.question()) }
            @if let Some(note) = &section.note { p .same-note { (note) } }
            @for run in runs {
                @match run {
                    [whole] if !whole.half => (figure(whole)),
                    halves => div .half { @for half in halves { (figure(half)) } },
                }
            }
        }
    }
}

fn all_findings(view: &View<'_>, found: &[Finding]) -> Markup {
    if found.is_empty() {
        return html! {};
    }
    let question = "What is wrong with the measurement or the machine, and what to do.";
    block(
        view,
        "findings",
        "Findings",
        question,
        html! {
            @for (index, finding) in found.iter().enumerate() {
                div .fd id={ (view.id) "-f" (index) } {
                    h3 { (severity(finding)) (finding.title) }
                    dl {
                        dt { "Evidence" } dd { (finding.evidence) }
                        dt { "Effect" } dd { (finding.effect) }
                        dt { "Do" } dd { (finding.remedy) }
                        dt { "Check" } dd { (finding.check) }
                        dt { "Certainty" } dd { (finding.certainty) }
                    }
                }
            }
        },
    )
}

fn machines(view: &View<'_>) -> Markup {
    let differences = environment::differences(view);
    let shared = environment::shared(view);
    let question = if view.compared() {
        "Only what differs; the rest is folded."
    } else {
        "What is known about the machine."
    };
    block(
        view,
        "environment",
        "Environment",
        question,
        html! {
            @if view.compared() && differences.layout.is_empty() {
                p .same-note { "No known fact about the layout differs." }
            }
            @if !differences.layout.is_empty() { (fact_table(view, &differences.layout)) }
            @if !differences.others.is_empty() {
                details { summary { "Names, and what is not known everywhere (" (differences.others.len()) ")" } (fact_table(view, &differences.others)) }
            }
            @if !differences.passing.is_empty() {
                p .small { "Amounts of the moment, different in every run: " (differences.passing.join(", ")) "." }
            }
            @if !shared.is_empty() {
                details {
                    summary { (shared.len()) " identical facts" }
                    dl .shared { @for (name, value) in &shared { dt { (name) } dd { (value) } } }
                }
            }
            @if let Some(topology) = environment::topology(view) { div .gap { (figure(&topology)) } }
        },
    )
}

fn fact_table(view: &View<'_>, facts: &[environment::Difference]) -> Markup {
    html! {
        table .env {
            thead { tr { th scope="col" { "Fact" } @for slot in 0..view.names.len() { th scope="col" class=(classes("", slot)) { (key(view, slot)) } } } }
            tbody {
                @for fact in facts {
                    tr {
                        th scope="row" { (fact.fact) }
                        @for (slot, value) in fact.values.iter().enumerate() {
                            td class=(classes(if fact.differs.get(slot) == Some(&true) { "diff" } else { "" }, slot)) data-l=(view.names[slot]) { (value) }
                        }
                    }
                }
            }
        }
    }
}

fn how(view: &View<'_>) -> Markup {
    let (runs, more) = method::runs(view);
    block(
        view,
        "method",
        "Method and raw data",
        "Enough to repeat every number in this report.",
        html! {
            @if let Some(launches) = method::launches(view) { (figure(&launches)) }
            @for rule in method::rules(view) { p { (rule) } }
            details {
                summary { "Stored runs (" (runs.len() + more) ")" }
                table .runs {
                    thead { tr { th scope="col" { "Configuration" } th scope="col" { "Run" } th scope="col" { "Effort" } th scope="col" { "Machine" } th scope="col" { "Command" } } }
                    tbody { @for run in &runs { tr {
                        th scope="row" data-l="Configuration" { (view.names[run.slot]) }
                        td data-l="Run" {
                            @if run.link.is_empty() { (run.id) } @else { a href=(run.link) { (run.id) } }
                            small { (run.started) }
                        }
                        td data-l="Effort" { (run.effort) small { "vbench " (run.version) } }
                        td data-l="Machine" { code { (run.fingerprint) } }
                        td data-l="Command" { code { (run.command) } }
                    } } }
                }
                @if more > 0 { p .small { (more) " more runs are not listed." } }
            }
        },
    )
}

/// A class, and that of the side, by which it is hidden.
pub fn classes(class: &str, slot: usize) -> String {
    format!("{class} s{slot}").trim_start().to_owned()
}
