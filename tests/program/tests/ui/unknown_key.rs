use vbench::prelude::*;

#[vbench(kind = "cpu", sampels = 20)]
fn typo() {}

#[vbench(kind = "cpu", threads = 4)]
fn no_such_key() {}

fn main() {}
