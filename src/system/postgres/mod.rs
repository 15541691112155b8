//! The schemas `pg_catalog` and `information_schema`, as clients of PostgreSQL expect them.
//!
//! Every table of PostgreSQL 16 exists, with its columns and their types ([`data`]). What a statement sees of the database is
//! [gathered](gather()) once, as plain data, and turned into rows when these tables are read. Tables about things that do not exist here
//! (triggers, publications, types of ranges …) are empty.
//!
//! PostgreSQL's hidden columns (`xmin`, `ctid`, `tableoid`) are in a separate table, `pg_class with system columns` for example, which is
//! read when a statement names one of them.

mod classes;
mod constraints;
mod data;
mod engines;
mod functions;
mod gather;
mod information;
mod server;
mod types;

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::{MemTable, TableType};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use std::collections::HashMap;

use crate::opaque::forward;
use crate::postgres_catalog::PostgresCatalog;
use crate::postgres_catalog::cells::{Cell, array, field};
use crate::sql::postgres::{INFORMATION_SCHEMA, PG_CATALOG, WITH_SYSTEM_COLUMNS};
use crate::statement::StatementContext;
use data::{Row, Table};
use engines::{ENGINES, EnginesTable};

pub use gather::gather;

/// The hidden columns of every table.
static SYSTEM_COLUMNS: [data::Column; 6] = [
    data::Column { name: "tableoid", type_name: "oid", is_nullable: false },
    data::Column { name: "xmin", type_name: "xid", is_nullable: false },
    data::Column { name: "cmin", type_name: "xid", is_nullable: false },
    data::Column { name: "xmax", type_name: "xid", is_nullable: false },
    data::Column { name: "cmax", type_name: "xid", is_nullable: false },
    data::Column { name: "ctid", type_name: "text", is_nullable: false },
];

/// One of the schemas, as a statement sees it.
#[derive(Debug)]
pub struct PostgresSchema {
    pub name: &'static str,
    pub context: StatementContext,
    /// Tables that DataFusion provides.
    pub engines: Option<Arc<dyn SchemaProvider>>,
}

impl PostgresSchema {
    fn engines(&self, table: &str) -> Option<&Arc<dyn SchemaProvider>> {
        self.engines.as_ref().filter(|_| ENGINES.contains(&table))
    }

    fn find(&self, name: &str) -> Option<PostgresTable> {
        let (own, has_system_columns) = match name.strip_suffix(WITH_SYSTEM_COLUMNS) {
            Some(own) => (own, true),
            None => (name, false),
        };
        let table =
            data::named(self.name, own).or_else(|| (own == KEYWORDS.name && self.name == PG_CATALOG).then(|| &*KEYWORDS))?;
        let schema = if has_system_columns { with_system_columns(table) } else { schema_of(table) };
        Some(PostgresTable { table, schema, context: self.context.clone() })
    }
}

/// The result of `pg_get_keywords()` in FROM.
static KEYWORDS: LazyLock<Table> = LazyLock::new(|| {
    let column = |name| data::Column { name, type_name: "text", is_nullable: false };
    let columns = ["word", "catcode", "barelabel", "catdesc", "baredesc"].map(column).into();
    Table { schema: PG_CATALOG, name: "pg_get_keywords", oid: 0, kind: 'v', columns }
});

#[async_trait]
impl SchemaProvider for PostgresSchema {
    fn table_names(&self) -> Vec<String> {
        let own = data::TABLES.iter().filter(|table| table.schema == self.name).map(|table| table.name.to_string());
        let engines = ENGINES.into_iter().filter(|_| self.engines.is_some()).map(str::to_string);
        let mut names: Vec<String> = own.chain(engines).collect();
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(engines) = self.engines(name) {
            return Ok(engines.table(name).await?.map(|table| Arc::new(EnginesTable(table)) as _));
        }
        let found = self.find(name);
        if found.is_some() {
            // Gathered while the statement is planned, so that it is planned again if the database changes meanwhile.
            self.context.postgres().want();
        }
        Ok(found.map(|table| Arc::new(table) as _))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.engines(name).is_some() || self.find(name).is_some()
    }
}

/// `bytea` columns are always nullable, as there is no default for missing bytes.
fn may_be_null(column: &data::Column) -> bool {
    column.is_nullable || column.type_name == "bytea"
}

/// The columns of a table.
fn schema_of(table: &Table) -> SchemaRef {
    Arc::new(Schema::new(
        table.columns.iter().map(|column| field(column.name, column.type_name, may_be_null(column))).collect::<Vec<_>>(),
    ))
}

