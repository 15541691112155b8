//! The relation functions that the macros call.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column as ColumnName, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, try_cast};

use super::macros::PARAMETERS_COLUMNS;
use super::spec::{Gives, Options, Spec};
use super::step::LinkRecords;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::linkage::comparison::Measure;

/// The pairs, with their weights.
#[derive(Debug)]
pub struct Pairs;

/// The learned parameters.
#[derive(Debug)]
pub struct Parameters;

/// One pair, comparison by comparison.
#[derive(Debug)]
pub struct Explain;

const ARGUMENTS: &[Argument] = &[
    Argument::required("input", Takes::Relation, "one row for each record"),
    Argument::optional("parameters", Takes::Relation, "", "what match_parameters gave"),
    Argument::optional("pair", Takes::Relation, "", "two keys"),
    Argument::required("key", Takes::Column, "the record"),
    Argument::required("columns", Takes::Ordered, "a column for each comparison"),
    Argument::required("blocks", Takes::Ordered, "columns of the rules"),
    Argument::optional("source", Takes::Column, "", "where the record is from"),
    Argument::optional("new_records", Takes::Column, "", "which records are new"),
    Argument::required("spec", Takes::Text, "comparisons and rules"),
    Argument::optional("max_block_size", Takes::Integer(2, 1_000_000), "5000", ""),
    Argument::optional("max_random_pairs", Takes::Integer(1000, 100_000_000), "1000000", ""),
    Argument::optional("random_state", Takes::Integer(0, i64::MAX), "0", ""),
    Argument::optional("prior", Takes::Float(0.0, 1.0), "", ""),
    Argument::optional("min_probability", Takes::Float(0.0, 1.0), "0.5", ""),
];

const PAIRS: Doc = Doc { name: "match_pairs_of", kind: Kind::Relation, domain: "identity", arguments: ARGUMENTS, ..Doc::EMPTY };
const PARAMETERS: Doc =
    Doc { name: "match_parameters_of", kind: Kind::Relation, domain: "identity", arguments: ARGUMENTS, ..Doc::EMPTY };
const EXPLAIN: Doc =
    Doc { name: "explain_match_of", kind: Kind::Relation, domain: "identity", arguments: ARGUMENTS, ..Doc::EMPTY };

fn field(name: &str, data_type: DataType, nullable: bool) -> FieldRef {
    FieldRef::from(Field::new(name, data_type, nullable))
}

impl RelationFunction for Pairs {
    fn doc(&self) -> &'static Doc {
        &PAIRS
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let key = roles.required("key")?;
        let end = |side: &str| field(&format!("{}_{side}", key.column), key.field.data_type().clone(), false);
        Ok(vec![
            end("l"),
            end("r"),
            field("match_weight", DataType::Float64, false),
            field("match_probability", DataType::Float64, false),
            field("blocking_rule", DataType::Int32, false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Gives::Pairs)
    }
}

impl RelationFunction for Parameters {
    fn doc(&self) -> &'static Doc {
        &PARAMETERS
    }

