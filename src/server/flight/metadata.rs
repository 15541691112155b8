//! Metadata: catalogs, schemas, tables with their columns, keys. All of it is read from `information_schema` in the client's session, so it
//! shows what the client may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_flight::sql::metadata::{GetCatalogsBuilder, GetDbSchemasBuilder, GetTablesBuilder};
use arrow_flight::sql::{Command, CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables};
use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, UInt8Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::sessions::Busy;
use super::{CATALOG, info, rows};
use crate::error::failed;
use crate::text::literal;

/// The orders of the columns of foreign keys: by the table that has them, and by the table that they refer to.
const BY_OWN: &str = "ORDER BY own_schema.nspname, own.relname, f.conname, k.place";
const BY_REFERRED: &str = "ORDER BY referred_schema.nspname, referred.relname, u.conname, k.place, f.conname";
/// The kinds of tables.
const TYPES: [&str; 2] = ["TABLE", "VIEW"];

/// The result of a metadata command; `None` for other commands.
///
/// # Errors
/// The database cannot be read.
pub async fn answer(busy: &Busy, command: &Command) -> Result<Option<RecordBatch>> {
    Ok(Some(match command {
        Command::CommandGetCatalogs(_) => catalogs()?,
        Command::CommandGetDbSchemas(command) => schemas(busy, command).await?,
        Command::CommandGetTables(command) => tables(busy, command).await?,
        Command::CommandGetTableTypes(command) => table_types(*command)?,
        Command::CommandGetPrimaryKeys(command) => {
            primary_keys(busy, command.catalog.as_deref(), command.db_schema.as_deref(), &command.table).await?
        }
        Command::CommandGetExportedKeys(command) => {
            let referred = of_table("referred", command.db_schema.as_deref(), &command.table);
            let is_own = is_own(command.catalog.as_deref());
            foreign_keys_where(busy, is_own, &referred, BY_OWN).await?
        }
        Command::CommandGetImportedKeys(command) => {
            let own = of_table("own", command.db_schema.as_deref(), &command.table);
            foreign_keys_where(busy, is_own(command.catalog.as_deref()), &own, BY_REFERRED).await?
        }
        Command::CommandGetCrossReference(command) => {
            let referred = of_table("referred", command.pk_db_schema.as_deref(), &command.pk_table);
            let own = of_table("own", command.fk_db_schema.as_deref(), &command.fk_table);
            let is_own = is_own(command.pk_catalog.as_deref()) && is_own(command.fk_catalog.as_deref());
            foreign_keys_where(busy, is_own, &format!("{referred} AND {own}"), BY_OWN).await?
        }
        Command::CommandGetSqlInfo(command) => command.clone().into_builder(&info::infos()?).build().map_err(of_builder)?,
        Command::CommandGetXdbcTypeInfo(command) => (*command).into_builder(&info::types()?).build().map_err(of_builder)?,
        _ => return Ok(None),
    }))
}

/// The columns of that result, without reading the database.
///
/// # Errors
/// None in practice.
pub fn columns(command: &Command) -> Result<Option<SchemaRef>> {
    Ok(Some(match command {
        Command::CommandGetCatalogs(_) => CommandGetCatalogs::default().into_builder().schema(),
        Command::CommandGetDbSchemas(command) => command.clone().into_builder().schema(),
        Command::CommandGetTables(command) => command.clone().into_builder().schema(),
        Command::CommandGetTableTypes(command) => (*command).into_builder().schema(),
        Command::CommandGetPrimaryKeys(_) => keys(),
        Command::CommandGetExportedKeys(_) | Command::CommandGetImportedKeys(_) | Command::CommandGetCrossReference(_) => {
            foreign_keys()
        }
        Command::CommandGetSqlInfo(_) => info::infos()?.schema(),
        Command::CommandGetXdbcTypeInfo(_) => info::types()?.schema(),
        _ => return Ok(None),
    }))
}

/// The error for a failure to build the result.
pub fn of_builder(error: arrow_flight::error::FlightError) -> DataFusionError {
    failed("metadata", error)
}

fn catalogs() -> Result<RecordBatch> {
    let mut all = GetCatalogsBuilder::new();
    all.append(CATALOG);
    all.build().map_err(of_builder)
}

