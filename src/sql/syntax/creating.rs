//! Forms of CREATE TABLE that PostgreSQL's clients use: `SELECT … INTO`, `CREATE LOCAL TEMPORARY TABLE`, `ON COMMIT PRESERVE ROWS`,
//! `FLOAT(53)`, `CHARACTER VARYING`, [numbered] columns, [constraints].

use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, DataType, ExactNumberInfo, Expr, ObjectName, OnCommit, SetExpr, Statement,
};

use super::spellings::usual_type;
use super::{constraints, numbered};
use crate::sql::command::normal;

/// Rewrites a statement that creates a table.
pub fn statement(parsed: &mut SqlParsed) {
    let SqlParsed::Statement(statement) = parsed else { return };
    if let Statement::Query(query) = statement.as_mut()
        && let SetExpr::Select(select) = query.body.as_mut()
        && let Some(into) = select.into.take_if(|into| !into.unlogged)
    {
        let table = CreateTableBuilder::new(into.name).temporary(into.temporary).query(Some(query.clone()));
        **statement = Statement::CreateTable(table.build());
        return;
    }
    if let Statement::CreateTable(table) = statement.as_mut() {
        if let [schema, own] = table.name.0.as_slice()
            && schema.as_ident().is_some_and(|schema| normal(schema) == "pg_temp")
        {
            (table.name, table.temporary) = (ObjectName(vec![own.clone()]), true);
        }
        // LOCAL and ON COMMIT PRESERVE ROWS are the default for a temporary table, so they can be dropped.
        table.global = table.global.filter(|is_global| *is_global || !table.temporary);
        table.on_commit = table.on_commit.take_if(|kept| *kept != OnCommit::PreserveRows || !table.temporary);
        table.columns.iter_mut().for_each(|column| usual(&mut column.data_type));
        numbered::table(table);
        constraints::table(table);
    }
    if let Statement::AlterTable(alter) = statement.as_mut() {
        for operation in &mut alter.operations {
            match operation {
                AlterTableOperation::AddColumn { column_def, .. } => usual(&mut column_def.data_type),
                AlterTableOperation::AlterColumn { op: AlterColumnOperation::SetDataType { data_type, .. }, .. } => {
                    usual(data_type)
                }
                _ => {}
            }
        }
        numbered::altered(alter);
        constraints::altered(alter);
    }
}

/// Rewrites the type of a cast.
pub fn expression(expression: &mut Expr) {
    match expression {
        Expr::Cast { data_type, .. } => float(data_type),
        Expr::Function(function) => numbered::call(function),
        _ => {}
    }
}

/// Replaces the name of a column's type by the usual one.
fn usual(data_type: &mut DataType) {
    float(data_type);
    usual_type(data_type);
}

/// A float with more than 24 binary digits has 64 bits.
fn float(data_type: &mut DataType) {
    if let DataType::Float(ExactNumberInfo::Precision(digits)) = data_type
        && (25..=53).contains(digits)
    {
        *data_type = DataType::DoublePrecision;
    }
}