    fn columns(&self, _: &Roles) -> Result<Vec<FieldRef>> {
        Ok(vec![
            field("comparison", DataType::Utf8, false),
            field("level", DataType::Int32, true),
            field("label", DataType::Utf8, false),
            field("m", DataType::Float64, false),
            field("u", DataType::Float64, false),
            field("match_weight", DataType::Float64, false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Gives::Parameters)
    }
}

impl RelationFunction for Explain {
    fn doc(&self) -> &'static Doc {
        &EXPLAIN
    }

    fn columns(&self, _: &Roles) -> Result<Vec<FieldRef>> {
        Ok(vec![
            field("step", DataType::Int32, false),
            field("comparison", DataType::Utf8, false),
            field("label", DataType::Utf8, false),
            field("value_l", DataType::Utf8, true),
            field("value_r", DataType::Utf8, true),
            field("m", DataType::Float64, true),
            field("u", DataType::Float64, true),
            field("match_weight", DataType::Float64, false),
            field("match_probability", DataType::Float64, false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Gives::Explanation)
    }
}

fn plan(call: Call, gives: Gives) -> Result<LogicalPlan> {
    let function = gives.function();
    let text = call.options.text("spec").unwrap_or_default();
    let spec: Spec = serde_json::from_str(text).map_err(|error| invalid(call.doc.name, format!("spec: {error}")))?;
    let prior = call.options.is_given("prior").then(|| call.options.float("prior")).transpose()?;
    if let Some(prior) = prior.filter(|prior| *prior <= 0.0 || *prior >= 1.0) {
        return Err(invalid(function, format!("prior must be between 0 and 1, got {prior}")));
    }
    let number = |name: &str| -> Result<usize> { Ok(usize::try_from(call.options.integer(name)?).unwrap_or(usize::MAX)) };
    let given = |name: &str| call.others.iter().any(|(known, _)| *known == name);
    let options = Options {
        gives,
        max_block_size: number("max_block_size")?,
        max_random_pairs: number("max_random_pairs")?,
        random_state: call.options.integer("random_state")?.unsigned_abs(),
        prior,
        min_probability: call.options.float("min_probability")?,
        has_sources: call.roles.get("source").is_some(),
        has_parameters: given("parameters"),
        has_new: call.roles.get("new_records").is_some(),
    };
    let input = call.input()?;
    let at = |place: usize| Expr::Column(ColumnName::from(input.schema().qualified_field(place)));
    let mut columns = vec![role("key")];
    for ((place, _), named) in call.roles.list("columns").zip(&spec.comparisons) {
        let name = format!("column {}", columns.len());
        columns.push(
            match named.comparison.measure {
                // Days: a value that is not a date counts as missing, and so does one that is not a number.
                Measure::DateDistance => cast(cast(try_cast(at(place), DataType::Date32), DataType::Int32), DataType::Float64),
                Measure::NumericDistance => try_cast(at(place), DataType::Float64),
                _ => cast(at(place), DataType::Utf8),
            }
            .alias(name),
        );
    }
    for (place, _) in call.roles.list("blocks") {
        let name = format!("block {}", columns.len());
        columns.push(cast(at(place), DataType::Utf8).alias(name));
    }
    if options.has_sources {
        columns.push(cast(role("source"), DataType::Utf8).alias("source"));
    }
    if options.has_new {
        columns.push(cast(role("new_records"), DataType::Boolean).alias("new"));
    }
    if gives == Gives::Explanation {
        // The values as displayed.
        for (place, _) in call.roles.list("columns") {
            let name = format!("shown {}", columns.len());
            columns.push(cast(at(place), DataType::Utf8).alias(name));
        }
    }
    let mut inputs = vec![LogicalPlanBuilder::from(input.clone()).project(columns)?.build()?];
    if options.has_parameters {
        inputs.push(parameters(function, &call.other("parameters")?)?);
    }
    if gives == Gives::Explanation {
        let pair = call.other("pair")?;
        let key = call.roles.data_type("key")?.clone();
        let keys = pair.schema().iter().map(|column| cast(Expr::Column(ColumnName::from(column)), key.clone()));
        let keys = keys.zip(["l", "r"]).map(|(key, name)| key.alias(name)).collect::<Vec<_>>();
        inputs.push(LogicalPlanBuilder::from(pair.clone()).project(keys)?.build()?);
    }
    LinkRecords { options, spec }.over(inputs, call.schema)
}

/// The parameters in the types they are read in.
fn parameters(function: &str, given: &LogicalPlan) -> Result<LogicalPlan> {
    let names: Vec<&str> = given.schema().fields().iter().map(|field| field.name().as_str()).collect();
    let columns = PARAMETERS_COLUMNS.iter().zip([DataType::Utf8, DataType::Int64, DataType::Float64, DataType::Float64]);
    let columns = columns.map(|(name, data_type)| {
        let Some(found) = given.schema().iter().find(|(_, field)| field.name() == name) else {
            let problem =
                format!("parameters must have a column {name}, as returned by match_parameters; it has {}", names.join(", "));
            return Err(invalid(function, problem));
        };
        Ok(cast(Expr::Column(ColumnName::from(found)), data_type).alias(*name))
    });
    LogicalPlanBuilder::from(given.clone()).project(columns.collect::<Result<Vec<_>>>()?)?.build()
}
