//! Finds the list of rows within an object, as services wrap it: `{"data": {"items": [{…}]}, "total": 1}`.

use super::tokens::{Begins, Cursor, Wrong};

/// Where names lead.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// To a list, whose values begin here.
    List(usize),
    /// To a value of another kind, by the names up to it.
    Other(String),
    /// Nowhere, because an object does not have the name.
    Missing { name: String, known: Vec<String> },
}

/// Follows names from the value that comes next into objects.
///
/// # Errors
/// The text up to there is not valid JSON, or is cut off.
pub fn follow(cursor: &mut Cursor<'_>, path: &[String]) -> Result<Place, Wrong> {
    for (depth, name) in path.iter().enumerate() {
        if cursor.begins()? != Begins::Object {
            return Ok(Place::Other(path[..depth].join(".")));
        }
        cursor.at += 1;
        let mut known = vec![];
        loop {
            let Some(own) = cursor.name(known.is_empty())? else {
                return Ok(Place::Missing { name: name.clone(), known });
            };
            let mut plain = vec![];
            own.unescaped(&mut plain).ok_or_else(|| cursor.wrong("a name with an escape that JSON does not have"))?;
            if plain == name.as_bytes() {
                break;
            }
            known.push(String::from_utf8_lossy(&plain).into_owned());
            cursor.skip()?;
        }
    }
    if cursor.begins()? != Begins::List {
        return Ok(Place::Other(path.join(".")));
    }
    Ok(Place::List(cursor.at + 1))
}

/// Consumes what follows the list: the other members of the objects around it, and nothing else.
///
/// # Errors
/// It is not valid JSON, or there is another object, whose rows would be missing.
pub fn leave(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Wrong> {
    for _ in 0..depth {
        while cursor.name(false)?.is_some() {
            cursor.skip()?;
        }
    }
    match cursor.peek() {
        None => Ok(()),
        Some(_) => Err(cursor.wrong("something after the object with the list; path is for files of one object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_a_list() {
        let text = br#" {"a": [1, {"data": []}], "d\u0061ta": {"x": "}", "items" : [ {"b": 1} ], "n": 1}, "total": {}} "#;
        let to = |path: &str| {
            let path: Vec<String> = path.split('.').map(String::from).collect();
            follow(&mut Cursor::new(text), &path)
        };
        let at = text.iter().rposition(|byte| *byte == b'[').unwrap() + 1;
        assert_eq!(to("data.items"), Ok(Place::List(at)));
        assert_eq!(to("data"), Ok(Place::Other("data".into())));
        assert_eq!(to("data.x.y"), Ok(Place::Other("data.x".into())));
        let known = vec!["a".into(), "data".into(), "total".into()];
        assert_eq!(to("rows"), Ok(Place::Missing { name: "rows".into(), known }));
        let end = text.iter().rposition(|byte| *byte == b']').unwrap() + 1;
        let rest = |more: &str| leave(&mut Cursor::new(&[&text[end..], more.as_bytes()].concat()), 2);
        assert_eq!(rest("\n"), Ok(()));
        assert!(rest("{}").is_err());
        assert!(leave(&mut Cursor::new(b", \"n\": 1}"), 2).is_err());
    }
}
