//! How charts look, as one style sheet that a page includes once.
//!
//! The colours are those of Okabe and Ito ("Color Universal Design", 2008), which colour-blind people can distinguish, darkened for a white
//! background and lightened for a dark one until each has a contrast of at least 3 to 1. Colours are set by class instead of through CSS
//! variables, which image viewers and office programs do not support.

use base64::Engine;

/// The style sheet of every chart: light, dark where the reader prefers it on screen, and print, which is light.
pub const STYLE: &str = include_str!("style.css");

/// The source expression with which a Content-Security-Policy allows a `<style>` with exactly this content.
pub fn hash_of(style: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, style.as_bytes());
    format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest))
}

/// The number of styles for series; a chart with more series would use one twice.
pub(super) const LOOKS: usize = 8;

/// The class with the style of a series.
pub(super) fn look(index: usize) -> String {
    format!("s{}", index % LOOKS + 1)
}
