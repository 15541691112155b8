//! The error for a table that does not exist: what is near, and what there is.

use datafusion::error::DataFusionError;

use super::schema::{CATALOG, PATH, PUBLIC};
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded, did_you_mean, nearest, raw, sqlstate};
use crate::files;
use crate::refresh::as_of::known_schema;
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::refresh::published::name_and_time;
use crate::sql::diagnostics::functions::is_in_from;
use crate::statement::StatementContext;

/// For an unknown table, an error that lists the existing ones.
pub(super) fn name_missing_table(error: DataFusionError, context: &StatementContext) -> DataFusionError {
    if sqlstate(&error) != SqlState::UNDEFINED_TABLE {
        return error;
    }
    let text = raw(&error);
    if let Some(error) = part_of_profile(&text) {
        return error;
    }
    let own = format!("table '{CATALOG}.");
    let Some(name) = text.strip_prefix(&own).and_then(|rest| rest.strip_suffix("' not found")) else { return error };
    let Some((of, name)) = name.split_once('.') else { return error };
    let (name, _) = name_and_time(name);
    // What a tag is explained by is read as its refresh saw it.
    let is_outside = of == PATH && !context.path().iter().any(|schema| schema == PUBLIC);
    let of = if of == PATH || known_schema(of).is_some() { PUBLIC } else { of };
    let state = context.state();
    let catalog = state.catalog_list().catalog(CATALOG);
    let schema = catalog.as_ref().and_then(|catalog| catalog.schema(of));
    if of != PUBLIC {
        let schemas = catalog.map(|catalog| catalog.schema_names());
        let mut tables = schema.map(|schema| schema.table_names());
        // A profile has its table from the first refresh on, and reading it before says so.
        if of == PROFILE_SCHEMA
            && let Some(tables) = &mut tables
        {
            let objects = context.objects().ok();
            let profiles = objects.iter().flat_map(|objects| objects.iter()).filter(|object| object.kind == "profile");
            tables.extend(profiles.map(|profile| profile.name.clone()));
            tables.sort();
            tables.dedup();
        }
        let error = of_schema(of, name, schemas, tables);
        return context.unseen(error, &format!("{of}.{name}"));
    }
    let mut tables = schema.map(|schema| schema.table_names()).unwrap_or_default();
    tables.sort();
    if is_outside && tables.iter().any(|table| table == name) {
        let (schema, near) = (PUBLIC, name);
        let suggestion = format!("; perhaps \"{schema}.{near}\" is meant");
        let problem = format!("no such table in the schemas of search_path{suggestion}");
        return context.unseen(coded(SqlState::UNDEFINED_TABLE, name, problem), name);
    }
    let has_owners = context.all_objects().is_ok_and(|objects| objects.iter().any(|object| !object.owner.is_empty()));
    if has_owners && tables.iter().any(|table| table == name) {
        let problem =
            "permission denied to the owner of a view or profile that reads it; GRANT SELECT on it, or ALTER … OWNER TO";
        return coded(SqlState::INSUFFICIENT_PRIVILEGE, name, problem);
    }
    // Tags are columns of their profile.
    let is_tag = |object: &&Object| object.kind == "tag" && object.name == *name;
    if !tables.iter().any(|table| table == name)
        && let Some(profile) =
            context.objects().ok().and_then(|objects| objects.iter().find(is_tag).map(|tag| tag.profile.clone()))
    {
        let problem = format!("is a tag, a column of its profile; write SELECT {name} FROM profile.{profile}");
        return coded(SqlState::UNDEFINED_TABLE, name, problem);
    }
    if is_in_from(name, &state) {
        let problem = format!("is a function in FROM; write SELECT * FROM {name}(…)");
        return coded(SqlState::UNDEFINED_TABLE, name, problem);
    }
    let suggestion = meant(name, &tables, context);
    let known = match tables.as_slice() {
        _ if std::path::Path::new(name).extension().is_some() => {
            let ends = "files are read by a name that ends in .parquet, .csv, .tsv, .txt, .json, .ndjson or .xlsx, also with .gz, .zst, .bz2 or .xz";
            files::kinds::not_read(name).unwrap_or(ends).to_string()
        }
        [] => "there are no tables yet; make one with CREATE EXTERNAL TABLE, or write FROM 'file.parquet'".to_string(),
        tables if tables.len() <= 12 => format!("there is {}", tables.join(", ")),
        _ => "SHOW TABLES lists them".to_string(),
    };
    context.unseen(coded(SqlState::UNDEFINED_TABLE, name, format!("no such table{suggestion}; {known}")), name)
}