fn with_system_columns(table: &Table) -> SchemaRef {
    let columns = table.columns.iter().chain(&SYSTEM_COLUMNS);
    Arc::new(Schema::new(columns.map(|column| field(column.name, column.type_name, may_be_null(column))).collect::<Vec<_>>()))
}

/// A table whose rows are computed when it is read, as gathering may open views over it.
#[derive(Debug)]
struct PostgresTable {
    table: &'static Table,
    schema: SchemaRef,
    context: StatementContext,
}

impl TableProvider for PostgresTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    forward! {
        fn scan<'state, 'columns, 'filters>(
            &self,
            state: &'state dyn Session,
            projection: Option<&'columns Vec<usize>>,
            filters: &'filters [Expr],
            limit: Option<usize>
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::planned
    }
}

impl PostgresTable {
    fn planned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let catalog = self.context.gathered().await?;
            let rows = rows(self.table, &catalog, &self.context)?;
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns(self.table, &self.schema, rows))?;
            MemTable::try_new(Arc::clone(&self.schema), vec![vec![batch]])?.scan(state, projection, filters, limit).await
        })
    }
}

/// The rows of a table.
fn rows(table: &Table, catalog: &PostgresCatalog, context: &StatementContext) -> Result<Vec<Row>> {
    if table.schema == INFORMATION_SCHEMA {
        return information::rows(table, catalog, context);
    }
    if table.name == KEYWORDS.name {
        return Ok(types::keywords());
    }
    let found = classes::rows(table.name, catalog)
        .or_else(|| types::rows(table, catalog))
        .or_else(|| functions::rows(table.name, catalog));
    match found {
        Some(rows) => Ok(rows),
        None => server::rows(table.name, catalog, context),
    }
}

/// Converts rows to columns. A column that a row does not set has its default: NULL if it is nullable.
fn columns(table: &Table, schema: &Schema, rows: Vec<Row>) -> Vec<ArrayRef> {
    let places: HashMap<&str, usize> =
        schema.fields().iter().enumerate().map(|(place, field)| (field.name().as_str(), place)).collect();
    let defaults: Vec<Cell> =
        table.columns.iter().chain(&SYSTEM_COLUMNS).take(schema.fields().len()).map(|column| default(table, column)).collect();
    let mut values: Vec<Vec<Cell>> = defaults.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for (line, row) in (1..).zip(rows) {
        let mut cells = defaults.clone();
        for (name, cell) in row {
            if let Some(place) = places.get(name)
                && (cell != Cell::Null || defaults[*place] == Cell::Null)
            {
                cells[*place] = cell;
            }
        }
        if let Some(place) = places.get("ctid").filter(|place| **place >= table.columns.len()) {
            let line: i64 = line;
            cells[*place] = format!("(0,{line})").into();
        }
        for (column, cell) in values.iter_mut().zip(cells) {
            column.push(cell);
        }
    }
    schema.fields().iter().zip(values).map(|(field, cells)| array(field.data_type(), cells)).collect()
}

/// The default value of a column.
fn default(table: &Table, column: &data::Column) -> Cell {
    if column.is_nullable {
        return Cell::Null;
    }
    match column.type_name {
        _ if column.name == "tableoid" => Cell::Int(table.oid),
        "xid" if ["xmin", "relfrozenxid", "datfrozenxid"].contains(&column.name) => Cell::Int(3),
        "bool" => Cell::Bool(false),
        "float4" | "float8" => Cell::Float(0.0),
        "name" | "text" | "char" | "sql_identifier" | "character_data" => Cell::Text(String::new()),
        "int2vector" | "oidvector" | "_oid" | "_int2" => Cell::Ints(vec![]),
        of if of.starts_with('_') => Cell::Texts(vec![]),
        "timestamptz" => Cell::Time(0),
        "int2" | "int4" | "int8" | "oid" | "xid" | "regproc" => Cell::Int(0),
        _ => Cell::Text(String::new()),
    }
}

/// Builds a row from column names and values.
macro_rules! row {
    ($($column:literal: $value:expr),* $(,)?) => {
        vec![$(($column, $crate::postgres_catalog::cells::Cell::from($value))),*]
    };
}
use row;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_does_not_say_has_a_default() {
        let table = data::named(PG_CATALOG, "pg_class").unwrap();
        let schema = with_system_columns(table);
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), columns(table, &schema, vec![row! {"oid": 5, "relname": "t"}])).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (1, table.columns.len() + SYSTEM_COLUMNS.len()));
        for table in data::TABLES.iter() {
            let schema = schema_of(table);
            RecordBatch::try_new(Arc::clone(&schema), columns(table, &schema, vec![vec![]]))
                .unwrap_or_else(|error| panic!("{}: {error}", table.name));
        }
    }
}
