use vbench::prelude::*;

enum Page {
    Small,
    Huge,
}

impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Huge) { "huge" } else { "small" })
    }
}

#[vbench(kind = "memory")]
fn touch(b: &mut Bencher, #[axis([Page::Small, Page::Huge])] page: Page) -> Samples<Seconds> {
    b.iter(|| matches!(page, Page::Huge))
}

fn main() {}