/// True for no particular catalog, and for ours; an empty name asks for objects without a catalog.
fn is_own(catalog: Option<&str>) -> bool {
    catalog.is_none_or(|catalog| catalog == CATALOG)
}

async fn schemas(busy: &Busy, command: &CommandGetDbSchemas) -> Result<RecordBatch> {
    let mut all = GetDbSchemasBuilder::new(None::<String>, None::<String>);
    if is_own(command.catalog.as_deref()) {
        let sql = "SELECT schema_name FROM information_schema.schemata ORDER BY 1";
        for row in texts(busy, sql).await? {
            if matches(command.db_schema_filter_pattern.as_deref(), &row[0]) {
                all.append(CATALOG, &row[0]);
            }
        }
    }
    all.build().map_err(of_builder)
}

async fn tables(busy: &Busy, command: &CommandGetTables) -> Result<RecordBatch> {
    let mut all = GetTablesBuilder::new(None::<String>, None::<String>, None::<String>, None::<String>, command.include_schema);
    if !is_own(command.catalog.as_deref()) {
        return all.build().map_err(of_builder);
    }
    let sql = "SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY 1, 2";
    let mut found = vec![];
    for row in texts(busy, sql).await? {
        let [schema, table, kind] = row.as_slice() else { continue };
        let kind = if kind == "VIEW" { "VIEW" } else { "TABLE" };
        let is_wanted = matches(command.db_schema_filter_pattern.as_deref(), schema)
            && matches(command.table_name_filter_pattern.as_deref(), table)
            && is_of(&command.table_types, kind);
        if is_wanted {
            found.push((schema.clone(), table.clone(), kind));
        }
    }
    let numbered = if command.include_schema { numbered(busy).await? } else { BTreeSet::new() };
    let columns = if command.include_schema {
        let tables = found.iter().map(|(schema, table, _)| (schema.clone(), table.clone())).collect();
        busy.within(busy.0.session.table_columns(tables)).await?
    } else {
        let empty = Arc::new(Schema::empty());
        found.iter().map(|_| Arc::clone(&empty)).collect()
    };
    for ((schema, table, kind), columns) in found.iter().zip(columns) {
        all.append(CATALOG, schema, table, kind, &told(schema, table, &columns, &numbered)).map_err(of_builder)?;
    }
    all.build().map_err(of_builder)
}

/// True for a table of one of these types; `information_schema` calls tables BASE TABLE.
fn is_of(types: &[String], own: &str) -> bool {
    types.is_empty() || types.iter().any(|asked| asked.strip_prefix("BASE ").unwrap_or(asked) == own)
}

/// The columns that number their rows, each with its schema and table.
async fn numbered(busy: &Busy) -> Result<BTreeSet<Vec<String>>> {
    let sql = "SELECT table_schema, table_name, column_name FROM information_schema.columns
               WHERE is_identity = 'YES' OR starts_with(column_default, 'nextval(')";
    Ok(texts(busy, sql).await?.into_iter().collect())
}

