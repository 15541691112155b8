//! The relation function `recommend`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, RecordBatch, UInt32Array, new_empty_array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Column as ColumnName, Result, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::input::{Collected, places};
use super::options::{BASKET, ITEM, PER_COLUMN, field, list_of_items, most, per_column, plain, rows};
use super::output::Lists;
use super::step::{MiningRun, mine};
use crate::adapter::keys::sorted;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Reads, Step, StepContext, Streams};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::control::Stop;
use crate::kernels::itemsets::baskets::{Baskets, NO_ITEM};

#[derive(Debug)]
pub struct Recommend;

const METRICS: &[&str] = &["confidence", "lift", "support"];

const DOC: Doc = Doc {
    name: "recommend",
    kind: Kind::Relation,
    domain: "basket",
    summary: "Applies rules to baskets: for each basket the ranked items that it does not contain yet, with the rule behind each.",
    description: "\
A rule applies to a basket that contains all its antecedents; it recommends those of its consequents that the basket does not contain. If
several rules recommend the same item, the best one is used: highest `metric`, then confidence, lift, support, then the items in their
order. Items are ranked by their rules in the same way.

`rules` is the result of `association_rules`, or any relation with the columns antecedents, consequents, confidence, lift and support: you
can filter it, keep it in a table or write it by hand. The baskets need not be the ones that the rules come from: rules mined from orders
can be applied to everything that a customer ever bought, or looked at (\"browsed this, not bought that yet\").

Rules that were mined `per` country or segment apply within their group: give `per` here too, and each basket gets the rules of its own group
only. The group is then part of the basket: a customer with orders in two countries has two baskets. Rules whose first column is such a group
are refused without `per`; leave the column out of them to apply them to all.

Rows without a basket, item or group, and rules with a NULL or infinite number, are dropped and counted. Baskets without a recommendation have no row.

**Cost.** One pass over the baskets, which are kept in memory as in `frequent_itemsets`; for each basket, the rules that contain one of its items.

**Elsewhere.** Spark's `FPGrowthModel.transform` returns the consequents of all rules that apply, without a rank. arules has no function for
it (`recommenderlab` has the method \"AR\"). Recommenders by matrix factors (ALS, implicit) recommend more, but cannot say why; here each row
names its rule. In DuckDB and PostgreSQL one joins baskets to rules and excludes what was bought.",
    arguments: &[
        Argument::required(
            "input",
            Takes::Relation,
            "one row per item in a basket: order lines, visits with pages; a repeated pair of basket and item counts once",
        ),
        Argument::required(
            "rules",
            Takes::Relation,
            "rules, as returned by `association_rules`: a call, a table or (SELECT …) with its columns antecedents, consequents, confidence, lift and support",
        ),
        BASKET,
        ITEM,
        Argument::optional(
            "per",
            Takes::Column,
            "",
            "group of the row, such as a country: a basket gets the rules of its own group. `rules` must have a column of the same name, as `association_rules` gives it with `per`",
        ),
        Argument::optional(
            "metric",
            Takes::Choice(METRICS),
            "'confidence'",
            "measure that ranks the rules: `confidence` recommends what is likely, `lift` what is special to this basket, `support` what is popular",
        ),
        Argument::optional("max_recommendations", Takes::Integer(1, i64::MAX), "5", "maximum number of items per basket"),
    ],
    columns: &[
        PER_COLUMN,
        Column { name: "(basket)", data_type: "as the role", text: "the basket, under the column's own name" },
        Column { name: "rank", data_type: "INT", text: "rank of the item, from 1" },
        Column { name: "(item)", data_type: "as the role", text: "the item, under the column's own name" },
        Column { name: "antecedents", data_type: "list of items", text: "antecedents of the rule, which the basket contains" },
        Column { name: "confidence", data_type: "DOUBLE", text: "confidence of the rule" },
        Column { name: "lift", data_type: "DOUBLE", text: "lift of the rule" },
        Column { name: "support", data_type: "DOUBLE", text: "support of the rule" },
    ],
    examples: &[
        "SELECT customer_id, rank, product, antecedents, round(confidence, 2) AS confidence
FROM recommend(
  (SELECT o.customer_id, i.product FROM sample_orders(rows => 2000) o
   JOIN sample_order_items(rows => 5000) i ON o.order_id = i.order_id),
  association_rules(sample_order_items(rows => 5000), basket => order_id, item => product, min_count => 5, min_confidence => 0.1),
  basket => customer_id, item => product, max_recommendations => 2)
ORDER BY customer_id, rank LIMIT 5;",
    ],
    source: "after Spark's FPGrowthModel.transform and SAS/IBM rule scoring; items are ranked by their best rule, not by a sum over rules.",
    ..Doc::EMPTY
};

/// The columns of `rules` in addition to its two lists.
const NUMBERS: [&str; 3] = ["confidence", "lift", "support"];

impl RelationFunction for Recommend {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let (basket, item, items) = (roles.required("basket")?, roles.required("item")?, list_of_items(DOC.name, roles)?);
        let mut columns: Vec<FieldRef> = per_column(roles).into_iter().collect();
        columns.extend([
            field(&basket.column, plain(basket.field.data_type()).clone()),
            field("rank", DataType::Int32),
            field(&item.column, plain(item.field.data_type()).clone()),
            field("antecedents", items),
            field("confidence", DataType::Float64),
            field("lift", DataType::Float64),
            field("support", DataType::Float64),
        ]);
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let apply = ApplyRules {
            metric: call.options.word("metric")?.to_string(),
            max_recommendations: most(&call, "max_recommendations")?.unwrap_or(5),
        };
        apply.over([rows(&call)?, rules(&call)?], call.schema)
    }
}

/// The rules in the types they are read in.
fn rules(call: &Call) -> Result<LogicalPlan> {
    let given = call.other("rules")?;
    let items = list_of_items(DOC.name, &call.roles)?;
    let names: Vec<String> = given.schema().fields().iter().map(|field| field.name().clone()).collect();
    let of_name = |name: &str| given.schema().iter().find(|(_, field)| field.name() == name);
    let column = |name: &str, data_type: &DataType| -> Result<Expr> {
        let Some(found) = of_name(name) else {
            let problem = format!("rules must have a column {name}, as association_rules gives it; it has {}", names.join(", "));
            return Err(invalid(DOC.name, problem));
        };
        let is_list = matches!(found.1.data_type(), DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _));
        let is_right = if data_type.is_nested() { is_list } else { found.1.data_type().is_numeric() };
        if !is_right {
            let wanted = if data_type.is_nested() { "a list" } else { "a number" };
            return Err(invalid(DOC.name, format!("rules: {name} must be {wanted}, it is {}", found.1.data_type())));
        }
        Ok(cast(Expr::Column(ColumnName::from(found)), data_type.clone()).alias(name))
    };
    let mut columns = vec![column("antecedents", &items)?, column("consequents", &items)?];
    for name in NUMBERS {
        columns.push(column(name, &DataType::Float64)?);
    }
    match (call.roles.get("per"), names.as_slice()) {
        (Some(per), _) => {
            let Some(found) = of_name(&per.column) else {
                let problem = format!(
                    "rules must have a column {}, the group of each rule, as association_rules gives it with per; it has {}",
                    per.column,
                    names.join(", ")
                );
                return Err(invalid(DOC.name, problem));
            };
            let group = Expr::Column(ColumnName::from(found));
            columns.push(cast(group, plain(per.field.data_type()).clone()).alias("per"));
        }
        // This is the form in which association_rules returns the rules of several groups.
        (None, [group, second, ..])
            if second == "antecedents" && group != "consequents" && !NUMBERS.contains(&group.as_str()) =>
        {
            let problem = format!(
                "rules have a group, {group}, before their antecedents; write per => … with the column of the input that has \
                 the group, or leave {group} out of rules to apply them to all"
            );
            return Err(invalid(DOC.name, problem));
        }
        (None, _) => {}
    }
    usable_rows(LogicalPlanBuilder::from(given).project(columns)?.build()?)
}

