//! The relation function `association_rules`.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array};
use datafusion::arrow::compute::cast_with_options;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::input::Collected;
use super::options::{
    BASKET, INPUT, ITEM, MAX_BASKET_SIZE, MAX_LEN, MIN_COUNT, MIN_SUPPORT, Mining, PER, PER_COLUMN, field, list_of_items,
    per_column, plain, rows,
};
use super::output::Lists;
use super::step::{BasketGroup, Mine, Work};
use crate::adapter::plain::{Plain, Values};
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::adjust::{Method, adjust};
use crate::kernels::control::{Control, Reserved, Stop};
use crate::kernels::itemsets::database::Database;
use crate::kernels::itemsets::itemsets::Itemsets;
use crate::kernels::itemsets::metrics::Counts;
use crate::kernels::itemsets::rules::{Rule, Wanted, bits, derive};
use crate::kernels::itemsets::search::{Goal, Target};
use crate::text::grouped;

#[derive(Debug)]
pub struct AssociationRules;

const DOC: Doc = Doc {
    name: "association_rules",
    kind: Kind::Relation,
    domain: "basket",
    summary: "Finds rules of the form \"baskets with these items often also contain those\", with their measures.",
    description: "\
**Rules.** Every itemset with at least `min_support` is split into antecedents A and consequents C in every possible way. Neither is empty,
and C has at most `max_consequent_len` items. Only rules with at least `min_confidence` and `min_lift` are returned. `max_len` limits A and
C together.

**Measures.** There are n baskets; P(A), P(C) and P(A,C) are the shares of baskets that contain A, C and both:

| column | definition | notes |
|---|---|---|
| `confidence` | P(A,C) / P(A) | |
| `lift` | P(A,C) / (P(A) P(C)) | 1: independent |
| `leverage` | P(A,C) − P(A) P(C) | 0: independent |
| `conviction` | (1 − P(C)) / (1 − confidence) | infinite at confidence 1 |
| `zhangs_metric` | leverage / max(P(A,C) (1 − P(A)), P(A) (P(C) − P(A,C))) | 0 when the divisor is 0 |
| `jaccard` | P(A,C) / (P(A) + P(C) − P(A,C)) | |
| `certainty` | (confidence − P(C)) / (1 − P(C)) | 0 when P(C) is 1 |
| `kulczynski` | (P(A,C) / P(A) + P(A,C) / P(C)) / 2 | |
| `imbalance_ratio` | abs(P(A) − P(C)) / (P(A) + P(C) − P(A,C)) | |
| `p_value` | one-sided Fisher's exact test: the probability of at least this many common baskets if A and C were independent | |
| `p_adjusted` | `p_value` adjusted by Benjamini and Hochberg over all returned rules (of the group): keep rules with at most q to have a false discovery rate of at most q | |
| `improvement` | confidence − the highest confidence of a rule with the same C and fewer items in A; with no items in A, that confidence is P(C) | |
| `is_redundant` | `improvement` ≤ 0: a simpler rule is at least as confident | |

**Constraints** prune the search. `antecedent_items` and `consequent_items` list the items allowed on each side; with `consequent_items`,
only itemsets that can contain one of the consequents are searched. `exclude_items` are allowed on neither side. Baskets of other items
still count in the shares.

**Dropped rows, cost and limits**: as in `frequent_itemsets`. The limits apply to the itemsets that the rules are made from; these itemsets
are kept in memory until the rules are written.

**Reading a rule.** `confidence` answers \"how many of those who bought A also bought C\", and is high for every C that everybody buys; `lift`
compares it with P(C), and is large and unstable where counts are small. Look at `count`, keep rules with `p_adjusted` below 0.05 and
without `is_redundant`, and sort them by what the action needs: `confidence` for a recommendation, `leverage` for additional sales.

**Cost.** The input is read once, as in `frequent_itemsets`. An itemset of m items gives up to m rules with one consequent, and up to 2ᵐ − 2
with `max_consequent_len` at its largest, so raise that together with `min_confidence`.

**Elsewhere.** `association_rules` of mlxtend has the same names of measures; `apriori` of arules gives rules with one consequent, and
`interestMeasure` and `is.redundant` the rest; Spark's `associationRules` has one consequent, confidence, lift and support. MADlib's
`assoc_rules(support, confidence, …)` adds conviction. None of them adjusts p-values. DuckDB and PostgreSQL have no function for it.",
    arguments: &[
        INPUT,
        BASKET,
        ITEM,
        PER,
        MIN_SUPPORT,
        MIN_COUNT,
        Argument::optional(
            "min_confidence",
            Takes::Float(0.0, 1.0),
            "0.8",
            "minimum confidence of a rule, as a share: 0.8 means that four in five baskets with A also have C. Lower it for a shop with many products",
        ),
        Argument::optional(
            "min_lift",
            Takes::Float(0.0, f64::INFINITY),
            "0",
            "minimum lift of a rule: 1 leaves out rules that hold no more often than by chance",
        ),
        MAX_LEN,
        Argument::optional(
            "max_consequent_len",
            Takes::Integer(1, 62),
            "1",
            "maximum number of items in the consequents; more than 1 multiplies the rules",
        ),
        Argument::optional(
            "antecedent_items",
            Takes::ValuesOf("item"),
            "",
            "items allowed as antecedents, of the type of `item`; default: all",
        ),
        Argument::optional(
            "consequent_items",
            Takes::ValuesOf("item"),
            "",
            "items allowed as consequents, for rules that lead to what you want to sell; default: all",
        ),
        Argument::optional(
            "exclude_items",
            Takes::ValuesOf("item"),
            "",
            "items allowed on neither side, such as bags and delivery; default: none",
        ),
        MAX_BASKET_SIZE,
    ],
    columns: &[
        PER_COLUMN,
        Column { name: "antecedents", data_type: "list of items", text: "in ascending order" },
        Column { name: "consequents", data_type: "list of items", text: "in ascending order" },
        Column { name: "antecedent_support", data_type: "DOUBLE", text: "P(A)" },
        Column { name: "consequent_support", data_type: "DOUBLE", text: "P(C)" },
        Column { name: "support", data_type: "DOUBLE", text: "P(A,C)" },
        Column { name: "count", data_type: "BIGINT", text: "baskets that contain A and C" },
        Column { name: "confidence", data_type: "DOUBLE", text: "0 to 1" },
        Column { name: "lift", data_type: "DOUBLE", text: "0 or more" },
        Column { name: "leverage", data_type: "DOUBLE", text: "−0.25 to 0.25" },
        Column { name: "conviction", data_type: "DOUBLE", text: "0 to infinity" },
        Column { name: "zhangs_metric", data_type: "DOUBLE", text: "−1 to 1" },
        Column { name: "jaccard", data_type: "DOUBLE", text: "0 to 1" },
        Column { name: "certainty", data_type: "DOUBLE", text: "at most 1" },
        Column { name: "kulczynski", data_type: "DOUBLE", text: "0 to 1" },
        Column { name: "imbalance_ratio", data_type: "DOUBLE", text: "0 to 1" },
        Column { name: "p_value", data_type: "DOUBLE", text: "0 to 1" },
        Column { name: "p_adjusted", data_type: "DOUBLE", text: "0 to 1" },
        Column { name: "improvement", data_type: "DOUBLE", text: "−1 to 1" },
        Column { name: "is_redundant", data_type: "BOOLEAN", text: "true if a simpler rule is at least as confident" },
    ],
    examples: &[
        "SELECT antecedents, consequents, count, round(confidence, 3) AS confidence, round(lift, 2) AS lift
FROM association_rules(sample_order_items(rows => 20000), basket => order_id, item => product,
  min_support => 0.002, min_confidence => 0.2)
WHERE NOT is_redundant AND p_adjusted < 0.01
ORDER BY lift DESC LIMIT 5;",
        "SELECT antecedents, round(confidence, 3) AS confidence, count
FROM association_rules(sample_order_items(rows => 20000), basket => order_id, item => category,
  min_support => 0.005, min_confidence => 0.1, consequent_items => ['mother and baby'])
ORDER BY confidence DESC LIMIT 5;",
    ],
    source: "R. Agrawal, R. Srikant: Fast Algorithms for Mining Association Rules (1994); S. Brin, R. Motwani, J. Ullman, S. Tsur: Dynamic Itemset Counting (1997), conviction; T. Zhang: Association Rules (2000); R. Bayardo, R. Agrawal, D. Gunopulos: Constraint-Based Rule Mining (2000), improvement; M. Hahsler, K. Hornik: New Probabilistic Interest Measures for Association Rules (2007), Fisher's test; Y. Benjamini, Y. Hochberg: Controlling the False Discovery Rate (1995); names after mlxtend and arules.",
    ..Doc::EMPTY
};

