//! What vbench stores.
//!
//! A run is a [`ResultSet`]: who ran what on which machine, and every sample with the evidence of
//! its validity. `result.json` holds all of it, `samples.csv` the same samples one row each, and
//! `summary.csv` one row per case and metric. Reading a run needs this crate alone, not the harness.
//!
//! Values are stored in base units (s, B/s, event/s, FLOP/s). A value that is not known is absent
//! and has a reason; it is never zero.

mod case;
mod csv;
mod environment;
mod evidence;
mod fault;
mod metric;
mod result;
mod samples;
mod schema;
mod values;
mod version;

pub use self::case::{CaseId, CaseIdError};
pub use self::csv::{
    SAMPLE_COLUMNS, SUMMARY_COLUMNS, SampleRow, SummaryRow, read_samples, read_summary,
    write_samples, write_summary,
};
pub use self::environment::{Environment, Fact, Reading, Value};
pub use self::evidence::{Counts, Evidence};
pub use self::metric::{Better, Metric, Role, Scale, Unit};
pub use self::result::{
    CaseResult, Estimator, JournalHeader, JournalLine, Launch, Outcome, Repeat, ResultSet, Run,
};
pub use self::samples::read_runs;
pub use self::schema::{column_table, json_schema};
pub use self::values::Values;
pub use self::version::{ReadError, SCHEMA_VERSION, check_version};