/// The step that applies rules.
#[derive(Debug, Serialize, Deserialize)]
pub struct ApplyRules {
    metric: String,
    max_recommendations: usize,
}

impl Plain for ApplyRules {
    const NAME: &'static str = "Recommend";
}

impl Step for ApplyRules {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (metric, most) = (self.metric.clone(), self.max_recommendations);
        let schema = Arc::clone(&context.schema);
        let mut inputs = inputs.into_iter();
        let (baskets, rules) = (inputs.next().unwrap_or_default(), inputs.next().unwrap_or_default());
        let batches = async move {
            let rules = RuleIndex::read(rules, &metric, &context).await?;
            mine(DOC.name, baskets, context, move |mut collected, running| {
                let groups = running.gather(DOC.name, &mut collected)?;
                let known = rules.codes_of(&collected).map_err(|error| running.fail(error))?;
                running.each_part(&groups, |baskets, part| rules.apply(baskets, part, &collected, &known, most, running))
            })
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(batches).try_flatten())))
    }
}

/// A rule: item codes of the rules' own dictionary.
#[derive(Debug, PartialEq)]
struct Rule {
    /// Its position among the rules' groups; 0 without groups.
    group: u32,
    antecedents: Vec<u32>,
    consequents: Vec<u32>,
    /// Confidence, lift, support.
    numbers: [f64; 3],
}

