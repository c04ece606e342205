//! Values that fill a square, node by node or vCPU by vCPU: where they are stored, and what they say
//! in a sentence.

use crate::host::cpulist;
use crate::measured::{CLAIMED, HIGH, LOW, PAIRS, Pairs};
use crate::stats::median;
use crate::text::inert;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Better, CaseId, CaseResult, Environment, Launch, Value};

/// Pairs of axes that make a square, rows first.
const AXES: &[(&str, &str)] = &[
    ("cpu_node", "memory_node"),
    ("from", "to"),
    ("cpu_a", "cpu_b"),
    ("first", "second"),
    ("gpu_from", "gpu_to"),
];
/// An axis that holds both, such as `pair=0>1`.
const PAIR: &str = "pair";

/// Numbers by row and column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Square {
    /// What the rows are: an axis, such as `cpu_node`.
    pub rows_are: String,
    /// What the columns are.
    pub columns_are: String,
    /// Names of the rows, in the order of their numbers.
    pub rows: Vec<String>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Row by row in base units; nothing where there is no number.
    pub values: Vec<Option<f64>>,
}

/// A place in a square.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which row.
    pub row: String,
    /// Which column.
    pub column: String,
}

/// What the rows and the columns of a square are, where a case with these axes is a cell of one.
pub fn axes<'a>(names: impl Fn(&str) -> Option<&'a str>) -> Option<(&'a str, &'a str)> {
    let both = AXES.iter().find_map(|(rows, columns)| Some((names(rows)?, names(columns)?)));
    both.or_else(|| names(PAIR).map(|_| ("from", "to")))
}

/// What the rows and the columns are, the place of a case in its square, and the case without it.
pub fn place(case: &CaseId) -> Option<((&str, &str), Place, CaseId)> {
    let mut rest = case.clone();
    if let Some(pair) = case.params.get(PAIR) {
        let (row, column) = pair.split_once(['>', '-'])?;
        rest.params.remove(PAIR);
        let place = Place { row: row.to_owned(), column: column.to_owned() };
        return Some((("from", "to"), place, rest));
    }
    let (rows, columns) =
        axes(|name| case.params.get_key_value(name).map(|(name, _)| name.as_str()))?;
    let row = rest.params.remove(rows)?;
    let column = rest.params.remove(columns)?;
    // Between the host and GPUs (nvbandwidth) the numbers of rows are not those of columns.
    let to_host = (rows, columns) == ("from", "to") && case.benchmark.contains("host");
    let are = if to_host { HOST } else { (rows, columns) };
    Some((are, Place { row, column }, rest))
}

/// Rows and columns that are two kinds of things.
const HOST: (&str, &str) = ("host", "gpu");

impl Square {
    /// The square of these cells.
    pub fn of((rows_are, columns_are): (&str, &str), cells: &[(Place, f64)]) -> Self {
        let mut square = Self {
            rows_are: rows_are.to_owned(),
            columns_are: columns_are.to_owned(),
            rows: names(cells.iter().map(|(place, _)| &place.row)),
            columns: names(cells.iter().map(|(place, _)| &place.column)),
            values: Vec::new(),
        };
        // Where rows and columns are of one kind both have all names, so that the diagonal is one.
        let alike = (rows_are, columns_are) != HOST;
        if alike && square.rows.iter().any(|row| square.columns.contains(row)) {
            let all = names(square.rows.iter().chain(&square.columns));
            square.rows.clone_from(&all);
            square.columns = all;
        }
        square.fill(cells);
        square
    }

    fn fill(&mut self, cells: &[(Place, f64)]) {
        let index = |names: &[String]| -> BTreeMap<String, usize> {
            names.iter().cloned().enumerate().map(|(place, name)| (name, place)).collect()
        };
        let (rows, columns) = (index(&self.rows), index(&self.columns));
        self.values = vec![None; rows.len() * columns.len()];
        for (place, value) in cells {
            let at = rows.get(&place.row).zip(columns.get(&place.column));
            let cell = at.and_then(|(r, c)| self.values.get_mut(r * columns.len() + c));
            if let Some(cell) = cell.filter(|_| value.is_finite()) {
                *cell = Some(*value);
            }
        }
    }

