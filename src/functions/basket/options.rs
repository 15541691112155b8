//! Arguments shared by the functions of the domain.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast};
use serde::{Deserialize, Serialize};

use crate::adapter::relation::{Call, Role, Roles, role};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::{Argument, Column, Takes};
use crate::error::invalid;
use crate::kernels::itemsets::database::Threshold;

pub const INPUT: Argument = Argument::required(
    "input",
    Takes::Relation,
    "one row per item in a basket: order lines, visits with pages; a repeated pair of basket and item counts once",
);
pub const BASKET: Argument = Argument::required(
    "basket",
    Takes::Column,
    "key of the basket: an order, a customer, a visit; any type. Rows where it is NULL are dropped and counted",
);
pub const ITEM: Argument = Argument::required(
    "item",
    Takes::Column,
    "item in the basket: a product, a category; any type. Rows where it is NULL are dropped and counted",
);
pub const PER: Argument = Argument::optional(
    "per",
    Takes::Column,
    "",
    "mine each value of this column separately, with its own supports. A group is skipped, with a note, if it has so few baskets that it would give more itemsets than portrait.max_itemsets",
);
pub const MIN_SUPPORT: Argument = Argument::optional(
    "min_support",
    Takes::Share,
    "",
    "minimum share of baskets that contain the itemset; give this, `min_count` or both",
);
pub const MIN_COUNT: Argument = Argument::optional(
    "min_count",
    Takes::Integer(1, i64::MAX),
    "",
    "minimum number of baskets that contain the itemset; together with `min_support`, a lower limit for groups of few baskets",
);
pub const MAX_LEN: Argument = Argument::optional(
    "max_len",
    Takes::Integer(1, i64::MAX),
    "",
    "maximum number of items in an itemset (in a rule: of both sides together); default: no limit. 2 finds pairs, and is the first remedy when there are too many sets",
);
pub const MAX_BASKET_SIZE: Argument = Argument::optional(
    "max_basket_size",
    Takes::Integer(1, i64::MAX),
    "",
    "drop baskets with more distinct items than this, and report how many; support is then the share of the baskets that remain. Default: keep all",
);

/// The first column of a result with groups.
pub const PER_COLUMN: Column =
    Column { name: "(per)", data_type: "as the role", text: "the group, if `per` is given, under the column's own name" };

/// Options of mining.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mining {
    pub threshold: Threshold,
    pub max_len: Option<usize>,
    pub max_basket_size: Option<usize>,
}

impl Mining {
    pub fn read(call: &Call) -> Result<Self> {
        let options = &call.options;
        let threshold = match (options.is_given("min_support"), options.is_given("min_count")) {
            (true, false) => Threshold::Share(options.float("min_support")?),
            (false, true) => Threshold::Count(options.integer("min_count")?.unsigned_abs()),
            (true, true) => Threshold::Both(options.float("min_support")?, options.integer("min_count")?.unsigned_abs()),
            (false, false) => {
                return Err(invalid(
                    call.doc.name,
                    "needs min_support (a share of the baskets) or min_count; support_curve shows what they give",
                ));
            }
        };
        Ok(Self { threshold, max_len: most(call, "max_len")?, max_basket_size: most(call, "max_basket_size")? })
    }

    /// The most items in an itemset.
    pub fn max_len(&self) -> usize {
        self.max_len.unwrap_or(usize::MAX)
    }
}

/// A limit, or none.
pub fn most(call: &Call, name: &str) -> Result<Option<usize>> {
    if !call.options.is_given(name) {
        return Ok(None);
    }
    Ok(Some(usize::try_from(call.options.integer(name)?).unwrap_or(usize::MAX)))
}

/// The type of a role's values; for a dictionary, the type of the values it holds.
pub fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// The input's usable rows: basket, item and (when given) per, in plain types.
pub fn rows(call: &Call) -> Result<LogicalPlan> {
    let column = |given: &Role| {
        let data_type = given.field.data_type();
        match plain(data_type) {
            plain if plain == data_type => role(given.name),
            plain => cast(role(given.name), plain.clone()).alias(given.name),
        }
    };
    let columns: Vec<_> = call.roles.0.iter().map(column).collect();
    let rows = LogicalPlanBuilder::from(call.input()?).project(columns)?.build()?;
    usable_rows(rows)
}

/// The column of `per` under its own name, when given.
pub fn per_column(roles: &Roles) -> Option<FieldRef> {
    roles.get("per").map(|per| Arc::new(Field::new(&per.column, plain(per.field.data_type()).clone(), false)))
}

/// The type of a list of items, after a check that items can be compared and ordered.
pub fn list_of_items(function: &str, roles: &Roles) -> Result<DataType> {
    for given in &roles.0 {
        let data_type = plain(given.field.data_type());
        if data_type.is_nested() {
            let column = &given.column;
            let is_list = matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::ListView(_));
            let advice = match is_list {
                true => format!("; write (SELECT …, unnest({column}) AS {column} FROM …) to have one row for each"),
                false => String::new(),
            };
            let problem = format!("{} must be a number, text or date, \"{column}\" is {data_type}{advice}", given.name);
            return Err(invalid(function, problem));
        }
    }
    Ok(DataType::new_list(plain(roles.data_type("item")?).clone(), true))
}

/// A result column without NULL.
pub fn field(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, false))
}
