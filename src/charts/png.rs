//! Pixel pictures, for programs that do not take SVG.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, FaceInfo, Family, Query, Source};
use resvg::usvg::{Options, Tree};
use ttf_parser::Face;

use super::{Chart, ChartError, standalone_svg};

/// Pixels per SVG unit: screens and paper have a higher resolution.
const SCALE: f32 = 2.0;

/// Fonts to use if the system names none; those with Chinese come first.
const FAMILIES: [&str; 8] = [
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "Noto Sans",
    "DejaVu Sans",
    "Liberation Sans",
    "Arial",
];

/// The chart as a PNG file, in light colours, with the fonts of this system.
///
/// # Errors
/// As for [`super::svg()`]; and when the system has no font to write with.
pub fn png(chart: &Chart, width: u32) -> Result<Vec<u8>, ChartError> {
    let picture = standalone_svg(chart, width)?;
    let fonts = Arc::new(read_once(&fonts()));
    if fonts.is_empty() {
        return Err(ChartError::new("this system has no fonts to draw a .png with; install some, or write .svg or .html"));
    }
    if let Some(letter) = picture.chars().find(|letter| *letter >= CHINESE && !letter.is_control())
        && !has_letter(&fonts, '中')
    {
        let problem = format!("no font of this system has {letter}; install one, such as Noto Sans CJK, or write .svg or .html");
        return Err(ChartError::new(problem));
    }
    let options = Options { fontdb: fonts, ..Options::default() };
    let problem = |error: &dyn std::fmt::Display| ChartError::new(format!("the picture cannot be drawn: {error}"));
    let tree = Tree::from_str(&picture, &options).map_err(|error| problem(&error))?;
    let size = tree.size();
    let (wide, high) = ((size.width() * SCALE).ceil(), (size.height() * SCALE).ceil());
    let mut pixels = Pixmap::new(wide as u32, high as u32).ok_or_else(|| problem(&"it is too large"))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| problem(&error))
}

/// The first character of the East Asian scripts.
const CHINESE: char = '\u{2e80}';

/// Whether any font has a character.
fn has_letter(fonts: &Database, letter: char) -> bool {
    fonts.faces().any(|face| {
        let has = |data: &[u8], index| Face::parse(data, index).is_ok_and(|face| face.glyph_index(letter).is_some());
        fonts.with_face_data(face.id, has).unwrap_or(false)
    })
}

/// The file of a font, which is read when it is first needed.
struct FontFile {
    path: PathBuf,
    data: OnceLock<Vec<u8>>,
}

impl AsRef<[u8]> for FontFile {
    fn as_ref(&self) -> &[u8] {
        // A file that is gone has no letters.
        self.data.get_or_init(|| std::fs::read(&self.path).unwrap_or_default())
    }
}

/// The same fonts for one picture: otherwise, their files are read again for each text, and a font with Chinese has 20 MB.
fn read_once(fonts: &Database) -> Database {
    let mut files: HashMap<PathBuf, Arc<FontFile>> = HashMap::new();
    let mut held = fonts.clone();
    let faces: Vec<FaceInfo> = fonts.faces().cloned().collect();
    // All are taken out and put back, so that their order stays.
    for face in &faces {
        held.remove_face(face.id);
    }
    for mut face in faces.into_iter().rev() {
        if let Source::File(path) = &face.source {
            let file =
                files.entry(path.clone()).or_insert_with(|| Arc::new(FontFile { path: path.clone(), data: OnceLock::new() }));
            face.source = Source::Binary(Arc::<FontFile>::clone(file));
        }
        held.push_face_info(face);
    }
    held
}

/// The fonts of the system, searched only once.
fn fonts() -> Arc<Database> {
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    let found = FONTS.get_or_init(|| {
        let mut fonts = Database::new();
        fonts.load_system_fonts();
        let has =
            |fonts: &Database, name: &str| fonts.query(&Query { families: &[Family::Name(name)], ..Query::default() }).is_some();
        let first = || fonts.faces().find_map(|face| face.families.first().map(|(name, _)| name.clone()));
        let own = FAMILIES.iter().find(|name| has(&fonts, name)).map(|name| (*name).to_string());
        if let Some(family) = own.or_else(first) {
            fonts.set_sans_serif_family(family);
        }
        Arc::new(fonts)
    });
    Arc::clone(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fonts_of_a_picture_are_those_of_the_system_in_the_same_order() {
        let fonts = fonts();
        let held = read_once(&fonts);
        let names = |fonts: &Database| fonts.faces().map(|face| face.post_script_name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&held), names(&fonts));
        assert_eq!(held.family_name(&Family::SansSerif), fonts.family_name(&Family::SansSerif));
        assert!(held.faces().all(|face| !matches!(face.source, Source::File(_))));
        // Faces of one file share what is read.
        let file = FontFile { path: std::env::temp_dir().join("no such font"), data: OnceLock::new() };
        assert!(file.as_ref().is_empty());
    }
}