    /// The number of a row and a column.
    pub fn value(&self, row: usize, column: usize) -> Option<f64> {
        self.values.get(row * self.columns.len() + column).copied().flatten()
    }

    /// The known numbers with their rows and columns.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let wide = self.columns.len().max(1);
        let cell =
            move |(at, value): (usize, &Option<f64>)| Some((at / wide, at % wide, (*value)?));
        self.values.iter().enumerate().filter_map(cell)
    }
}

/// Names in the order of the numbers that they are.
fn names<'a>(all: impl Iterator<Item = &'a String>) -> Vec<String> {
    let number = |name: &str| name.parse::<f64>().map_or(u64::MAX, |number| number.max(0.0) as u64);
    let sorted: BTreeSet<(u64, &String)> = all.map(|name| (number(name), name)).collect();
    sorted.into_iter().map(|(_, name)| name.clone()).collect()
}

/// The table of pairs of vCPUs that launches of these cases stored as a fact: of several launches
/// the quantile that leaves out what was disturbed.
pub fn stored<'r>(
    cases: impl IntoIterator<Item = &'r CaseResult>,
    better: Better,
) -> Option<Square> {
    let launches = cases.into_iter().flat_map(|case| &case.launches);
    let tables: Vec<Pairs> = launches.filter_map(pairs).collect();
    let cells: Vec<(Place, f64)> = Pairs::joined(&tables, quantile(better))
        .rows()
        .flat_map(|((a, b), [there, back])| {
            let place = |row: usize, column: usize| Place {
                row: row.to_string(),
                column: column.to_string(),
            };
            [(place(a, b), there), (place(b, a), back)]
        })
        .collect();
    (!cells.is_empty()).then(|| Square::of(("vcpu", "vcpu"), &cells))
}

/// The quantile over launches that a joined cell is.
pub fn quantile(better: Better) -> f64 {
    if better == Better::Higher { HIGH } else { LOW }
}

/// Whether a launch of the case stored a table of pairs.
pub fn has_pairs(case: &CaseResult) -> bool {
    case.launches.iter().any(|launch| launch.facts.contains_key(PAIRS))
}

fn pairs(launch: &Launch) -> Option<Pairs> {
    Pairs::from_value(launch.facts.get(PAIRS)?)
}

/// What is known about where the rows and columns of a square lie.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// CPUs that are claimed to share a core or a cache, and which of the two.
    groups: Vec<Vec<usize>>,
    shared: &'static str,
    nodes: Vec<(usize, Vec<usize>)>,
    distances: Vec<Vec<f64>>,
}

impl Layout {
    /// What a run knows about its machine, and the launches of `case` about their pairs.
    pub fn of(environment: &Environment, case: Option<&CaseResult>) -> Self {
        let claimed =
            case.into_iter().flat_map(|case| &case.launches).find_map(|l| l.facts.get(CLAIMED));
        let lists = |value: &Value| match value {
            Value::List(lists) => {
                lists.iter().filter_map(|list| cpulist::parse(&list.to_string()).ok()).collect()
            }
            _ => Vec::new(),
        };
        let groups: Vec<Vec<usize>> = claimed.map(lists).unwrap_or_default();
        let cores = case.is_some_and(|case| case.case.benchmark.contains("interference"));
        Self {
            // One group of all tells nobody apart.
            groups: if groups.len() > 1 { groups } else { Vec::new() },
            shared: if cores { "same core" } else { "same cache" },
            nodes: nodes(environment),
            distances: environment
                .value("numa.distances")
                .and_then(crate::measured::rows)
                .unwrap_or_default(),
        }
    }

