//! The relation function `t_closeness`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, StringViewArray};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::classes::{Combinations, INPUT, QUASI_IDENTIFIERS, SENSITIVE, counted, fields, names, one_row, whole};
use crate::adapter::arguments::is_time;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Step, StepContext, Streams};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::privacy::anonymity::{Ground, distance};

#[derive(Debug)]
pub struct TCloseness;

const DISTANCE: &str = "distance";
const WORDS: [&str; 2] = ["equal", "ordered"];

const DOC: Doc = Doc {
    name: "t_closeness",
    kind: Kind::Relation,
    domain: "privacy",
    summary: "Measures how much the sensitive values of a class differ from the whole table: t-closeness by the earth mover's distance.",
    description: "\
One row. Finding the class of a person reveals something about the sensitive value if the values in the class differ from those of all rows.
`t` is the distance of the class that differs most, between 0 (every class is like the whole table) and 1. p are the shares of the values in
the class, and q those in all rows:

| `distance` | t of a class | used by default for |
|---|---|---|
| `'equal'` | ½ Σ ∣pᵢ − qᵢ∣: any two values are 1 apart | text, booleans |
| `'ordered'` | 1 / (m − 1) · Σᵢ ∣Σⱼ≤ᵢ (pⱼ − qⱼ)∣ over the m values in their order: neighbours are 1 / (m − 1) apart, whatever their difference | numbers, dates, times |

`average_t` is the mean over the rows. Both are computed from integers, so they do not depend on the order of rows. NULL is a value like any
other, the smallest in the order. For an empty input, everything except `rows` and `classes` is NULL.

**Cost.** One pass and a count for each distinct combination; the time of the ordered distance grows with classes times values.

**Elsewhere.** ARX (equal, ordered and hierarchical distance) and `t_closeness` of pycanon. There is no t that is right for every table: 0.2
is often asked for; `average_t` shows whether one class or all of them differ.",
    arguments: &[
        INPUT,
        QUASI_IDENTIFIERS,
        SENSITIVE,
        Argument::optional(
            DISTANCE,
            Takes::Choice(&WORDS),
            "",
            "distance between values: `ordered` for numbers and dates, `equal` for all others; the default follows the type",
        ),
    ],
    columns: &[
        Column { name: "rows", data_type: "BIGINT", text: "rows of the input" },
        Column { name: "classes", data_type: "BIGINT", text: "number of classes" },
        Column { name: "distance", data_type: "VARCHAR", text: "`equal` or `ordered`" },
        Column { name: "t", data_type: "DOUBLE", text: "largest distance of a class" },
        Column { name: "average_t", data_type: "DOUBLE", text: "mean over the rows" },
        Column {
            name: "farthest_class",
            data_type: "VARCHAR",
            text: "a class with that distance; ties: the first in the order of their values",
        },
    ],
    examples: &[
        "SELECT classes, distance, round(t, 3) AS t, round(average_t, 3) AS average_t, farthest_class
FROM t_closeness((SELECT * FROM (VALUES ('476**', 3), ('476**', 4), ('476**', 5), ('4790*', 6), ('4790*', 11), ('4790*', 8),
  ('476**', 7), ('476**', 9), ('476**', 10)) AS t(postcode, salary)), quasi_identifiers => [postcode], sensitive => salary);",
        "SELECT classes, distance, round(t, 3) AS t, round(average_t, 3) AS average_t, farthest_class
FROM t_closeness(sample_customers(rows => 1000), quasi_identifiers => [city_tier], sensitive => channel);",
    ],
    source: "N. Li, T. Li, S. Venkatasubramanian: t-Closeness, Privacy Beyond k-Anonymity and ℓ-Diversity (2007)",
    ..Doc::EMPTY
};

impl RelationFunction for TCloseness {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(fields(DOC.columns, &DataType::Utf8View))
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let sensitive = call.roles.data_type(SENSITIVE.name)?;
        let ordered = match call.options.is_given(DISTANCE) {
            true => call.options.word(DISTANCE)? == WORDS[1],
            false => sensitive.is_numeric() || is_time(sensitive),
        };
        ClassDistances { names: names(&call.roles), ordered }.over([counted(&call)?], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClassDistances {
    names: Vec<String>,
    ordered: bool,
}

impl Plain for ClassDistances {
    const NAME: &'static str = "TCloseness";
}

impl Step for ClassDistances {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let step = self.clone();
        one_row(inputs, context, move |combinations| step.shown(combinations))
    }
}

impl ClassDistances {
    fn shown(&self, combinations: &Combinations) -> Result<Vec<ArrayRef>> {
        let rows = combinations.rows();
        let classes = combinations.classes(self.names.len())?;
        let (places, values) = combinations.places(self.names.len())?;
        let mut all = vec![0_u64; values];
        for (place, rows) in places.iter().zip(&rows) {
            all[*place as usize] += rows;
        }
        let ground = if self.ordered { Ground::Ordered } else { Ground::Equal };
        let mut farthest: Option<(f64, usize)> = None;
        let mut sum = 0.0;
        let all_rows: u64 = rows.iter().sum();
        for class in &classes {
            // The combinations of a class are in the order of the sensitive values.
            let own: Vec<(usize, u64)> =
                class.clone().map(|combination| (places[combination] as usize, rows[combination])).collect();
            let of_class = distance(&own, &all, ground);
            sum += of_class * own.iter().map(|(_, rows)| rows).sum::<u64>() as f64;
            if farthest.is_none_or(|(distance, _)| of_class > distance) {
                farthest = Some((of_class, class.start));
            }
        }
        let class = farthest.map(|(_, row)| combinations.shown(row, &self.names)).transpose()?;
        let word = farthest.map(|_| WORDS[usize::from(self.ordered)]);
        Ok(vec![
            whole(Some(all_rows)),
            whole(Some(classes.len() as u64)),
            Arc::new(StringViewArray::from_iter([word])),
            Arc::new(Float64Array::from(vec![farthest.map(|(distance, _)| distance)])),
            Arc::new(Float64Array::from(vec![farthest.map(|_| sum / all_rows as f64)])),
            Arc::new(StringViewArray::from_iter([class])),
        ])
    }
}
