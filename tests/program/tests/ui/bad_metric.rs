use vbench::prelude::*;

#[derive(Metrics)]
struct Keys {
    #[metric(unit = "s")]
    time: Seconds,
}

#[derive(Metrics)]
struct Roles {
    #[metric(control, info)]
    time: Seconds,
}

#[derive(Metrics)]
struct Names {
    #[metric(name = "write")]
    read: BytesPerSec,
    write: BytesPerSec,
}

#[derive(Metrics)]
struct Resolution {
    #[metric(resolution = 0)]
    time: Seconds,
}

fn main() {}
