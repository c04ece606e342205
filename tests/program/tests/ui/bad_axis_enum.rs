use vbench::prelude::*;

#[derive(Clone, Copy, AxisValue)]
enum Size {
    Small,
    Of(u64),
}

#[derive(Clone, Copy, AxisValue)]
enum Route {
    #[axis(rename = "host to device")]
    Upload,
}

fn main() {}
