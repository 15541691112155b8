//! Shared by `resolve_identities` and `identity_links`: their arguments, and the step that resolves records.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column as ColumnName, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::physical_plan::metrics::Count;
use serde::{Deserialize, Serialize};

use super::records::{does_not_fit, read};
use super::resolving::{Given, resolving};
use super::{identity_links, resolve_identities};
use crate::adapter::offload::offload;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, role};
use crate::adapter::step::{LeftOut, Reads, Step, StepContext, Streams};
use crate::adapter::usable_rows::rows_without;
use crate::docs::{Argument, Takes};
use crate::error::{did_you_mean, invalid};

pub const MUST_LINK_RELATION: Argument = Argument::optional(
    "must_link",
    Takes::Relation,
    "",
    "two columns of keys: records that are one person, whatever they share; this overrides hard keys too",
);
pub const CANNOT_LINK_RELATION: Argument = Argument::optional(
    "cannot_link",
    Takes::Relation,
    "",
    "two columns of keys: records that are never one person, not even through other records",
);
pub const PAIRS: Argument = Argument::optional(
    "pairs",
    Takes::Relation,
    "",
    "two columns of keys, as returned by `match_pairs`, and optionally match_weight: pairs that are linked like a shared value, after all shared values, highest weight first",
);
pub const RECORDS_KEY: Argument =
    Argument::required("key", Takes::Column, "key of the record: an account, a card, a registration; any type");
pub const MATCH_ON: Argument = Argument::optional(
    "match_on",
    Takes::Ordered,
    "",
    "identifiers, the most trusted first: `[id_card, phone, email]`; default: all other columns of the input",
);
pub const HARD_KEYS: Argument = Argument::optional(
    "hard_keys",
    Takes::Names,
    "",
    "identifiers that a person has only one of: records with different values are never one person, not even through other records",
);
pub const MAX_SHARED: Argument = Argument::optional(
    "max_shared",
    Takes::Integer(1, i64::MAX),
    "10",
    "a value that is shared by more records than this links nothing",
);
pub const BLOCKED_VALUES: Argument = Argument::optional(
    "blocked_values",
    Takes::ValuesOf("value"),
    "",
    "values that link nothing: `['13800000000', 'test@example.com']`",
);

/// What a call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    Persons,
    Links,
}

impl Gives {
    fn function(self) -> &'static str {
        match self {
            Self::Persons => resolve_identities::DOC.name,
            Self::Links => identity_links::DOC.name,
        }
    }
}

/// The plan of a call.
pub fn plan(call: Call, gives: Gives) -> Result<LogicalPlan> {
    let function = call.doc.name;
    let names: Vec<String> = call.roles.list("match_on").map(|(_, role)| role.column.clone()).collect();
    if names.is_empty() {
        return Err(invalid(function, "needs an identifier; write match_on => [phone, email]"));
    }
    if names.len() > 60 {
        return Err(invalid(
            function,
            format!("takes at most 60 identifiers, got {}; name some with match_on => […]", names.len()),
        ));
    }
    let hard = hard_keys(&call, &names)?;
    let blocked = blocked_values(&call)?;
    let input = call.input()?;
    let mut columns = vec![role("key")];
    for (place, _) in call.roles.list("match_on") {
        let column = Expr::Column(ColumnName::from(input.schema().qualified_field(place)));
        columns.push(cast(column, DataType::Utf8).alias(format!("identifier {place}")));
    }
    let key = call.roles.data_type("key")?.clone();
    let mut given = vec![];
    let mut inputs = vec![LogicalPlanBuilder::from(input).project(columns)?.build()?];
    for (name, other) in [
        ("must_link", Given::MustLink),
        ("cannot_link", Given::CannotLink),
        ("pairs", Given::Pairs),
        ("previous", Given::Previous),
    ] {
        if call.others.iter().any(|(known, _)| *known == name) {
            inputs.push(others(function, name, &call.other(name)?, &key)?);
            given.push(other);
        }
    }
    let max_shared = usize::try_from(call.options.integer("max_shared")?).unwrap_or(usize::MAX);
    Resolve { gives, names, hard, max_shared, blocked, given }.over(inputs, call.schema)
}