/// The columns of a table as they are sent, with metadata for drivers.
fn told(schema: &str, table: &str, columns: &Schema, numbered: &BTreeSet<Vec<String>>) -> Schema {
    let fields = columns.fields().iter().map(|field| {
        let is_numbered = numbered.contains([schema, table, field.name()].map(str::to_string).as_slice());
        let sent = Field::new(field.name(), rows::plain(field.data_type()), field.is_nullable());
        sent.with_metadata(about(schema, table, field, is_numbered))
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The metadata of a column for JDBC and ODBC drivers.
fn about(schema: &str, table: &str, field: &Field, is_numbered: bool) -> std::collections::HashMap<String, String> {
    let seen = crate::postgres_types::seen(field);
    let name = if seen.is_array { format!("{}[]", seen.base.sql_name) } else { seen.base.sql_name.to_string() };
    let mut about = vec![
        ("ARROW:FLIGHT:SQL:CATALOG_NAME", CATALOG.to_string()),
        ("ARROW:FLIGHT:SQL:SCHEMA_NAME", schema.to_string()),
        ("ARROW:FLIGHT:SQL:TABLE_NAME", table.to_string()),
        ("ARROW:FLIGHT:SQL:TYPE_NAME", name),
        ("ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT", u8::from(is_numbered).to_string()),
        ("ARROW:FLIGHT:SQL:IS_CASE_SENSITIVE", "1".to_string()),
        ("ARROW:FLIGHT:SQL:IS_SEARCHABLE", "1".to_string()),
    ];
    if let DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) = rows::plain(field.data_type()) {
        about.push(("ARROW:FLIGHT:SQL:PRECISION", precision.to_string()));
        about.push(("ARROW:FLIGHT:SQL:SCALE", scale.to_string()));
    }
    about.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch> {
    let mut all = command.into_builder();
    TYPES.into_iter().for_each(|kind| all.append(kind));
    all.build().map_err(of_builder)
}

async fn primary_keys(busy: &Busy, catalog: Option<&str>, schema: Option<&str>, table: &str) -> Result<RecordBatch> {
    let found = if is_own(catalog) {
        let of_schema = schema.map_or(String::new(), |schema| format!(" AND k.table_schema = {}", literal(schema)));
        let sql = format!(
            "SELECT k.table_schema, k.table_name, k.column_name, k.constraint_name, CAST(k.ordinal_position AS VARCHAR)
             FROM information_schema.table_constraints t JOIN information_schema.key_column_usage k
               ON t.table_schema = k.table_schema AND t.table_name = k.table_name AND t.constraint_name = k.constraint_name
             WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_name = {}{of_schema}
             ORDER BY k.table_schema, k.table_name, k.ordinal_position",
            literal(table)
        );
        texts(busy, &sql).await?
    } else {
        vec![]
    };
    let text =
        |place: usize| -> ArrayRef { Arc::new(found.iter().map(|row| Some(row[place].as_str())).collect::<StringArray>()) };
    let catalogs: ArrayRef = Arc::new(StringArray::from(vec![CATALOG; found.len()]));
    let places: ArrayRef = Arc::new(found.iter().map(|row| row[4].parse::<i32>().unwrap_or(1)).collect::<Int32Array>());
    Ok(RecordBatch::try_new(keys(), vec![catalogs, text(0), text(1), text(2), places, text(3)])?)
}

fn keys() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("key_name", DataType::Utf8, true),
    ]))
}

/// The condition that one side of a foreign key is this table.
fn of_table(side: &str, schema: Option<&str>, table: &str) -> String {
    let of_schema = schema.map_or(String::new(), |schema| format!(" AND {side}_schema.nspname = {}", literal(schema)));
    format!("{side}.relname = {}{of_schema}", literal(table))
}

/// The columns of the foreign keys between some tables, in this order. They are read from `pg_catalog`, as `information_schema` does not say
/// which table a foreign key is of, and two tables may have one of the same name.
async fn foreign_keys_where(busy: &Busy, is_own: bool, condition: &str, order: &str) -> Result<RecordBatch> {
    if !is_own {
        return Ok(RecordBatch::new_empty(foreign_keys()));
    }
    let sql = format!(
        "SELECT referred_schema.nspname, referred.relname, there.attname, own_schema.nspname, own.relname, here.attname,
                CAST(k.place AS VARCHAR), f.conname, coalesce(u.conname, ''), f.confupdtype, f.confdeltype
         FROM pg_catalog.pg_constraint f
         CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS k(here, there, place)
         JOIN pg_catalog.pg_class own ON own.oid = f.conrelid
         JOIN pg_catalog.pg_namespace own_schema ON own_schema.oid = own.relnamespace
         JOIN pg_catalog.pg_attribute here ON here.attrelid = own.oid AND here.attnum = k.here
         JOIN pg_catalog.pg_class referred ON referred.oid = f.confrelid
         JOIN pg_catalog.pg_namespace referred_schema ON referred_schema.oid = referred.relnamespace
         JOIN pg_catalog.pg_attribute there ON there.attrelid = referred.oid AND there.attnum = k.there
         LEFT JOIN pg_catalog.pg_constraint u ON u.conindid = f.conindid AND u.contype IN ('p', 'u')
         WHERE f.contype = 'f' AND {condition} {order}"
    );
    let found = texts(busy, &sql).await?;
    let text =
        |place: usize| -> ArrayRef { Arc::new(found.iter().map(|row| Some(row[place].as_str())).collect::<StringArray>()) };
    let catalogs: ArrayRef = Arc::new(StringArray::from(vec![CATALOG; found.len()]));
    let places: ArrayRef = Arc::new(found.iter().map(|row| row[6].parse::<i32>().unwrap_or(1)).collect::<Int32Array>());
    // The letters of PostgreSQL, and the numbers of JDBC.
    let rule = |letter: &str| -> u8 {
        match letter {
            "c" => 0,
            "r" => 1,
            "n" => 2,
            "d" => 4,
            _ => 3,
        }
    };
    let rules = |place: usize| -> ArrayRef { Arc::new(found.iter().map(|row| rule(&row[place])).collect::<UInt8Array>()) };
    let columns = vec![
        Arc::clone(&catalogs),
        text(0),
        text(1),
        text(2),
        catalogs,
        text(3),
        text(4),
        text(5),
        places,
        text(7),
        text(8),
        rules(9),
        rules(10),
    ];
    Ok(RecordBatch::try_new(foreign_keys(), columns)?)
}