/// The rules, the first one first.
struct RuleIndex {
    /// All items that occur in rules, in ascending order.
    items: ArrayRef,
    /// All groups that have rules, in ascending order.
    groups: Option<ArrayRef>,
    rules: Vec<Rule>,
    /// For each item, the rules to check when a basket contains it. Every rule is listed once, under the rarest of its items.
    /// The rules of a group stand together.
    by_item: Vec<Vec<u32>>,
    /// Rules without antecedents.
    for_all: Vec<u32>,
    /// The memory for the rules, held until they have been applied.
    _memory: MemoryReservation,
}

impl RuleIndex {
    async fn read(streams: Streams, metric: &str, context: &StepContext) -> Result<Self> {
        let mut batches: Vec<RecordBatch> = vec![];
        for mut stream in streams {
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                // Twice, because the rules built from it take about as much again.
                context.memory.try_grow(2 * batch.get_array_memory_size())?;
                batches.push(batch);
            }
        }
        // The group, if any, comes before the basket; the rule's antecedents and measures come after the item.
        let item_type = context.schema.field(context.schema.fields().len() - 2 - NUMBERS.len()).data_type();
        let mut lists: Vec<ArrayRef> = vec![new_empty_array(item_type)];
        for batch in &batches {
            for column in batch.columns().iter().take(2) {
                lists.push(Arc::clone(column.as_list::<i32>().values()));
            }
        }
        let (items, maps) = sorted(&lists)?;
        // The group is the last column, if there are groups.
        let with_group: Vec<ArrayRef> =
            batches.iter().filter_map(|batch| batch.columns().get(2 + NUMBERS.len()).cloned()).collect();
        let (groups, group_maps) = match with_group.is_empty() {
            true => (None, vec![]),
            false => {
                let (groups, maps) = sorted(&with_group)?;
                (Some(groups), maps)
            }
        };
        let mut rules = vec![];
        for (number, (batch, maps)) in batches.iter().zip(maps[1..].chunks(2)).enumerate() {
            let numbers: Vec<&Float64Array> = (2..5).map(|column| batch.column(column).as_primitive::<Float64Type>()).collect();
            for row in 0..batch.num_rows() {
                let side = |column: usize| {
                    let offsets = batch.column(column).as_list::<i32>().offsets();
                    let mut codes = maps[column][offsets[row] as usize..offsets[row + 1] as usize].to_vec();
                    codes.sort_unstable();
                    codes.dedup();
                    codes
                };
                let numbers = [numbers[0].value(row), numbers[1].value(row), numbers[2].value(row)];
                let group = group_maps.get(number).map_or(0, |groups| groups[row]);
                rules.push(Rule { group, antecedents: side(0), consequents: side(1), numbers });
            }
        }
        let first = METRICS.iter().position(|known| *known == metric).unwrap_or(0);
        let order = |rule: &Rule| [rule.numbers[first], rule.numbers[0], rule.numbers[1], rule.numbers[2]];
        rules.sort_by(|a, b| {
            let by_numbers = order(b).into_iter().zip(order(a)).map(|(b, a)| b.total_cmp(&a)).find(|order| order.is_ne());
            by_numbers
                .unwrap_or_else(|| (&a.antecedents, &a.consequents, a.group).cmp(&(&b.antecedents, &b.consequents, b.group)))
        });
        rules.dedup();
        Ok(Self::index(items, groups, rules, context.memory.split(context.memory.size())))
    }

    fn index(items: ArrayRef, groups: Option<ArrayRef>, rules: Vec<Rule>, memory: MemoryReservation) -> Self {
        let mut uses = vec![0_u32; items.len()];
        for item in rules.iter().flat_map(|rule| &rule.antecedents) {
            uses[*item as usize] += 1;
        }
        let (mut by_item, mut for_all) = (vec![vec![]; items.len()], vec![]);
        for (number, rule) in (0..).zip(&rules) {
            match rule.antecedents.iter().min_by_key(|item| uses[**item as usize]) {
                Some(item) => by_item[*item as usize].push(number),
                None => for_all.push(number),
            }
        }
        // A stable sort, so that within a group the first rule stays first.
        for listed in by_item.iter_mut().chain([&mut for_all]) {
            listed.sort_by_key(|number| rules[*number as usize].group);
        }
        Self { items, groups, rules, by_item, for_all, _memory: memory }
    }

    /// Maps the baskets' items and groups to those of the rules.
    fn codes_of(&self, collected: &Collected) -> Result<Known> {
        let mut items = vec![NO_ITEM; collected.items.len()];
        for (own, code) in (0..).zip(collected.codes(&self.items)?) {
            if let Some(code) = code {
                items[code as usize] = own;
            }
        }
        let groups = match (&self.groups, &collected.groups) {
            (Some(own), Some(groups)) => Some(places(own, groups)?),
            // There are no rules at all.
            (None, Some(groups)) => Some(vec![None; groups.len()]),
            (_, None) => None,
        };
        Ok(Known { items, groups })
    }

    /// The rules of a group in one of the lists.
    fn of_group<'a>(&self, listed: &'a [u32], group: u32) -> &'a [u32] {
        let group_of = |number: &u32| self.rules[*number as usize].group;
        let start = listed.partition_point(|number| group_of(number) < group);
        let end = listed.partition_point(|number| group_of(number) <= group);
        &listed[start..end]
    }

    /// Sends the recommendations for the baskets of a part.
    fn apply(
        &self,
        baskets: &Baskets,
        part: usize,
        collected: &Collected,
        known: &Known,
        most: usize,
        running: &MiningRun<'_>,
    ) -> Result<(), Stop> {
        let group = match &known.groups {
            None => 0,
            Some(groups) => match groups.get(baskets.group as usize).copied().flatten() {
                Some(group) => group,
                // This group has no rules.
                None => return Ok(()),
            },
        };
        let mut basket =
            Basket { holds: vec![0; self.items.len()], best: vec![NO_ITEM; self.items.len()], number: 0, items: vec![] };
        let mut found = Found::default();
        let mut ended = Ok(());
        baskets.for_each(part, &collected.maps, |key, items| {
            if ended.is_err() {
                return;
            }
            basket.fill(items, &known.items);
            for (rank, (item, rule)) in (1..).zip(self.recommended(&mut basket, group).into_iter().take(most)) {
                found.keys.push(key);
                found.ranks.push(rank);
                found.items.push(item);
                found.rules.push(rule);
            }
            if found.keys.len() >= running.worker.batch_size {
                ended = running.worker.send(self.columns(std::mem::take(&mut found), baskets.group, collected));
            }
        });
        ended?;
        if found.keys.is_empty() { Ok(()) } else { running.worker.send(self.columns(found, baskets.group, collected)) }
    }

    /// The recommended items, each with the best rule for it, in the order of the rules.
    fn recommended(&self, basket: &mut Basket, group: u32) -> Vec<(u32, u32)> {
        let mut recommended = vec![];
        let own = basket.items.iter().flat_map(|item| self.of_group(&self.by_item[*item as usize], group));
        for number in own.chain(self.of_group(&self.for_all, group)) {
            let rule = &self.rules[*number as usize];
            if !rule.antecedents.iter().all(|item| basket.has(*item)) {
                continue;
            }
            for item in &rule.consequents {
                if basket.has(*item) {
                    continue;
                }
                let best = &mut basket.best[*item as usize];
                if *best == NO_ITEM {
                    recommended.push((*item, 0));
                }
                *best = (*best).min(*number);
            }
        }
        for (item, rule) in &mut recommended {
            *rule = std::mem::replace(&mut basket.best[*item as usize], NO_ITEM);
        }
        recommended.sort_unstable_by_key(|(item, rule)| (*rule, *item));
        recommended
    }

    fn columns(&self, found: Found, group: u32, collected: &Collected) -> Result<Vec<ArrayRef>> {
        let mut antecedents = Lists::new();
        for rule in &found.rules {
            antecedents.push(self.rules[*rule as usize].antecedents.iter().copied());
        }
        let number = |place: usize| -> ArrayRef {
            let numbers = found.rules.iter().map(|rule| self.rules[*rule as usize].numbers[place]);
            Arc::new(numbers.map(Some).collect::<Float64Array>())
        };
        let mut columns: Vec<ArrayRef> = vec![];
        if let Some(groups) = &collected.groups {
            columns.push(ScalarValue::try_from_array(groups, group as usize)?.to_array_of_size(found.keys.len())?);
        }
        columns.extend([
            collected.baskets.values(&found.keys)?,
            Arc::new(Int32Array::from(found.ranks)),
            take(&self.items, &UInt32Array::from(found.items), None)?,
            antecedents.finish(&self.items)?,
            number(0),
            number(1),
            number(2),
        ]);
        Ok(columns)
    }
}

/// The contents of the baskets, in the rules' codes.
struct Known {
    /// For each item of the baskets, its code among the rules' items.
    items: Vec<u32>,
    /// For each group of baskets, its position among the rules' groups.
    groups: Option<Vec<Option<u32>>>,
}

/// The current basket.
struct Basket {
    /// By item of the rules: the last basket that held it.
    holds: Vec<u32>,
    /// By item of the rules: its first rule for this basket.
    best: Vec<u32>,
    number: u32,
    /// The items in the basket that occur in rules.
    items: Vec<u32>,
}

impl Basket {
    fn fill(&mut self, items: &[u32], codes: &[u32]) {
        self.number += 1;
        self.items.clear();
        for item in items {
            let code = codes[*item as usize];
            if code != NO_ITEM && self.holds[code as usize] != self.number {
                self.holds[code as usize] = self.number;
                self.items.push(code);
            }
        }
    }

    fn has(&self, item: u32) -> bool {
        self.holds[item as usize] == self.number
    }
}

/// Recommendations under construction, column by column.
#[derive(Default)]
struct Found {
    keys: Vec<u64>,
    ranks: Vec<i32>,
    items: Vec<u32>,
    rules: Vec<u32>,
}
