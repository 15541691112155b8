//! Types, operators, casts and keywords: PostgreSQL's rows for the types that are used here.

use super::data::{self, Row, Table, row};
use super::row;
use crate::postgres_catalog::{OWNER, PG_CATALOG, PostgresCatalog, Relation};

/// The rows of a table about types; `None` for tables about other things.
pub fn rows(table: &Table, catalog: &PostgresCatalog) -> Option<Vec<Row>> {
    let of_file = |file: &[data::Words], more: fn() -> Row| {
        file.iter()
            .map(|words| {
                let mut values = more();
                values.extend(row(table, words));
                values
            })
            .collect()
    };
    Some(match table.name {
        "pg_type" => {
            let mut rows: Vec<Row> = of_file(&data::TYPES, || {
                row! {"typnamespace": PG_CATALOG, "typowner": OWNER, "typisdefined": true, "typtypmod": -1}
            });
            rows.extend(catalog.relations.iter().filter_map(of_rows));
            rows
        }
        "pg_cast" => of_file(&data::CASTS, Vec::new),
        "pg_operator" => of_file(&data::OPERATORS, || row! {"oprnamespace": PG_CATALOG, "oprowner": OWNER}),
        "pg_opclass" => of_file(&data::OPERATOR_CLASSES, || row! {"opcnamespace": PG_CATALOG, "opcowner": OWNER}),
        "pg_opfamily" => of_file(&data::OPERATOR_FAMILIES, || row! {"opfnamespace": PG_CATALOG, "opfowner": OWNER}),
        "pg_am" => of_file(&data::ACCESS_METHODS, Vec::new),
        "pg_collation" => of_file(&data::COLLATIONS, Vec::new),
        "pg_language" => of_file(&data::LANGUAGES, Vec::new),
        _ => return None,
    })
}

/// The type of the rows of a relation.
fn of_rows(relation: &Relation) -> Option<Row> {
    Some(row! {
        "oid": relation.row_type()?, "typname": relation.name.as_str(), "typnamespace": relation.namespace,
        "typowner": relation.owner, "typlen": -1, "typbyval": false, "typtype": "c", "typcategory": "C", "typispreferred": false,
        "typisdefined": true, "typdelim": ",", "typrelid": relation.oid, "typinput": 2290, "typoutput": 2291,
        "typreceive": 2402, "typsend": 2403, "typalign": "d", "typstorage": "x", "typnotnull": false, "typtypmod": -1,
    })
}

/// The result of `pg_get_keywords()`.
pub fn keywords() -> Vec<Row> {
    let of = |[word, code, bare]: &[&'static str; 3]| {
        let meaning = match *code {
            "U" => "unreserved",
            "C" => "unreserved (cannot be function or type name)",
            "T" => "reserved (can be function or type name)",
            _ => "reserved",
        };
        let label = if *bare == "true" { "can be bare label" } else { "requires AS" };
        row! {"word": *word, "catcode": *code, "barelabel": *bare, "catdesc": meaning, "baredesc": label}
    };
    data::KEYWORDS.iter().map(of).collect()
}
