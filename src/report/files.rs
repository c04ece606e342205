//! Drawings as PNG and PDF, without a browser. Texts are set in Inter, of which the program carries
//! the letters and signs that reports use.

use crate::report::chart::svg::Drawing;
use krilla::Document;
use krilla::geom::Size;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::Arc;

const FONTS: [&[u8]; 2] =
    [include_bytes!("fonts/Inter-Regular.otf"), include_bytes!("fonts/Inter-SemiBold.otf")];

/// Pixels per unit of a PNG.
const SCALE: f32 = 2.0;

fn options() -> Options<'static> {
    let mut fonts = fontdb::Database::new();
    for font in FONTS {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family("Inter");
    Options { font_family: "Inter".to_owned(), fontdb: Arc::new(fonts), ..Options::default() }
}

fn tree(drawing: &Drawing, options: &Options<'_>) -> Result<Tree, String> {
    let text = drawing.document("", "");
    Tree::from_str(&text, options).map_err(|error| format!("a figure is no sound SVG: {error}"))
}

/// The drawing as PNG, two pixels for a unit.
///
/// # Errors
/// The drawing is too large for a picture.
pub fn png(drawing: &Drawing) -> Result<Vec<u8>, String> {
    let tree = tree(drawing, &options())?;
    let (width, height) = (tree.size().width() * SCALE, tree.size().height() * SCALE);
    let pixels = Pixmap::new(width.ceil() as u32, height.ceil() as u32);
    let mut pixels = pixels.ok_or_else(|| format!("{width} x {height} pixels are no picture"))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| format!("cannot encode a PNG: {error}"))
}

/// One page of A4 for each drawing; texts stay texts.
///
/// # Errors
/// A page that cannot be drawn.
pub fn pdf(pages: &[Drawing], title: &str) -> Result<Vec<u8>, String> {
    let options = options();
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(title.to_owned()).creator("vbench".to_owned()));
    // A4 in points, at 72 to the inch.
    let (width, height) = (595.276, 841.89);
    for drawing in pages {
        let tree = tree(drawing, &options)?;
        let settings = PageSettings::from_wh(width, height).ok_or("no page of this size")?;
        let size = Size::from_wh(width, height).ok_or("no page of this size")?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        let drawn = surface.draw_svg(&tree, size, SvgSettings::default());
        surface.finish();
        page.finish();
        drawn.ok_or("a page cannot be drawn")?;
    }
    document.finish().map_err(|error| format!("cannot write the PDF: {error:?}"))
}

#[cfg(test)]
mod tests;
