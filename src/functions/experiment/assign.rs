//! `assign`: the group of a key.

use crate::adapter::arguments::Options;
use crate::adapter::text_function::{Gives, OfText, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::error::invalid;
use crate::kernels::experiment::assign::{ends, part, position};
use datafusion::common::Result;

pub const ALL: [TextFunction; 1] = [TextFunction::new(
    Doc {
        name: "assign",
        domain: "experiment",
        summary: "Assigns a customer to a group of an experiment, always the same group.",
        description: "\
The text of the key and the salt are hashed to a number from 0 to 1, and the number falls into one of the `shares`, which follow each other
in order. So a key has the same group on every machine and at any time, groups have about the planned sizes, and experiments with different
salts are independent. The number 42 and the string '42' are the same key.

A key beyond the last share is in no group: the result is NULL, as it is for a NULL key. With shares of 0.05 and 0.05, nine out of ten
customers are not in the experiment. Only the last share can grow without moving other customers, so put the share that will grow last, or
use a separate salt for each group. `experiment_result` checks that the groups have the planned sizes.

Other programs can compute the same: `XXH64('salt:key')` with seed 0, shifted right by 11 bits, divided by 2⁵³ (in Python,
`(xxhash.xxh64(b'checkout:42').intdigest() >> 11) / 2**53` is 0.8473…; ClickHouse has `xxHash64`).

**Limits.** A salt that was used before gives the same groups again, with what remains of the earlier treatment: use a new one for each
experiment. Do not search salts for groups that look balanced.

**Cost.** One hash per row; nothing is stored, and no list has to be sent to other systems.

**Elsewhere.** `random() < 0.5` draws anew each time and must be stored. `hash(…)` of DuckDB and `hashtext` of PostgreSQL may change with
the version. Experiment platforms (GrowthBook, Statsig, Optimizely) hash in the same way with functions of their own, so their groups are
others.",
        arguments: &[
            text("key", "key of the customer, of any type; NULL gives NULL"),
            Argument::required("salt", Takes::Text, "name of the experiment: another name gives other groups"),
            Argument::optional("shares", Takes::Shares, "[0.5, 0.5]", "share of each group; together at most 1"),
            Argument::optional(
                "labels",
                Takes::Texts,
                "",
                "names of the groups, as many as shares; default: control and treatment; with more than two groups control, treatment_1, treatment_2 …",
            ),
        ],
        examples: &[
            "SELECT customer_id, assign(customer_id, salt => 'free_delivery') AS variant FROM sample_customers(rows => 3);",
            "-- One in ten is held out, the others get one of two offers.
SELECT assign(customer_id, salt => 'spring', shares => [0.1, 0.45, 0.45], labels => ['holdout', 'coupon', 'gift']) AS variant, count(*) AS customers
FROM sample_customers(rows => 10000) GROUP BY variant ORDER BY variant;",
        ],
        source: "Y. Collet: XXH64; R. Kohavi, D. Tang, Y. Xu: Trustworthy Online Controlled Experiments (2020)",
        ..Doc::EMPTY
    },
    Gives::Text(assign),
)];

fn assign(options: &Options) -> Result<OfText<bool>> {
    let function = "assign";
    let salt = options
        .text("salt")
        .ok_or_else(|| invalid(function, "salt must be a string, got NULL; write salt => 'name of the experiment'"))?;
    let salt = salt.to_string();
    let shares = options.floats("shares").unwrap_or(&[0.5, 0.5]);
    let ends = ends(shares);
    if let Some(sum) = ends.last().filter(|sum| **sum > 1.0) {
        return Err(invalid(function, format!("shares must add up to at most 1, got {sum}")));
    }
    let labels = match options.names("labels") {
        Some(labels) if labels.len() != shares.len() => {
            let problem =
                format!("labels must have one entry per share, got {} labels and {} shares", labels.len(), shares.len());
            return Err(invalid(function, problem));
        }
        Some(labels) => labels.to_vec(),
        None if shares.len() <= 2 => ["control", "treatment"].map(String::from).to_vec(),
        None => {
            let others = (1..shares.len()).map(|number| format!("treatment_{number}"));
            std::iter::once("control".to_string()).chain(others).collect()
        }
    };
    let mut hashed = String::new();
    Ok(Box::new(move |key, group| {
        let label = part(&ends, position(&salt, key, &mut hashed)).and_then(|part| labels.get(part));
        label.is_some_and(|label| {
            group.push_str(label);
            true
        })
    }))
}
