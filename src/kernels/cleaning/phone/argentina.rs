//! Mobile numbers of Argentina: 9 before the area code from abroad, and 15 after it within the country.

/// The area codes of three digits. Buenos Aires has 11, and all others have four digits.
const AREAS_OF_THREE: &[&str] = &[
    "220", "221", "223", "230", "236", "237", "249", "260", "261", "263", "264", "266", "280", "291", "294", "297", "298", "299",
    "336", "341", "342", "343", "345", "348", "351", "353", "358", "362", "364", "370", "376", "379", "380", "381", "383", "385",
    "387", "388",
];

/// Brings a mobile number written with 15 after its area code, without its trunk prefix, to the form dialled from abroad: `11 15 2345 6789`
/// to `9 11 2345 6789`. `None` if it has another form.
pub fn without_15(number: &str) -> Option<String> {
    // Some write both.
    let number = number.strip_prefix('9').filter(|rest| rest.len() == 12).unwrap_or(number);
    let digits = match number {
        number if number.starts_with("11") => 2,
        number if number.get(..3).is_some_and(|area| AREAS_OF_THREE.contains(&area)) => 3,
        number if number.starts_with(['2', '3']) => 4,
        _ => return None,
    };
    let local = number.get(digits..)?.strip_prefix("15")?;
    (number.len() == 12).then(|| format!("9{}{local}", &number[..digits]))
}