/// What a name may mean: a profile or segment, which is read in the schema of its kind, the history or the tags of a profile, or a table
/// with a similar name.
fn meant(name: &str, tables: &[String], context: &StatementContext) -> String {
    let is_published = |object: &&Object| matches!(object.kind.as_str(), "profile" | "segment") && object.name == *name;
    let published =
        context.objects().ok().and_then(|objects| objects.iter().find(is_published).map(|object| object.kind.clone()));
    match published {
        Some(schema) => {
            let near = name;
            format!("; perhaps \"{schema}.{near}\" is meant")
        }
        None => match table_of_profile(name, context) {
            Some(near) => format!("; perhaps \"{near}\" is meant"),
            None => did_you_mean(name, tables.iter().map(String::as_str)),
        },
    }
}

/// The error of a statement about a table that does not exist, with the name that may be meant.
pub(super) fn no_such_table(name: &str, context: &StatementContext) -> DataFusionError {
    let state = context.state();
    let schema = state.catalog_list().catalog(CATALOG).and_then(|catalog| catalog.schema(PUBLIC));
    let mut tables = schema.map(|schema| schema.table_names()).unwrap_or_default();
    tables.sort();
    let suggestion = meant(name, &tables, context);
    let error = coded(SqlState::UNDEFINED_TABLE, name, format!("no such table{suggestion}; SHOW TABLES lists them"));
    context.unseen(error, name)
}

/// The same of a statement about views alone.
pub(super) fn no_such_view(name: &str, context: &StatementContext) -> DataFusionError {
    let objects = context.objects().ok();
    let views = objects.iter().flat_map(|objects| objects.iter()).filter(|object| object.kind == "view");
    let suggestion = did_you_mean(name, views.map(|view| view.name.as_str()));
    let error = coded(SqlState::UNDEFINED_TABLE, name, format!("no such view{suggestion}; SHOW VIEWS lists them"));
    context.unseen(error, name)
}

/// The table of a profile that a name without its schema means: `customer_history`.
fn table_of_profile(name: &str, context: &StatementContext) -> Option<String> {
    let profile = name.strip_suffix("_history").or_else(|| name.strip_suffix("_tags"))?;
    let is_it = |object: &Object| object.kind == "profile" && object.name == profile;
    context.objects().ok()?.iter().any(is_it).then(|| format!("profile.{name}"))
}

/// The error for `profile.customer.history`: the names of the tables of a profile have two parts.
fn part_of_profile(text: &str) -> Option<DataFusionError> {
    let whole = text.strip_prefix("table '")?.strip_suffix("' not found")?;
    let (profile, part) = whole.strip_prefix("profile.")?.split_once('.')?;
    if !["history", "tags"].contains(&part) {
        return None;
    }
    let problem = format!("no such table; write profile.{profile}_{part}");
    Some(coded(SqlState::UNDEFINED_TABLE, whole, problem))
}

/// The error for a table that does not exist in a schema other than `public`.
fn of_schema(schema: &str, name: &str, schemas: Option<Vec<String>>, tables: Option<Vec<String>>) -> DataFusionError {
    let whole = format!("{schema}.{name}");
    let Some(mut tables) = tables else {
        if files::kinds::kind_of(&whole).is_some() {
            return coded(
                SqlState::UNDEFINED_TABLE,
                &whole,
                format!("no such schema; a file is written in quotes: FROM '{whole}'"),
            );
        }
        let mut schemas = schemas.unwrap_or_default();
        schemas.sort();
        let suggestion = did_you_mean(schema, schemas.iter().map(String::as_str));
        return coded(SqlState::UNDEFINED_TABLE, &whole, format!("no such schema{suggestion}; there is {}", schemas.join(", ")));
    };
    tables.sort();
    let whole_names: Vec<String> = tables.iter().map(|table| format!("{schema}.{table}")).collect();
    let part = ["history", "tags"].contains(&name).then(|| tables.iter().find(|table| table.ends_with(&format!("_{name}"))));
    let near = part.flatten().map(String::as_str).or_else(|| nearest(name, tables.iter().map(String::as_str)));
    let suggestion = near.map_or_else(String::new, |near| format!("; perhaps \"{schema}.{near}\" is meant"));
    let known = match whole_names.as_slice() {
        [] => format!("{schema} has none yet"),
        names if names.len() <= 12 => format!("there is {}", names.join(", ")),
        _ => format!("write SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'"),
    };
    coded(SqlState::UNDEFINED_TABLE, &whole, format!("no such table{suggestion}; {known}"))
}
