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
    summary: "Finds sets of items that are often in the same basket.",
    description: "\
**Counting.** `count` is the number of baskets that contain the whole set, and `support` is its share of all baskets. A pair of basket and
item counts once, however many rows it has. All baskets count, also those without a frequent item.

**Targets.** `frequent`: every set. `closed`: sets without a superset of the same count; they carry the same information as the frequent
sets in fewer rows. `maximal`: sets without a frequent superset. `max_len` then removes longer sets from the result; it does not make a
shorter set closed or maximal.

**Rows that are dropped.** Rows whose basket, item or `per` is NULL are dropped and counted (`rows_without_item` and similar metrics in
EXPLAIN ANALYZE, and a note in the shell). Baskets larger than `max_basket_size` are dropped too (`baskets_too_large`), and support is the
share of the baskets that remain.

**Cost and limits.** The rows are read once. Each takes about three bytes of memory if the input is ordered by basket, otherwise about
eight. The search divides the itemsets by their first item and runs on all processors; result rows are returned as they are found, in no
order. The number of itemsets can grow with two to the power of the longest basket: beyond `portrait.max_itemsets`, or when memory runs out,
the query fails with an error that suggests a support that would fit. `support_curve` shows this in advance.

**Choosing the support.** Begin with `support_curve`, take the lowest support that still gives a number of sets that you can look at, and
ask for `target => 'closed'` to see each group of products once. With few baskets use `min_count`: a set in two of a hundred baskets is
chance.

**Elsewhere.** `apriori` and `fpgrowth` of Python's mlxtend need a table with a column for every item; `apriori` of R's arules has `target`
and `supp` with the same meaning, and returns at most ten items unless `maxlen` is raised; Spark has `FPGrowth.freqItemsets`. `assoc_rules`
of MADlib returns rules only. DuckDB and PostgreSQL have nothing like it: pairs are a self-join, longer sets one more join each.",
    arguments: &[
        INPUT,
        BASKET,
        ITEM,
        PER,
        MIN_SUPPORT,
        MIN_COUNT,
        MAX_LEN,
        Argument::optional(
            "target",
            Takes::Choice(TARGETS),
            "'frequent'",
            "which sets to return: all, those that no larger set of the same count contains, or the largest only; see above",
        ),
        MAX_BASKET_SIZE,
    ],
    columns: &[
        PER_COLUMN,
        Column { name: "itemset", data_type: "list of items", text: "in ascending order" },
        Column { name: "length", data_type: "INT", text: "number of items" },
        Column { name: "count", data_type: "BIGINT", text: "baskets that contain all of the items" },
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
