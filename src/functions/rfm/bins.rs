//! The relation function `rfm_bins`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::options::{self, ARGUMENTS};
use super::step::ScoreBins;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Column, Doc, Kind};
use crate::error::renamed;

#[derive(Debug)]
pub struct RfmBins;

const DOC: Doc = Doc {
    name: "rfm_bins",
    kind: Kind::Relation,
    domain: "rfm",
    summary: "Shows what the scores of `rfm` mean on this data: the bins of each measure, their bounds, sizes and ties.",
    description: "\
Takes the arguments of `rfm` and gives one row for each measure and score, also for scores nobody got: with fewer distinct
values than bins, or many equal ones, those rows have no bounds and no customers. `ties_at_edge` tells how many customers
have exactly the value at the bin's better edge: the reason why quantile bins differ in size, and how many customers `ntile`
had to tell apart by their key.",
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "measure", data_type: "VARCHAR", text: "`recency_days`, `frequency` or `monetary`" },
        Column { name: "score", data_type: "INT", text: "1 to bins, or 0 to 100" },
        Column {
            name: "lower",
            data_type: "VARCHAR",
            text: "least value in the bin, days and orders as whole numbers; NULL when it is empty",
        },
        Column { name: "upper", data_type: "VARCHAR", text: "greatest value in the bin; NULL when it is empty" },
        Column { name: "customers", data_type: "BIGINT", text: "customers in the bin" },
        Column { name: "ties_at_edge", data_type: "BIGINT", text: "customers, in any bin, with the value at its better edge" },
    ],
    examples: &["SELECT * FROM rfm_bins(sample_orders(rows => 2000),
  customer => customer_id, order_time => ordered_at, amount => amount, bins => 4);"],
    ..Doc::EMPTY
};

impl RelationFunction for RfmBins {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        // Asked for its errors: the bounds of all three measures stand in one column, as text.
        options::monetary(roles)?;
        let field = |name: &str, data_type: DataType, nullable| Arc::new(Field::new(name, data_type, nullable));
        Ok(vec![
            field("measure", DataType::Utf8, false),
            field("score", DataType::Int32, false),
            field("lower", DataType::Utf8, true),
            field("upper", DataType::Utf8, true),
            field("customers", DataType::Int64, false),
            field("ties_at_edge", DataType::Int64, false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (measured, scoring) = options::read(&call).map_err(|error| renamed(error, "rfm", DOC.name))?;
        ScoreBins(scoring).over([measured], call.schema)
    }
}
