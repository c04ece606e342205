//! GPUs: where each one hangs, and how fast its link is.

use super::View;
use super::layout::Page;
use crate::environment::NO_NODE;
use crate::host::cpulist;
use vbench_results::Value;

/// Name of a GPU: its model, else its ids.
pub(super) fn model(view: &View<'_>, gpu: i64) -> String {
    let fact = |part: &str| view.or_unknown(&format!("gpu.{gpu}.{part}"));
    let model = view.text(&format!("gpu.{gpu}.model"));
    model.unwrap_or_else(|| format!("{} {}", fact("vendor"), fact("device")))
}

/// Three lines per GPU.
pub(super) fn gpus(view: &View<'_>, page: &mut Page) {
    let number = view.integer("gpu.count").unwrap_or(0);
    if number == 0 {
        return;
    }
    page.section("GPUs");
    let nodes: Vec<_> = (0..number).map(|gpu| view.text(&format!("gpu.{gpu}.node"))).collect();
    let rows: Vec<_> = (0..number)
        .zip(&nodes)
        .map(|(gpu, node)| {
            let fact = |part: &str| view.text(&format!("gpu.{gpu}.{part}"));
            let driver = [fact("driver"), fact("driver_version")];
            let driver = driver.into_iter().flatten().collect::<Vec<_>>().join(" ");
            vec![
                gpu.to_string(),
                fact("pci").unwrap_or_default(),
                model(view, gpu),
                node.clone().unwrap_or_else(|| "-".to_owned()),
                if driver.is_empty() { "no driver".to_owned() } else { driver },
            ]
        })
        .collect();
    page.table(&["GPU", "bus", "model", "node", "driver"], &rows);
    if (0..number).any(|gpu| view.reason(&format!("gpu.{gpu}.node")) == Some(NO_NODE)) {
        page.paragraph(2, 4, &no_node(view));
    }
    page.section("GPU links and paths");
    for gpu in 0..number {
        page.paragraph(2, 6, &format!("{gpu}\u{a0}\u{a0} {}", link(view, gpu)));
        if let Some(text) = loaded(view, gpu) {
            page.paragraph(6, 8, &text);
        }
        let path = view.environment.value(&format!("gpu.{gpu}.path_to_root"));
        if let Some(Value::List(path)) = path {
            let path: Vec<_> = path.iter().map(Value::to_string).collect();
            page.paragraph(6, 8, &format!("behind {}", path.join(" < ")));
        }
        page.paragraph(6, 8, &near(view, gpu));
        for text in between(view, gpu) {
            page.paragraph(6, 8, &text);
        }
    }
    if (0..number).all(|gpu| loaded(view, gpu).is_none()) {
        page.paragraph(
            2,
            4,
            "under load: not looked at; vbench info --under-load copies to each GPU",
        );
    }
}

/// The link while something was copied, where that was asked for.
fn loaded(view: &View<'_>, gpu: i64) -> Option<String> {
    let name = format!("gpu.{gpu}.link_under_load");
    let known = view.text(&name).map(|text| format!("under load {text}"));
    known.or_else(|| view.reason(&name).map(|why| format!("under load unknown: {why}")))
}

/// The CPUs nearest to it, as the kernel lists them.
fn near(view: &View<'_>, gpu: i64) -> String {
    let name = format!("gpu.{gpu}.local_cpus");
    let Some(list) = view.text(&name) else {
        return format!("near CPUs unknown: {}", view.reason(&name).unwrap_or("not asked"));
    };
    let near = cpulist::parse(&list).map_or(0, |cpus| cpus.len());
    match near {
        0 => format!("near no CPU ({list})"),
        near if near == view.topology.cpus.len() => {
            format!("near CPUs {list}, which are all: nothing is nearer")
        }
        _ => format!("near CPUs {list}"),
    }
}

/// Links to other GPUs, where a driver tells them: NVIDIA's by NVML, AMD's by the compute driver.
fn between(view: &View<'_>, gpu: i64) -> Vec<String> {
    let links = view.text(&format!("gpu.{gpu}.nvlinks"));
    let peers = view.text(&format!("gpu.{gpu}.peers"));
    let links = links.map(|links| format!("{links} NVLinks up"));
    let peers = peers.map(|peers| format!("reaches without the host: {peers}"));
    let parts: Vec<_> = [links, peers].into_iter().flatten().collect();
    let told = Some(parts.join("; ")).filter(|text| !text.is_empty());
    let ways = match view.environment.value(&format!("gpu.{gpu}.ways_to_gpus")) {
        Some(Value::List(ways)) if ways.is_empty() => {
            vec!["reaches no GPU without the host".into()]
        }
        Some(Value::List(ways)) => ways.iter().map(|way| format!("reaches by {way}")).collect(),
        _ => Vec::new(),
    };
    told.into_iter().chain(ways).collect()
}

/// What node -1 means, which depends on how many nodes there are.
fn no_node(view: &View<'_>) -> String {
    let harm = match view.topology.nodes.len() {
        0 | 1 => "with one node there is nothing to choose between",
        _ => {
            "host memory and threads cannot be put near such a GPU by asking, and some programs \
              take -1 for node 0"
        }
    };
    format!("node -: {NO_NODE}; {harm}")
}

/// Speed and width now, the most that both ends can do, and what to think of a difference.
fn link(view: &View<'_>, gpu: i64) -> String {
    let fact = |part: &str| view.integer(&format!("gpu.{gpu}.{part}"));
    let shown = |speed: Option<i64>, width: Option<i64>| match (speed, width) {
        (None, None) => "unknown".to_owned(),
        (speed, width) => format!("{} x{}", rate(speed), lanes(width)),
    };
    let (speed, width) = (fact("link_speed"), fact("link_width"));
    let port = |part: &str| fact(&format!("upstream.0.{part}"));
    let (own_speed, own_width) = (fact("link_speed_max"), fact("link_width_max"));
    let most_speed = least(own_speed, port("link_speed_max"));
    let most_width = least(own_width, port("link_width_max"));
    let mut text = format!("link {}, at most {}", shown(speed, width), shown(own_speed, own_width));
    if most_speed < own_speed || most_width < own_width {
        text.push_str(&format!(
            ", its port {}",
            shown(port("link_speed_max"), port("link_width_max"))
        ));
    }
    if below(width, most_width) {
        text.push_str("; FEWER LANES than both ends have");
    }
    if below(speed, most_speed) {
        text.push_str("; slower than both ends can, which is normal while idle");
    }
    text
}

fn least(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    a.into_iter().chain(b).min()
}

fn below(now: Option<i64>, most: Option<i64>) -> bool {
    now.zip(most).is_some_and(|(now, most)| now < most)
}

fn rate(speed: Option<i64>) -> String {
    speed.map_or_else(|| "?".to_owned(), |speed| format!("{} GT/s", speed as f64 / 1e9))
}

fn lanes(width: Option<i64>) -> String {
    width.map_or_else(|| "?".to_owned(), |width| width.to_string())
}
