//! The relation function `l_diversity`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, StringViewArray};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::classes::{Combinations, INPUT, QUASI_IDENTIFIERS, SENSITIVE, counted, fields, names, one_row, whole};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Step, StepContext, Streams};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::privacy::anonymity::Diversity;

#[derive(Debug)]
pub struct LDiversity;

const C: &str = "c";

const DOC: Doc = Doc {
    name: "l_diversity",
    kind: Kind::Relation,
    domain: "privacy",
    summary: "Measures how many values of a sensitive column each class has: distinct, entropy and recursive (c, l)-diversity.",
    description: "\
One row. If all rows of a class have the same illness, whoever finds the class knows the illness, however many rows there are. A class is
l-diverse if it has l well-represented values, and a table is l-diverse if all its classes are:

| column | l of a class |
|---|---|
| `distinct_l` | the number of distinct values |
| `entropy_l` | e to the power of the entropy −Σ p ln p of their shares p: the number of equally frequent values with the same entropy |
| `recursive_l` | the largest l with r₁ < c · (rₗ + … + rₘ), where r₁ ≥ r₂ ≥ … are the row counts of the values: the most frequent value is not too frequent; 0 if not even l = 1 holds, which is possible with c ≤ 1 |

Each measure is that of the worst class. `uniform_rows` are the rows in classes with only one value: everyone who knows their
quasi-identifiers knows their sensitive value.

NULL is a value like any other, also in the sensitive column. Memory grows with the distinct combinations. For an empty input, everything
except `rows` and `classes` is NULL.

**Limits.** l says nothing about how alike the values are: three kinds of cancer are three values. Where most rows have one value (no
illness), an l above 2 is hardly possible; `t_closeness` measures what is learned instead.

**Cost.** One pass and a count for each distinct combination of class and sensitive value.

**Elsewhere.** In SQL the distinct form is the smallest `count(DISTINCT illness)` of a class. ARX, `ldiversity` of sdcMicro, and `l_diversity`
of pycanon have all three.",
    arguments: &[
        INPUT,
        QUASI_IDENTIFIERS,
        SENSITIVE,
        Argument::optional(
            C,
            Takes::Float(0.0, 1e9),
            "3",
            "for the recursive form: how much more frequent the first value may be than the rest",
        ),
    ],
    columns: &[
        Column { name: "rows", data_type: "BIGINT", text: "rows of the input" },
        Column { name: "classes", data_type: "BIGINT", text: "number of classes" },
        Column { name: "distinct_l", data_type: "BIGINT", text: "distinct l-diversity" },
        Column { name: "entropy_l", data_type: "DOUBLE", text: "entropy l-diversity" },
        Column { name: "recursive_l", data_type: "BIGINT", text: "recursive (c, l)-diversity" },
        Column { name: "uniform_classes", data_type: "BIGINT", text: "classes with only one value" },
        Column { name: "uniform_rows", data_type: "BIGINT", text: "rows in these classes" },
        Column {
            name: "least_diverse_class",
            data_type: "VARCHAR",
            text: "a class with the least entropy; ties: the first in the order of their values",
        },
    ],
    examples: &[
        "SELECT classes, distinct_l, round(entropy_l, 3) AS entropy_l, recursive_l, uniform_rows, least_diverse_class
FROM l_diversity((SELECT * FROM (VALUES ('2*', 'flu'), ('2*', 'flu'), ('2*', 'cancer'), ('3*', 'flu'), ('3*', 'flu')) AS t(age, illness)),
  quasi_identifiers => [age], sensitive => illness);",
        "SELECT rows, classes, distinct_l, round(entropy_l, 2) AS entropy_l, uniform_rows, least_diverse_class
FROM l_diversity((SELECT city_tier, channel FROM sample_customers(rows => 1000)), quasi_identifiers => [city_tier], sensitive => channel);",
    ],
    source: "A. Machanavajjhala, D. Kifer, J. Gehrke, M. Venkitasubramaniam: ℓ-Diversity, Privacy Beyond k-Anonymity (2007)",
    ..Doc::EMPTY
};

impl RelationFunction for LDiversity {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(fields(DOC.columns, &DataType::Utf8View))
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let c = call.options.float(C)?;
        ClassDiversity { names: names(&call.roles), c }.over([counted(&call)?], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClassDiversity {
    names: Vec<String>,
    c: f64,
}

impl Plain for ClassDiversity {
    const NAME: &'static str = "LDiversity";
}

impl Step for ClassDiversity {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let step = self.clone();
        one_row(inputs, context, move |combinations| step.shown(combinations))
    }
}

impl ClassDiversity {
    fn shown(&self, combinations: &Combinations) -> Result<Vec<ArrayRef>> {
        let rows = combinations.rows();
        let classes = combinations.classes(self.names.len())?;
        let mut worst: Option<Diversity> = None;
        let mut least: Option<(f64, usize)> = None;
        let (mut uniform_classes, mut uniform_rows) = (0_u64, 0_u64);
        for class in &classes {
            let of_class = Diversity::of(&rows[class.clone()], self.c);
            if of_class.distinct == 1 {
                uniform_classes += 1;
                uniform_rows += rows[class.start];
            }
            if least.is_none_or(|(entropy, _)| of_class.entropy < entropy) {
                least = Some((of_class.entropy, class.start));
            }
            worst = Some(worst.map_or(of_class, |worst| worst.worse(of_class)));
        }
        let class = least.map(|(_, row)| combinations.shown(row, &self.names)).transpose()?;
        Ok(vec![
            whole(Some(rows.iter().sum())),
            whole(Some(classes.len() as u64)),
            whole(worst.map(|worst| worst.distinct)),
            Arc::new(Float64Array::from(vec![worst.map(|worst| worst.entropy)])),
            whole(worst.map(|worst| worst.recursive)),
            whole(worst.map(|_| uniform_classes)),
            whole(worst.map(|_| uniform_rows)),
            Arc::new(StringViewArray::from_iter([class])),
        ])
    }
}
