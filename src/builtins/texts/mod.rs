//! Strings: similarity, values inserted into a string, matches replaced, and other alphabets.

pub mod encoded;
pub mod likeness;
pub mod numbers;
pub mod printed;
pub mod replaced;

use super::scalar::Scalar;

/// The functions of this module.
pub static ALL: [&Scalar; 9] = [
    &likeness::LEN,
    &likeness::DAMERAU,
    &likeness::JARO,
    &likeness::JARO_WINKLER,
    &likeness::JACCARD,
    &likeness::HAMMING,
    &likeness::SOUNDEX,
    &printed::FORMAT,
    &printed::PRINTF,
];
