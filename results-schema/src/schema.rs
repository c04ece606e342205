//! The generated descriptions of the formats: JSON Schema and column table.

use crate::{ResultSet, SAMPLE_COLUMNS, SCHEMA_VERSION, SUMMARY_COLUMNS};

/// JSON Schema (draft 2020-12) of `result.json`.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(ResultSet);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}

/// The columns of both CSV files as a Markdown document.
pub fn column_table() -> String {
    let mut text = format!("# Columns of the CSV files, schema version {SCHEMA_VERSION}\n");
    for (file, columns) in [("samples.csv", SAMPLE_COLUMNS), ("summary.csv", SUMMARY_COLUMNS)] {
        text.push_str(&format!("\n## {file}\n\n| column | meaning |\n|---|---|\n"));
        for (name, meaning) in columns {
            text.push_str(&format!("| {name} | {meaning} |\n"));
        }
    }
    text
}