impl RelationFunction for AssociationRules {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let items = list_of_items(DOC.name, roles)?;
        let mut columns: Vec<FieldRef> = per_column(roles).into_iter().collect();
        let before = DOC.columns.iter().skip(1).map(|column| {
            let data_type = match column.data_type {
                "list of items" => items.clone(),
                "BIGINT" => DataType::Int64,
                "BOOLEAN" => DataType::Boolean,
                _ => DataType::Float64,
            };
            field(column.name, data_type)
        });
        columns.extend(before);
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let options = &call.options;
        let items = |name: &str| -> Result<Option<Values>> {
            let Some(values) = options.list(name) else { return Ok(None) };
            let item = plain(call.roles.data_type("item")?);
            let cast = cast_with_options(values, item, &DEFAULT_CAST_OPTIONS);
            cast.map(|items| Some(Values(items)))
                .map_err(|_| invalid(DOC.name, format!("{name} must hold items of type {item}, got {}", values.data_type())))
        };
        let work = RuleMining {
            mining: Mining::read(&call)?,
            min_confidence: options.float("min_confidence")?,
            min_lift: options.float("min_lift")?,
            max_consequent_len: usize::try_from(options.integer("max_consequent_len")?).unwrap_or(1),
            antecedent_items: items("antecedent_items")?,
            consequent_items: items("consequent_items")?,
            exclude_items: items("exclude_items")?,
        };
        Mine::new(work).over([rows(&call)?], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct RuleMining {
    mining: Mining,
    min_confidence: f64,
    min_lift: f64,
    max_consequent_len: usize,
    antecedent_items: Option<Values>,
    consequent_items: Option<Values>,
    exclude_items: Option<Values>,
}

impl RuleMining {
    /// Which items may be antecedents, and which consequents; `None` for all.
    fn sides(&self, collected: &Collected) -> Result<[Option<Vec<bool>>; 2]> {
        let flags = |values: &Option<Values>| values.as_ref().map(|values| collected.flags(&values.0)).transpose();
        Ok([flags(&self.antecedent_items)?, flags(&self.consequent_items)?])
    }
}

impl Plain for RuleMining {
    const NAME: &'static str = "AssociationRules";
}

impl Work for RuleMining {
    const FUNCTION: &'static str = DOC.name;

    fn prepare(&self, collected: &mut Collected) -> Result<()> {
        let excluded = self.exclude_items.as_ref().map(|values| collected.flags(&values.0)).transpose()?;
        let sides = self.sides(collected)?;
        let on_no_side = |code: usize| sides.iter().all(|side| side.as_ref().is_some_and(|side| !side[code]));
        collected.exclude(|code| on_no_side(code) || excluded.as_ref().is_some_and(|excluded| excluded[code]));
        Ok(())
    }

    fn mine(&self, group: &BasketGroup<'_>) -> Result<(), Stop> {
        let [antecedents, consequents] = self.sides(group.collected).map_err(|error| group.running.fail(error))?;
        let database = group.database(&self.mining, consequents.as_deref(), consequents.is_some())?;
        let by_rank = |flags: &[bool], wanted: bool| -> Vec<bool> {
            database.items.iter().map(|item| flags[item.code as usize] == wanted).collect()
        };
        let goal = Goal {
            consequents: consequents.as_deref().map(|flags| by_rank(flags, true)),
            scarce: antecedents.as_deref().map(|flags| (by_rank(flags, false), self.max_consequent_len)),
            ..Goal::all(Target::Frequent, self.mining.max_len())
        };
        let kept = Kept::new(group.control);
        group.search(&database, &goal, self.mining.threshold, |sets| kept.add(sets))?;
        let (sets, _memory) = kept.finish();
        let wanted = Wanted {
            min_confidence: self.min_confidence,
            min_lift: self.min_lift,
            max_consequent_len: self.max_consequent_len,
            antecedents,
            consequents,
        };
        let derived = derive(&sets, database.baskets, &wanted, group.control);
        let (rules, _rules_memory) = derived.map_err(|stop| match stop {
            Stop::OutOfMemory(_) => self.do_not_fit(group, &database, &goal, &sets),
            stop => group.explain(stop),
        })?;
        let is_single = |index: usize| sets.get(index).len() < 2;
        if rules.is_empty() && (0..sets.len()).all(is_single) {
            self.tell_rare(group, &database);
        } else if rules.is_empty() {
            self.tell_unsure(group, &sets, database.baskets, wanted);
        }
        let p_values: Vec<f64> = rules.iter().map(|rule| rule.p_value).collect();
        let adjusted = adjust(&p_values, Method::Bh);
        for (rules, adjusted) in
            rules.chunks(group.running.worker.batch_size).zip(adjusted.chunks(group.running.worker.batch_size))
        {
            group.control.check()?;
            group.send(columns(rules, adjusted, &sets, &group.collected.items))?;
        }
        Ok(())
    }
}

impl RuleMining {
    /// Says that a rule needs two items that are together often enough. Where items are chosen, other reasons are as likely, and nothing is
    /// said; neither is it of one group among others.
    fn tell_rare(&self, group: &BasketGroup<'_>, database: &Database<'_>) {
        let is_chosen = [&self.antecedent_items, &self.consequent_items, &self.exclude_items].iter().any(|items| items.is_some());
        if is_chosen || group.collected.groups.is_some() || database.baskets == 0 || self.mining.max_len() < 2 {
            return;
        }
        let (least, baskets) = (grouped(u64::from(database.min_count)), grouped(u64::from(database.baskets)));
        let function = DOC.name;
        group.tell(format!(
            "{function}: no two items are together in {least} of {baskets} baskets (min_support, min_count); support_curve shows what less gives"
        ));
    }

    /// If the minimum confidence leaves no rules, says how many there are below it. With many itemsets or groups this would take too long,
    /// and nothing is said.
    fn tell_unsure(&self, group: &BasketGroup<'_>, sets: &Itemsets, baskets: u32, wanted: Wanted) {
        if group.collected.groups.is_some() || sets.len() > MOST_LOOKED_AT {
            return;
        }
        let wanted = Wanted { min_confidence: 0.0, ..wanted };
        let Ok((unsure, _memory)) = derive(sets, baskets, &wanted, group.control) else { return };
        let Some(best) = unsure.iter().map(|rule| rule.counts.confidence()).max_by(f64::total_cmp) else { return };
        // Rounded down, as a number below the minimum must not be shown as the minimum.
        let best = (best * 1000.0).floor() / 1000.0;
        let (least, count) = (self.min_confidence, grouped(unsure.len() as u64));
        let function = DOC.name;
        group.tell(format!(
            "{function}: no rule has a confidence of {least} or more (min_confidence); rules with less: {count}, the best with {best}"
        ));
    }

    fn do_not_fit(&self, group: &BasketGroup<'_>, database: &Database<'_>, goal: &Goal, sets: &Itemsets) -> Stop {
        let number = sets.len() as u64;
        let problem = format!("the rules of {number} itemsets do not fit into memory");
        group.itemsets_do_not_fit(database, goal, self.mining.threshold, &problem, number / 2)
    }
}

/// Up to this many itemsets are examined again to say why there are no rules.
const MOST_LOOKED_AT: usize = 100_000;

/// Itemsets kept together, in memory taken from the budget.
struct Kept<'a> {
    all: Mutex<(Itemsets, Option<Reserved<'a>>)>,
    control: Control<'a>,
}

impl<'a> Kept<'a> {
    fn new(control: Control<'a>) -> Self {
        Self { all: Mutex::default(), control }
    }

    fn add(&self, sets: Itemsets) -> Result<(), Stop> {
        let mut kept = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, memory) = &mut *kept;
        let wanted = sets.size();
        match memory {
            // A vector doubles when it is full, and both copies exist for a moment.
            Some(memory) => memory.grow(2 * wanted)?,
            None => *memory = Some(self.control.reserve(2 * wanted)?),
        }
        all.append(sets)
    }

    fn finish(self) -> (Itemsets, Option<Reserved<'a>>) {
        self.all.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn columns(rules: &[Rule], adjusted: &[f64], sets: &Itemsets, items: &ArrayRef) -> Result<Vec<ArrayRef>> {
    let (mut antecedents, mut consequents) = (Lists::new(), Lists::new());
    for rule in rules {
        let set = sets.get(rule.set as usize);
        let chosen = |mask: u64| bits(mask).map(|bit| set[bit]);
        consequents.push(chosen(rule.consequents));
        antecedents.push(chosen(!rule.consequents & ((1 << set.len()) - 1)));
    }
    let number =
        |measure: &dyn Fn(&Rule) -> f64| -> ArrayRef { Arc::new(rules.iter().map(measure).map(Some).collect::<Float64Array>()) };
    let of_counts = |measure: fn(Counts) -> f64| number(&|rule| measure(rule.counts));
    Ok(vec![
        antecedents.finish(items)?,
        consequents.finish(items)?,
        number(&|rule| rule.counts.share(rule.counts.antecedents)),
        number(&|rule| rule.counts.share(rule.counts.consequents)),
        number(&|rule| rule.counts.share(rule.counts.both)),
        Arc::new(rules.iter().map(|rule| Some(i64::from(rule.counts.both))).collect::<Int64Array>()),
        of_counts(Counts::confidence),
        of_counts(Counts::lift),
        of_counts(Counts::leverage),
        of_counts(Counts::conviction),
        of_counts(Counts::zhangs_metric),
        of_counts(Counts::jaccard),
        of_counts(Counts::certainty),
        of_counts(Counts::kulczynski),
        of_counts(Counts::imbalance_ratio),
        number(&|rule| rule.p_value),
        Arc::new(Float64Array::from(adjusted.to_vec())),
        number(&Rule::improvement),
        Arc::new(rules.iter().map(|rule| Some(rule.improvement() <= 0.0)).collect::<BooleanArray>()),
    ])
}