    /// How near a row and a column are: a rank, and what such places are called.
    fn relation(&self, square: &Square, row: &str, column: &str) -> Option<(u32, String)> {
        let of_nodes = square.rows_are.ends_with("node");
        if (square.rows_are.as_str(), square.columns_are.as_str()) == HOST {
            return Some((0, "each".to_owned()));
        }
        if !of_nodes && square.rows_are != "vcpu" {
            return Some(if row == column { (0, "local".into()) } else { (1, "elsewhere".into()) });
        }
        let (a, b): (usize, usize) = (row.parse().ok()?, column.parse().ok()?);
        Some(if of_nodes { self.of_nodes(a, b) } else { self.of_cpus(a, b) })
    }

    fn of_nodes(&self, a: usize, b: usize) -> (u32, String) {
        if a == b {
            return (0, "local".to_owned());
        }
        let place = |id: usize| self.nodes.iter().position(|(node, _)| *node == id);
        let known = place(a).zip(place(b)).and_then(|(a, b)| self.distances.get(a)?.get(b));
        match known {
            Some(distance) => (*distance as u32, format!("at distance {distance}")),
            None => (u32::MAX, "elsewhere".to_owned()),
        }
    }

    fn of_cpus(&self, a: usize, b: usize) -> (u32, String) {
        let together = |group: &&Vec<usize>| group.contains(&a) && group.contains(&b);
        if self.groups.iter().any(|group| together(&group)) {
            return (0, self.shared.to_owned());
        }
        match self.nodes.iter().any(|(_, cpus)| together(&cpus)) {
            true => (1, "same node".to_owned()),
            false if self.nodes.len() > 1 => (2, "other node".to_owned()),
            false => (2, "elsewhere".to_owned()),
        }
    }
}

/// The memory nodes of a machine and their CPUs, as far as they are known.
pub fn nodes(environment: &Environment) -> Vec<(usize, Vec<usize>)> {
    let node = |name: &String| -> Option<(usize, Vec<usize>)> {
        let id = name.strip_prefix("numa.node.")?.strip_suffix(".cpus")?.parse().ok()?;
        let list = environment.value(name)?.to_string();
        Some((id, cpulist::parse(&list).unwrap_or_default()))
    };
    let mut nodes: Vec<_> = environment.facts.keys().filter_map(node).collect();
    nodes.sort_unstable();
    nodes
}

/// A row that is further from all others than places like it are, by this share, is named: medians
/// over many pairs scatter by far less (5% between launches, `docs/placement.md`).
const FAR: f64 = 0.2;
/// Of fewer rows none can be told to be unlike the others.
const LEAST_ROWS: usize = 4;

/// What a square says: the median of places that are equally near, nearest first, and the row that
/// is unlike its kind. `text` writes a number with its unit.
pub fn sentence(
    square: &Square,
    layout: &Layout,
    better: Better,
    text: &dyn Fn(f64) -> String,
) -> String {
    let mut classes: BTreeMap<(u32, String), Vec<f64>> = BTreeMap::new();
    for (row, column, value) in square.cells() {
        let (row, column) = (&square.rows[row], &square.columns[column]);
        if let Some(class) = layout.relation(square, row, column) {
            classes.entry(class).or_default().push(value);
        }
    }
    let medians: Vec<(&str, f64)> = classes
        .iter_mut()
        .map(|((_, name), values)| {
            values.sort_by(f64::total_cmp);
            (name.as_str(), median(values))
        })
        .collect();
    let mut parts: Vec<String> = match medians.as_slice() {
        [] => return String::new(),
        [(_, only)] => vec![format!("median {}", text(*only))],
        all => all.iter().map(|(name, value)| format!("{name} {}", text(*value))).collect(),
    };
    if let (Some(("local", near)), Some((_, far)), Some(last)) =
        (medians.first(), medians.last(), parts.last_mut())
        && medians.len() > 1
        && *near > 0.0
    {
        last.push_str(&format!(" ({:.0}% of local)", 100.0 * far / near));
    }
    let told = inert(&parts.join(", "));
    match unlike(square, layout, better) {
        Some(row) => format!("{told}; {row}"),
        None => told,
    }
}

