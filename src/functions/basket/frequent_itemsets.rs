//! The relation function `frequent_itemsets`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::options::{
    BASKET, INPUT, ITEM, MAX_BASKET_SIZE, MAX_LEN, MIN_COUNT, MIN_SUPPORT, Mining, PER, PER_COLUMN, field, list_of_items,
    per_column, rows,
};
use super::output::lists;
use super::step::{BasketGroup, Mine, Work};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::itemsets::itemsets::Itemsets;
use crate::kernels::itemsets::search::{Goal, Target};

#[derive(Debug)]
pub struct FrequentItemsets;

const TARGETS: &[&str] = &["frequent", "closed", "maximal"];

const DOC: Doc = Doc {
    name: "frequent_itemsets",
    kind: Kind::Relation,
    domain: "basket",
    summary: "Finds the sets of items that are together in many baskets.",
    description: "\
**Counting.** `count` is the number of baskets that hold the whole set, `support` its share of all baskets. A pair of basket
and item counts once, however many rows it has. All baskets count, also those without a frequent item.

**Targets.** `frequent`: every set. `closed`: sets without a superset of the same count; they tell everything the frequent sets
tell, in fewer rows. `maximal`: sets without a frequent superset. `max_len` then leaves out longer sets; it does not make a set closed
or maximal.

**Rows that cannot be used.** Rows whose basket, item or `per` is NULL are left out and counted (`rows_without_item` and so on
in EXPLAIN ANALYZE, a note in the shell); so are baskets beyond `max_basket_size` (`baskets_too_large`), and support is a share of the
baskets that are kept.

**Cost and limits.** The rows are read once and kept in about three bytes each when the input comes in the order of its
baskets, in about eight otherwise; mining shares the classes of itemsets that begin with one item among the processors, and rows
of the result come as they are found, in no order. The number of itemsets can grow with two to the power of the longest basket:
beyond `portrait.max_itemsets`, or when memory runs out, the query ends with an error that names a support that would fit.
`support_curve` tells before.",
    arguments: &[
        INPUT,
        BASKET,
        ITEM,
        PER,
        MIN_SUPPORT,
        MIN_COUNT,
        MAX_LEN,
        Argument::optional("target", Takes::Choice(TARGETS), "'frequent'", "which sets, see below"),
        MAX_BASKET_SIZE,
    ],
    columns: &[
        PER_COLUMN,
        Column { name: "itemset", data_type: "list of items", text: "in ascending order" },
        Column { name: "length", data_type: "INT", text: "how many items" },
        Column { name: "count", data_type: "BIGINT", text: "baskets that hold all of them" },
        Column { name: "support", data_type: "DOUBLE", text: "`count` / all baskets" },
    ],
    examples: &[
        "SELECT itemset, count, round(support, 4) AS support
FROM frequent_itemsets(sample_order_items(rows => 5000), basket => order_id, item => product, min_support => 0.01)
WHERE length > 1
ORDER BY count DESC LIMIT 5;",
        "SELECT category, itemset, count
FROM frequent_itemsets(sample_order_items(rows => 5000), basket => order_id, item => product, per => category,
  min_count => 5, target => 'maximal')
ORDER BY count DESC LIMIT 5;",
    ],
    source: "R. Agrawal, R. Srikant: Fast Algorithms for Mining Association Rules (1994); M. J. Zaki: Scalable Algorithms for Association Mining (2000); C. Borgelt: Frequent Item Set Mining (2012); C. Lucchese, S. Orlando, R. Perego: Fast and Memory Efficient Mining of Frequent Closed Itemsets (2006).",
    ..Doc::EMPTY
};

impl RelationFunction for FrequentItemsets {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let mut columns: Vec<FieldRef> = per_column(roles).into_iter().collect();
        columns.extend([
            field("itemset", list_of_items(DOC.name, roles)?),
            field("length", DataType::Int32),
            field("count", DataType::Int64),
            field("support", DataType::Float64),
        ]);
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let target = match call.options.word("target")? {
            "closed" => Target::Closed,
            "maximal" => Target::Maximal,
            _ => Target::Frequent,
        };
        let work = ItemsetMining { mining: Mining::read(&call)?, target };
        Mine::new(work).over([rows(&call)?], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ItemsetMining {
    mining: Mining,
    target: Target,
}

impl Plain for ItemsetMining {
    const NAME: &'static str = "FrequentItemsets";
}

impl Work for ItemsetMining {
    const FUNCTION: &'static str = DOC.name;

    fn mine(&self, group: &BasketGroup<'_>) -> Result<(), Stop> {
        let database = group.database(&self.mining, None, self.target != Target::Frequent)?;
        let goal = Goal::all(self.target, self.mining.max_len());
        let baskets = f64::from(database.baskets);
        group.search(&database, &goal, self.mining.threshold, |sets| group.send(columns(sets, &group.collected.items, baskets)))
    }
}

fn columns(sets: Itemsets, items: &ArrayRef, baskets: f64) -> Result<Vec<ArrayRef>> {
    let offsets: Vec<i32> = std::iter::once(0).chain(sets.ends.iter().map(|end| *end as i32)).collect();
    let lengths: Int32Array = offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let counts: Int64Array = sets.counts.iter().map(|count| i64::from(*count)).collect();
    let supports: Float64Array = sets.counts.iter().map(|count| f64::from(*count) / baskets).collect();
    Ok(vec![lists(sets.items, offsets, items)?, Arc::new(lengths), Arc::new(counts), Arc::new(supports)])
}
