//! A small check that text is well-formed XML, strict enough to find a missing escape or an element left open.

/// What is wrong with the text, if anything.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap_or(text).trim_end();
    let mut open: Vec<&str> = Vec::new();
    if let Some(bad) = text.chars().find(|&one| one.is_control() && one != '\n' || matches!(one, '\u{fffe}' | '\u{ffff}')) {
        return Err(format!("character {bad:?}"));
    }
    loop {
        let start = rest.find('<').unwrap_or(rest.len());
        references(&rest[..start])?;
        if start == rest.len() {
            break;
        }
        let end = tag_end(&rest[start..])? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let expected = open.pop();
            if expected != Some(name) {
                return Err(format!("</{name}> closes {expected:?}"));
            }
        } else {
            open.push(attributes(tag)?);
        }
        if open.is_empty() && !rest.is_empty() {
            return Err(format!("after the root: {rest}"));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("left open: {open:?}")) }
}

fn tag_end(text: &str) -> Result<usize, String> {
    let mut quoted = false;
    for (index, one) in text.char_indices() {
        match one {
            '"' => quoted = !quoted,
            '>' if !quoted => return Ok(index),
            '<' if index > 0 => return Err(format!("a stray < in {}", &text[..index])),
            _ => {}
        }
    }
    Err("a tag without an end".to_owned())
}

/// The name of an element whose attributes are all `name="value"`, none twice.
fn attributes(tag: &str) -> Result<&str, String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once("=\"").ok_or_else(|| format!("attributes of <{tag}>"))?;
        let (value, after) = after.split_once('"').ok_or_else(|| format!("quotes of <{tag}>"))?;
        references(value)?;
        if seen.contains(&key) || key.contains(' ') {
            return Err(format!("attribute {key} of <{tag}>"));
        }
        seen.push(key);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    Ok(name)
}

fn references(text: &str) -> Result<(), String> {
    for (index, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;"].iter().any(|known| text[index..].starts_with(known));
        if !known {
            return Err(format!("a stray & in {text}"));
        }
    }
    Ok(())
}

#[test]
fn the_check_finds_what_is_wrong() {
    assert_eq!(check("<a b=\"&lt;\"><c>x</c></a>"), Ok(()));
    for wrong in ["<a>", "<a></b>", "<a>&nbsp;</a>", "<a b=c></a>", "<a b=\"1\" b=\"2\"></a>", "<a></a><b></b>", "<a>\u{1}</a>"] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}
