//! The relation function `support_curve`.

use std::sync::Arc;

use datafusion::arrow::array::{Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::options::{
    BASKET, INPUT, ITEM, MAX_BASKET_SIZE, MAX_LEN, Mining, PER, PER_COLUMN, field, list_of_items, most, per_column, rows,
};
use super::step::{BasketGroup, Mine, Work};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::itemsets::curve::{Curve, small};
use crate::kernels::itemsets::database::Threshold;
use crate::kernels::itemsets::search::{Goal, Target};

#[derive(Debug)]
pub struct SupportCurve;

/// The supports at which the curve is shown by default.
const SUPPORTS: [f64; 9] = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

const DOC: Doc = Doc {
    name: "support_curve",
    kind: Kind::Relation,
    domain: "basket",
    summary: "Shows how many itemsets there would be at several supports, before you mine them.",
    description: "\
Frequent items and pairs are counted exactly at every support. All itemsets are counted in one search, without listing them; the search
raises its threshold when it reaches `portrait.max_itemsets`. Where `itemsets` is NULL, there are more than that. `itemsets_at_most` is an
upper bound even then: every itemset consists of its rarest item and some of the more frequent items that form a frequent pair with it.

Dropped rows and baskets larger than `max_basket_size`: as in `frequent_itemsets`.

**Cost.** That of mining at the lowest support, or of mining `portrait.max_itemsets` sets if that is less. The rows are read once.

Read it from the top: the number of sets grows slowly at first, then by a factor with each step. The last support before it explodes is a
good choice for `min_support`.

**Elsewhere.** Other tools have no such preview: one mines at a guess, and raises the support when memory runs out.",
    arguments: &[
        INPUT,
        BASKET,
        ITEM,
        PER,
        Argument::optional("supports", Takes::Shares, "", "supports to look at; default: 0.5, 0.2, 0.1, 0.05, … 0.001"),
        MAX_LEN,
        MAX_BASKET_SIZE,
    ],
    columns: &[
        PER_COLUMN,
        Column { name: "min_support", data_type: "DOUBLE", text: "support, as a share of baskets" },
        Column { name: "min_count", data_type: "BIGINT", text: "the same support as a number of baskets" },
        Column { name: "items", data_type: "BIGINT", text: "number of frequent items" },
        Column { name: "pairs", data_type: "BIGINT", text: "number of frequent pairs of items" },
        Column {
            name: "itemsets",
            data_type: "BIGINT",
            text: "number of frequent itemsets; NULL when there are more than `portrait.max_itemsets`",
        },
        Column { name: "itemsets_at_most", data_type: "DOUBLE", text: "`itemsets`, or an upper bound where it is NULL" },
    ],
    examples: &["SELECT * FROM support_curve(sample_order_items(rows => 5000), basket => order_id, item => product,
  supports => [0.05, 0.02, 0.01, 0.005])
ORDER BY min_support DESC;"],
    source: "F. Geerts, B. Goethals, J. Van den Bussche: Tight upper bounds on the number of candidate patterns (2005), for the idea of bounding by pairs; P. Tzvetkov, X. Yan, J. Han: TSP (2003), for raising the threshold.",
    ..Doc::EMPTY
};

impl RelationFunction for SupportCurve {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        list_of_items(DOC.name, roles)?;
        let mut columns: Vec<FieldRef> = per_column(roles).into_iter().collect();
        columns.extend([
            field("min_support", DataType::Float64),
            field("min_count", DataType::Int64),
            field("items", DataType::Int64),
            field("pairs", DataType::Int64),
            Arc::new(Field::new("itemsets", DataType::Int64, true)),
            field("itemsets_at_most", DataType::Float64),
        ]);
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let mut supports = call.options.floats("supports").map_or_else(|| SUPPORTS.to_vec(), <[f64]>::to_vec);
        supports.sort_by(f64::total_cmp);
        supports.dedup();
        let lowest = supports.first().copied().unwrap_or(1.0);
        let mining = Mining {
            threshold: Threshold::Share(lowest),
            max_len: most(&call, "max_len")?,
            max_basket_size: most(&call, "max_basket_size")?,
        };
        Mine::new(SupportCounts { mining, supports }).over([rows(&call)?], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SupportCounts {
    mining: Mining,
    /// Ascending.
    supports: Vec<f64>,
}

impl Plain for SupportCounts {
    const NAME: &'static str = "SupportCurve";
}

impl Work for SupportCounts {
    const FUNCTION: &'static str = DOC.name;

    fn mine(&self, group: &BasketGroup<'_>) -> Result<(), Stop> {
        // Pairs are counted even when only shorter itemsets are asked for.
        let pairs = Mining { max_len: self.mining.max_len.map(|most| most.max(2)), ..self.mining.clone() };
        let database = group.database(&pairs, None, false)?;
        let of_share = |share: &f64| Threshold::Share(*share).count(u64::from(database.baskets));
        let counts: Vec<u32> = self.supports.iter().map(|share| u32::try_from(of_share(share)).unwrap_or(u32::MAX)).collect();
        let goal = Goal::all(Target::Frequent, self.mining.max_len());
        let most = group.running.settings.max_itemsets;
        let told = Curve::count(&database, &goal, most, group.control)
            .and_then(|curve| Ok((curve, small(&database, &counts, group.control)?)));
        let (curve, small) = told.map_err(|stop| group.explain(stop))?;

        let itemsets: Vec<Option<u64>> = counts.iter().map(|count| curve.at(*count)).collect();
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let at_most =
            itemsets.iter().zip(&small).map(|(known, small)| known.map_or(small.itemsets_at_most, |known| known as f64));
        group.send(Ok(vec![
            Arc::new(Float64Array::from(self.supports.clone())),
            Arc::new(counts.iter().map(|count| Some(i64::from(*count))).collect::<Int64Array>()),
            Arc::new(small.iter().map(|small| Some(whole(small.items))).collect::<Int64Array>()),
            Arc::new(small.iter().map(|small| Some(whole(small.pairs))).collect::<Int64Array>()),
            Arc::new(itemsets.iter().map(|known| known.map(whole)).collect::<Int64Array>()),
            Arc::new(at_most.map(Some).collect::<Float64Array>()),
        ]))
    }
}