fn foreign_keys() -> SchemaRef {
    let of = |side: &str| {
        [("catalog_name", true), ("db_schema_name", true), ("table_name", false), ("column_name", false)]
            .map(|(name, may_be_null)| Field::new(format!("{side}_{name}"), DataType::Utf8, may_be_null))
    };
    let mut fields = [of("pk"), of("fk")].concat();
    fields.push(Field::new("key_sequence", DataType::Int32, false));
    fields.push(Field::new("fk_key_name", DataType::Utf8, true));
    fields.push(Field::new("pk_key_name", DataType::Utf8, true));
    fields.push(Field::new("update_rule", DataType::UInt8, false));
    fields.push(Field::new("delete_rule", DataType::UInt8, false));
    Arc::new(Schema::new(fields))
}

/// Runs a query and returns its rows as text.
async fn texts(busy: &Busy, sql: &str) -> Result<Vec<Vec<String>>> {
    let batches = busy.within(busy.0.session.sql(sql)).await?;
    let mut rows = vec![];
    for batch in batches {
        let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.as_string::<i32>().value(row).to_string()).collect());
        }
    }
    Ok(rows)
}

/// Matches a LIKE pattern: `%` stands for any characters, `_` for one; a backslash escapes them.
fn matches(pattern: Option<&str>, name: &str) -> bool {
    let Some(pattern) = pattern else { return true };
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // The position of the last `%`, and where its match ends so far; on a mismatch, it is extended by one character.
    let (mut at, mut place, mut last) = (0, 0, None);
    while place < name.len() {
        let escaped = pattern.get(at) == Some(&'\\') && at + 1 < pattern.len();
        match pattern.get(at) {
            Some('%') => {
                last = Some((at, place));
                at += 1;
                continue;
            }
            Some('_') => {
                (at, place) = (at + 1, place + 1);
                continue;
            }
            Some(_) if escaped && pattern[at + 1] == name[place] => {
                (at, place) = (at + 2, place + 1);
                continue;
            }
            Some(letter) if !escaped && *letter == name[place] => {
                (at, place) = (at + 1, place + 1);
                continue;
            }
            _ => {}
        }
        let Some((percent, begun)) = last else { return false };
        last = Some((percent, begun + 1));
        (at, place) = (percent + 1, begun + 1);
    }
    pattern[at..].iter().all(|letter| *letter == '%')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_those_of_like() {
        for (pattern, name, expected) in [
            ("%", "", true),
            ("%", "orders", true),
            ("", "", true),
            ("", "a", false),
            ("ord%s", "orders", true),
            ("o_d_rs", "orders", true),
            ("o_d_r", "orders", false),
            ("%a%b%", "xxaxxbxx", true),
            ("%ab", "aab", true),
            ("客_", "客户", true),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("\\%%", "%x", true),
            ("orders", "order", false),
        ] {
            assert_eq!(matches(Some(pattern), name), expected, "{pattern} {name}");
        }
        assert!(matches(None, "x"));
    }
}
