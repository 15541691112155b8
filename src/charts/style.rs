//! How charts look, as one style sheet that a page includes once.
//!
//! The colours are those of Okabe and Ito ("Color Universal Design", 2008), which colour-blind people can tell apart,
//! darkened for a white ground and lightened for a dark one until each stands out at least 3 to 1. Colours are written
//! out by class instead of through CSS variables, because image viewers and office programs read the former only.

use base64::Engine;

/// The style sheet of every chart: light, dark where the reader prefers it on screen, and print, which is light.
pub const STYLE: &str = include_str!("style.css");

/// The source expression that lets a Content-Security-Policy allow `<style>` with exactly this in it.
pub fn hash_of(style: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, style.as_bytes());
    format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest))
}

/// How many looks series have; a chart with more series would use one twice.
pub(super) const LOOKS: usize = 8;

/// The class of a series' look.
pub(super) fn look(index: usize) -> String {
    format!("s{}", index % LOOKS + 1)
}
