//! Titles above the header.

/// The first name, when every other column is named after its place. A line with a title has no more: programs that write tables fill the
/// rest of it with separators.
pub fn title(names: &[String]) -> Option<&str> {
    let is_made = |(place, name): (usize, &String)| *name == format!("column{}", place + 1);
    let mut made = names.iter().enumerate().map(is_made);
    let is_titled = names.len() > 1 && made.next() == Some(false) && made.all(|is_made| is_made);
    names.first().filter(|_| is_titled).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_only_name() {
        let of = |names: &[&str]| title(&names.iter().map(ToString::to_string).collect::<Vec<_>>()).map(String::from);
        assert_eq!(of(&["Report", "column2", "column3"]), Some("Report".into()));
        for names in [&["a"][..], &["column1", "column2"], &["a", "b"], &["a", "b", "column3"], &["column1", "b"]] {
            assert_eq!(of(names), None, "{names:?}");
        }
    }
}