/// The row that is further away than its kind, in words.
fn unlike(square: &Square, layout: &Layout, better: Better) -> Option<String> {
    if square.rows_are != "vcpu" || square.rows.len() < LEAST_ROWS {
        return None;
    }
    let mut classes: BTreeMap<(u32, String), Vec<f64>> = BTreeMap::new();
    let mut related = Vec::new();
    for (row, column, value) in square.cells().filter(|(_, _, value)| *value > 0.0) {
        let class = layout.relation(square, &square.rows[row], &square.columns[column])?;
        classes.entry(class.clone()).or_default().push(value);
        related.push((row, class, value));
    }
    for values in classes.values_mut() {
        values.sort_by(f64::total_cmp);
    }
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); square.rows.len()];
    for (row, class, value) in related {
        let typical = median(classes.get(&class)?);
        ratios.get_mut(row)?.push(if better == Better::Lower {
            value / typical
        } else {
            typical / value
        });
    }
    let far = ratios.into_iter().enumerate().filter(|(_, ratios)| !ratios.is_empty());
    let far = far.map(|(row, mut ratios)| {
        ratios.sort_by(f64::total_cmp);
        (row, median(&ratios) - 1.0)
    });
    let (row, share) = far.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share > FAR)?;
    let beside = if better == Better::Lower { "above" } else { "short of" };
    Some(format!(
        "vCPU {} is {:.0}% {beside} the median of pairs as near",
        inert(&square.rows[row]),
        100.0 * share
    ))
}

#[cfg(test)]
mod tests {
    use super::{Layout, Place, Square, place, sentence};
    use vbench_results::{Better, Environment, Fact, Reading, Value};

