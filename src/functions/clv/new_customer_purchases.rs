//! The relation function `new_customer_purchases`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::LogicalPlan;

use crate::adapter::relation::{Binding, Call, ObjectFunction, RelationFunction, Roles};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::learning::model::{Lifetime, Model};

/// What a new customer will buy.
#[derive(Debug)]
pub struct NewCustomerPurchases;

const MODEL: &str = "model";
const HORIZON: &str = "horizon";
const MOST: &str = "max_purchases";

const DOC: Doc = Doc {
    name: "new_customer_purchases",
    kind: Kind::Relation,
    domain: "clv",
    summary: "Estimates how many repeat purchases a new customer will make within a time after the first one.",
    description: "\
One row per number of purchases, from 0 to `max_purchases`, with its `probability` for a customer of whom only the first purchase is known.
`expected_purchases` is the mean, the same in every row. To check a model, compare the probabilities with the shares of customers of the
same age in `clv_summary`, and compare the mean, at several horizons, with what customers had bought by then.

**Cost.** None to speak of: only the parameters of the model are read.

**Elsewhere.** `expected_number_of_purchases_up_to_time` of lifetimes, and `probability_of_n_purchases_up_to_time` of its BG/NBD;
`pnbd.Expectation` and `pnbd.pmf` of R's BTYD.",
    arguments: &[
        Argument::required(MODEL, Takes::Name("model"), "a model of type `bg_nbd`, `mbg_nbd`, `pareto_nbd` or `bg_bb`"),
        Argument::required(
            HORIZON,
            Takes::Float(0.0, 1e6),
            "time after the first purchase, in the unit of \"T\"; for `bg_bb`, a whole number of opportunities",
        ),
        Argument::optional(MOST, Takes::Integer(0, 1000), "10", "largest number of purchases to list"),
    ],
    columns: &[
        Column { name: "purchases", data_type: "BIGINT", text: "repeat purchases" },
        Column { name: "probability", data_type: "DOUBLE", text: "probability of exactly this number" },
        Column { name: "expected_purchases", data_type: "DOUBLE", text: "mean number of purchases" },
    ],
    examples: &["CREATE TABLE histories AS SELECT customer_id, frequency, recency, \"T\" FROM clv_summary((SELECT * FROM sample_orders(rows => 3000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, observation_end => DATE '2025-06-30');
CREATE OR REPLACE MODEL purchases WITH (type = 'mbg_nbd', key = 'customer_id') AS SELECT * FROM histories;
SELECT purchases, round(probability, 4) AS probability, round(expected_purchases, 4) AS expected_purchases FROM new_customer_purchases(purchases, horizon => 180, max_purchases => 3);"],
    source: "P. S. Fader, B. G. S. Hardie, K. L. Lee: \"Counting Your Customers\" the Easy Way (2005); P. S. Fader, B. G. S. Hardie, J. Shang: Customer-Base Analysis in a Discrete-Time Noncontractual Setting (2010), BG/BB",
    ..Doc::EMPTY
};

impl ObjectFunction for NewCustomerPurchases {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = Model::read(call.objects.model(call.name(MODEL)?)?)?;
        if !matches!(model.fitted().lifetime().map(|fitted| &fitted.model), Some(Lifetime::Transactions(_))) {
            let problem =
                format!("is of type '{}', model must be bg_nbd, mbg_nbd, pareto_nbd or bg_bb", model.trained.model_type);
            return Err(invalid(&model.label, problem));
        }
        Ok(Arc::new(Bound(model)))
    }
}

#[derive(Debug)]
struct Bound(Model);

impl RelationFunction for Bound {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, false));
        Ok(vec![
            field("purchases", DataType::Int64),
            field("probability", DataType::Float64),
            field("expected_purchases", DataType::Float64),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let horizon = call.options.float(HORIZON)?;
        let most = u32::try_from(call.options.integer(MOST)?).unwrap_or(0);
        let Some(Lifetime::Transactions(model)) = self.0.fitted().lifetime().map(|fitted| &fitted.model) else {
            return Err(invalid(&self.0.label, "is not a model of purchases"));
        };
        if model.is_discrete() && horizon.fract() != 0.0 {
            return Err(invalid(DOC.name, "horizon must be a whole number of opportunities for a model of type bg_bb"));
        }
        let counts = || 0..=most;
        let mean = model.expected_purchases_of_new(horizon);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(counts().map(|count| Some(i64::from(count))).collect::<Int64Array>()),
            Arc::new(counts().map(|count| Some(model.probability_of_n(count, horizon))).collect::<Float64Array>()),
            Arc::new(counts().map(|_| Some(mean)).collect::<Float64Array>()),
        ];
        let schema = Arc::new(Schema::new(self.columns(&Roles(vec![]))?));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        call.scan(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}
