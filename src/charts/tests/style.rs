//! The style sheet: safe inside SVG, allowed by its hash, and with enough contrast on both grounds.

use super::*;

#[test]
fn the_sheet_can_stand_inside_an_svg_and_a_strict_page() {
    assert!(!STYLE.contains(['<', '>', '&']));
    // The example of the CSP specification, level 2.
    assert_eq!(hash_of("alert('Hello, world.');"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
    let page = html(&example(Kind::Line)).unwrap();
    assert!(page.contains(&format!("content=\"default-src 'none'; style-src {}; ", hash_of(STYLE))));
    assert!(page.contains(&format!("<style>{STYLE}</style>")));
    assert!(!page.contains("<script") && !page.contains(" style=") && !page.contains("onload") && !page.contains("url("));
    // One picture for a desk, and one for a phone.
    assert_eq!(count(&page), 2 * 6);
    assert!(page.contains("<td>1,234.5</td>") && page.contains("<td></td>"), "the table has the data, gaps empty");
}

#[test]
fn series_stand_out_three_to_one_and_values_on_cells_four_and_a_half() {
    let (light, dark) = STYLE.split_once("@media screen").unwrap();
    for sheet in [light, dark] {
        let fill = |selector: &str| {
            let rest = sheet.split_once(&format!("{selector} {{ fill: #")).unwrap_or_else(|| panic!("{selector}")).1;
            luminance(&rest[..6])
        };
        let ground = fill(".ground");
        assert!(contrast(fill(".chart text"), ground) >= 7.0);
        assert!(contrast(fill(".muted"), ground) >= 4.5);
        for look in 1..=super::super::style::LOOKS {
            assert!(contrast(fill(&format!(".s{look} .fill")), ground) >= 3.0, "s{look}");
        }
        for level in (0..=6).map(|step| format!("h{step}")).chain((1..=6).map(|step| format!("n{step}"))) {
            assert!(contrast(fill(&format!(".{level} .fill")), fill(&format!(".{level} text"))) >= 4.5, "{level}");
        }
    }
}

fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