    fn environment(facts: &[(&str, Value)]) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in facts {
            let reading = Reading::Value(value.clone());
            let fact = Fact { reading, source: String::new(), stable: true, identifying: false };
            environment.facts.insert((*name).to_owned(), fact);
        }
        environment
    }

    fn square(
        axes: (&str, &str),
        side: usize,
        value: impl Fn(usize, usize) -> Option<f64>,
    ) -> Square {
        let all = (0..side).flat_map(|row| (0..side).map(move |column| (row, column)));
        let cells: Vec<(Place, f64)> = all
            .filter_map(|(row, column)| {
                let place = Place { row: row.to_string(), column: column.to_string() };
                Some((place, value(row, column)?))
            })
            .collect();
        Square::of(axes, &cells)
    }

    fn told(square: &Square, facts: &[(&str, Value)], better: Better) -> String {
        let layout = Layout::of(&environment(facts), None);
        sentence(square, &layout, better, &|value| format!("{value:.0} ns"))
    }

    #[test]
    fn cases_find_their_place() {
        let find = |id: &str| {
            place(&id.parse().unwrap()).map(|(axes, place, rest)| {
                (format!("{} {}", axes.0, axes.1), place.row, place.column, rest.to_string())
            })
        };
        let texts = |a: &str, r: &str, c: &str, rest: &str| {
            Some((a.into(), r.into(), c.into(), rest.into()))
        };
        assert_eq!(
            find("m::nodes/cpu_node=1,memory_node=2,stores=cached"),
            texts("cpu_node memory_node", "1", "2", "m::nodes/stores=cached")
        );
        assert_eq!(
            find("gpu::peer/pair=0>3,size=4B"),
            texts("from to", "0", "3", "gpu::peer/size=4B")
        );
        assert_eq!(find("m::stream/cpu_node=1"), None);
        assert_eq!(find("m::odd/pair=both"), None);
    }

    #[test]
    fn rows_and_columns_stand_in_the_order_of_their_numbers() {
        let square = square(("from", "to"), 12, |row, column| (row < column).then_some(1.0));
        assert_eq!((square.rows[9].as_str(), square.rows[11].as_str()), ("9", "11"));
        assert_eq!(square.rows, square.columns);
        assert_eq!((square.value(2, 10), square.value(10, 2)), (Some(1.0), None));
    }

    #[test]
    fn nodes_are_told_by_the_distance_that_is_claimed() {
        let row = |values: [i64; 4]| Value::List(values.into_iter().map(Value::from).collect());
        let distances = Value::List(vec![
            row([10, 12, 32, 32]),
            row([12, 10, 32, 32]),
            row([32, 32, 10, 12]),
            row([32, 32, 12, 10]),
        ]);
        let mut facts: Vec<(&str, Value)> = vec![("numa.distances", distances)];
        for name in ["numa.node.0.cpus", "numa.node.1.cpus", "numa.node.2.cpus", "numa.node.3.cpus"]
        {
            facts.push((name, "0-3".into()));
        }
        let near = |row: usize, column: usize| match (row == column, row / 2 == column / 2) {
            (true, _) => 100.0,
            (_, true) => 140.0,
            _ => 250.0,
        };
        let square = square(("cpu_node", "memory_node"), 4, |row, column| Some(near(row, column)));
        assert_eq!(
            told(&square, &facts, Better::Lower),
            "local 100 ns, at distance 12 140 ns, at distance 32 250 ns (250% of local)"
        );
        assert_eq!(
            told(&square, &[], Better::Lower),
            "local 100 ns, elsewhere 250 ns (250% of local)"
        );
    }

    #[test]
    fn a_host_and_its_gpus_have_no_diagonal() {
        let cells: Vec<(Place, f64)> = ["from=0,to=0", "from=0,to=1"]
            .iter()
            .zip([55.0, 40.0])
            .map(|(at, value)| {
                let id = format!("nvbandwidth::host_to_device_memcpy_ce/{at}");
                let id = id.parse().unwrap();
                let (axes, place, _) = place(&id).unwrap();
                assert_eq!(axes, ("host", "gpu"));
                (place, value)
            })
            .collect();
        let square = Square::of(("host", "gpu"), &cells);
        assert_eq!((square.rows.len(), square.columns.len()), (1, 2));
        assert_eq!(told(&square, &[], Better::Higher), "median 48 ns");
        let between = square_of_gpus();
        assert_eq!(
            told(&between, &[], Better::Higher),
            "local 9 ns, elsewhere 5 ns (56% of local)"
        );
    }

    fn square_of_gpus() -> Square {
        square(("from", "to"), 2, |row, column| Some(if row == column { 9.0 } else { 5.0 }))
    }

    #[test]
    fn the_vcpu_that_is_unlike_its_kind_is_named() {
        let facts = [("numa.node.0.cpus", "0-3".into()), ("numa.node.1.cpus", "4-7".into())];
        let far = |row: usize, column: usize| {
            let value = if row / 4 == column / 4 { 50.0 } else { 120.0 };
            (row != column).then_some(if row == 5 || column == 5 { 1.5 * value } else { value })
        };
        let uneven = square(("vcpu", "vcpu"), 8, far);
        assert_eq!(
            told(&uneven, &facts, Better::Lower),
            "same node 50 ns, other node 120 ns; vCPU 5 is 50% above the median of pairs as near"
        );
        let even = square(("vcpu", "vcpu"), 8, |row, column| (row != column).then_some(50.0));
        assert_eq!(told(&even, &facts, Better::Lower), "same node 50 ns, other node 50 ns");
        assert_eq!(told(&even, &[], Better::Lower), "median 50 ns");
        assert_eq!(told(&Square::default(), &facts, Better::Lower), "");
    }
}
