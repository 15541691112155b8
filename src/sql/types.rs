//! Types that SQL names and the engine does not plan by itself: `MAP(VARCHAR, BIGINT)`, and lists whose PostgreSQL type is reported to clients.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, TableReference, internal_err};
use datafusion::logical_expr::planner::{ContextProvider, TypePlanner};
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion::sql::planner::SqlToRel;
use sqlparser::ast::{ColumnDef, DataType as SqlType, Ident};

use super::postgres::told_lists;

/// Plans these types.
#[derive(Debug)]
pub struct NamedTypes;

impl TypePlanner for NamedTypes {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        match sql_type {
            SqlType::Map(key, value) => map(key, value).map(Some),
            other => Ok(told_lists(other)),
        }
    }
}

fn map(key: &SqlType, value: &SqlType) -> Result<FieldRef> {
    let column =
        |name: &str, data_type: &SqlType| ColumnDef { name: Ident::new(name), data_type: data_type.clone(), options: vec![] };
    let types = OnlyTypes::default();
    let parts = SqlToRel::new(&types).build_schema(vec![column("key", key), column("value", value)])?;
    let part = |part: &FieldRef| match part.name().as_str() {
        // In the form of literals, MAP {'a': 1}, and of readers.
        "key" if part.data_type().is_string() => Field::new("key", DataType::Utf8, false),
        "key" => part.as_ref().clone().with_nullable(false),
        _ => part.as_ref().clone().with_nullable(true),
    };
    let parts: Fields = parts.fields().iter().map(part).collect();
    let entries = Field::new("entries", DataType::Struct(parts), false);
    Ok(Arc::new(Field::new("", DataType::Map(Arc::new(entries), false), true)))
}

/// What the engine's planner may look up while it plans the parts of a type: only types.
#[derive(Debug, Default)]
struct OnlyTypes(ConfigOptions);

impl ContextProvider for OnlyTypes {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        internal_err!("{name}")
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(NamedTypes))
    }

    fn get_function_meta(&self, _: &str) -> Option<Arc<ScalarUDF>> {
        None
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.0
    }

    fn udf_names(&self) -> Vec<String> {
        vec![]
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        vec![]
    }

    fn udaf_names(&self) -> Vec<String> {
        vec![]
    }

    fn udwf_names(&self) -> Vec<String> {
        vec![]
    }
}
