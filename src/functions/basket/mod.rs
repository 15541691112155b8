//! Market baskets: frequent itemsets, association rules, recommendations.
//!
//! [`itemsets`](crate::kernels::itemsets) is the algorithm, in plain Rust. [`input`] converts Arrow batches to its baskets,
//! [`step`] runs it on separate threads, and each function's file defines what is mined and what the rows look like.

mod association_rules;
mod frequent_itemsets;
mod input;
mod options;
mod output;
mod recommend;
mod step;
mod support_curve;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("basket", "Market baskets: itemsets, rules and recommendations")
        .relation(frequent_itemsets::FrequentItemsets)
        .relation(association_rules::AssociationRules)
        .relation(recommend::Recommend)
        .relation(support_curve::SupportCurve)
        .step::<step::Mine<frequent_itemsets::ItemsetMining>>()
        .step::<step::Mine<association_rules::RuleMining>>()
        .step::<step::Mine<support_curve::SupportCounts>>()
        .step::<recommend::ApplyRules>()
}
