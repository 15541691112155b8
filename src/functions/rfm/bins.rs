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
    summary: "Shows what the `rfm` scores mean on your data: the bins of each measure with their bounds, sizes and ties.",
    description: "\
Takes the same arguments as `rfm` and returns one row per measure and score. A score that no customer got has a row too, without bounds and
with 0 customers; this happens when there are fewer distinct values than bins, or many equal values. `ties_at_edge` is the number of
customers whose value is exactly the better edge of the bin. Ties are the reason why quantile bins differ in size; with `ntile` these
customers were separated only by their key.

**Cost.** That of `rfm`; the result has at most three times `bins` rows (three times 101 with 'percent'), whatever the input.

**Elsewhere.** The edges are what `pandas.qcut(…, retbins=True)` returns, or `percentile_disc` of PostgreSQL and `quantile_disc` of DuckDB
for each cut; none of them counts the ties.",
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "measure", data_type: "VARCHAR", text: "`recency_days`, `frequency` or `monetary`" },
        Column { name: "score", data_type: "INT", text: "1 to bins, or 0 to 100" },
        Column {
            name: "lower",
            data_type: "VARCHAR",
            text: "smallest value in the bin; days and orders are integers; NULL when the bin is empty",
        },
        Column { name: "upper", data_type: "VARCHAR", text: "largest value in the bin; NULL when the bin is empty" },
        Column { name: "customers", data_type: "BIGINT", text: "customers in the bin" },
        Column {
            name: "ties_at_edge",
            data_type: "BIGINT",
            text: "customers, in any bin, whose value is the better edge of this bin",
        },
    ],
    examples: &["SELECT * FROM rfm_bins(sample_orders(rows => 2000),
  customer => customer_id, order_time => ordered_at, amount => amount, bins => 4);"],
    source: "R. J. Hyndman and Y. Fan, Sample Quantiles in Statistical Packages (1996), definition 1.",
    ..Doc::EMPTY
};

impl RelationFunction for RfmBins {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        // Called only for its errors, because the bounds of all three measures are in one column, as text.
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