/// Which identifiers a person has only one of.
///
/// # Errors
/// `hard_keys` names a column that is no identifier.
pub fn hard_keys(call: &Call, names: &[String]) -> Result<Vec<bool>> {
    let mut hard = vec![false; names.len()];
    for name in call.options.names("hard_keys").unwrap_or_default() {
        let Some(place) = names.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            let suggestion = did_you_mean(name, names.iter().map(String::as_str));
            let problem = format!("hard_keys: \"{name}\" is not among match_on{suggestion}; these are {}", names.join(", "));
            return Err(invalid(call.doc.name, problem));
        };
        hard[place] = true;
    }
    Ok(hard)
}

/// The values that link nothing.
///
/// # Errors
/// They cannot be written as text.
pub fn blocked_values(call: &Call) -> Result<Vec<String>> {
    let Some(values) = call.options.list("blocked_values") else { return Ok(vec![]) };
    let texts = cast_array(values, &DataType::Utf8)?;
    Ok(texts.as_string::<i32>().iter().flatten().map(ToString::to_string).collect())
}

/// The first two columns of an additional relation as keys; for previous ids the second is the id, and for pairs there is a
/// third, the weight.
pub fn others(function: &str, name: &str, relation: &LogicalPlan, key: &DataType) -> Result<LogicalPlan> {
    let schema = relation.schema();
    let column = |place: usize| {
        let (qualifier, field) = schema.qualified_field(place);
        Expr::Column(ColumnName::from((qualifier, field)))
    };
    if schema.fields().len() < 2 {
        let wanted = if name == "previous" { "key and person_id" } else { "two keys" };
        return Err(invalid(function, format!("{name} must have two columns, {wanted}; it has {}", schema.fields().len())));
    }
    let mut columns = vec![cast(column(0), key.clone()).alias("a")];
    if name == "previous" {
        let id = schema.field(1);
        if !id.data_type().is_integer() {
            let problem =
                format!("previous: its second column is the person_id, a whole number; {} is {}", id.name(), id.data_type());
            return Err(invalid(function, problem));
        }
        columns.push(cast(column(1), DataType::Int64).alias("b"));
    } else {
        columns.push(cast(column(1), key.clone()).alias("b"));
    }
    if name == "pairs" {
        let weight = schema.fields().iter().position(|field| field.name() == "match_weight" && field.data_type().is_numeric());
        columns.extend(weight.map(|place| cast(column(place), DataType::Float64).alias("weight")));
    }
    LogicalPlanBuilder::from(relation.clone()).project(columns)?.build()
}

/// The step that resolves records.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resolve {
    gives: Gives,
    names: Vec<String>,
    hard: Vec<bool>,
    max_shared: usize,
    blocked: Vec<String>,
    given: Vec<Given>,
}

impl Plain for Resolve {
    const NAME: &'static str = "ResolveIdentities";
}

impl Step for Resolve {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let function = self.gives.function();
        let (names, gives, max_shared) = (self.names.clone(), self.gives, self.max_shared);
        let (hard, blocked, given) = (self.hard.clone(), self.blocked.clone(), self.given.clone());
        let counters = Counters {
            without_key: context.left_out(rows_without("key")),
            unknown: context.left_out(LeftOut {
                counter: "pairs_of_unknown_keys".into(),
                one: "pair of keys that the input does not have".into(),
                many: "pairs of keys that the input does not have".into(),
            }),
        };
        let gather = move |_: Arc<StepContext>, memory: Arc<_>| async move {
            let mut all: Vec<Vec<RecordBatch>> = vec![];
            for streams in inputs {
                all.push(read(function, streams, &memory).await?);
            }
            Ok(all)
        };
        offload(function, context, gather, move |read, worker| {
            let rows: usize = read.iter().flatten().map(|batch| batch.num_rows() * batch.num_columns()).sum();
            let Ok(_memory) = worker.control(1).reserve(rows * 48) else {
                return Err(worker.fail(does_not_fit(function, rows * 48)));
            };
            match resolving(&read, &names, &hard, &blocked, &given, max_shared, &counters) {
                Err(error) => Err(worker.fail(error)),
                Ok(resolving) if gives == Gives::Persons => resolve_identities::send(worker, &names, &resolving),
                Ok(resolving) => identity_links::send(worker, &names, &resolving),
            }
        })
    }
}

/// The names under which unusable rows are counted.
pub struct Counters {
    pub without_key: Count,
    pub unknown: Count,
}
