//! The relation function `k_anonymity`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, ListArray, StringViewArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{Column as Name, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, lit};
use serde::{Deserialize, Serialize};

use super::classes::{Combinations, INPUT, QUASI_IDENTIFIERS, counted, fields, names, one_row, whole};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Step, StepContext, Streams};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid};
use crate::kernels::privacy::anonymity::{Sizes, journalist_risks};

#[derive(Debug)]
pub struct KAnonymity;

const SMALLEST: &str = "smallest";
const POPULATION: &str = "population";

const DOC: Doc = Doc {
    name: "k_anonymity",
    kind: Kind::Relation,
    domain: "privacy",
    summary: "Measures how well the rows of a table are hidden among others: the size k of the smallest class, and re-identification risks.",
    description: "\
One row. A table is k-anonymous if every row has the same quasi-identifiers as at least k − 1 other rows. Someone who knows these values of
a person then finds k rows, and cannot know which of them is the person's. Rows with the same quasi-identifiers form a class.

| risk | formula | meaning |
|---|---|---|
| `highest_risk` | 1 / k | prosecutor risk: the probability of finding the row of the person who is easiest to find, if it is known that the person is in the table |
| `average_risk` | classes / rows | the mean of the same risk; also the marketer risk: the share of rows found when each is guessed |
| `journalist_highest_risk` | 1 / persons in the smallest class of the population | journalist risk, if it is not known who is in the table: the probability of finding the right person of the population for the row that is easiest to find |
| `journalist_average_risk` | mean over the rows of 1 / persons of the class in the population | the mean of the same risk |

The journalist risks need `population`, of which the table is a sample. Without it they are NULL; they are never higher than the prosecutor risks. If the population has fewer persons
of a class than the table has rows, the class counts with its rows.

`smallest_classes` lists the classes with the fewest rows; ties are in the order of their values. k says nothing about what the rows of a
class have in common: if all of them have the same illness, finding the class is enough. See `l_diversity` and `t_closeness`, and
`anonymize` to make a table with a given k.

NULL is a value like any other, and so is NaN. Classes are counted first, so memory grows with the distinct combinations and not with the
rows. For an empty input, everything except `rows` and `classes` is NULL.

**Cost.** One pass and a count for each distinct combination, with the memory that these need; `population` is read in the same way.

**Elsewhere.** In SQL `min(n)` over `GROUP BY` of the quasi-identifiers gives k. `freqCalc` and `measure_risk` of R's sdcMicro, ARX, and
Python's pycanon have k and the risks; sdcMicro also estimates the risk in the population from sampling weights.",
    arguments: &[
        INPUT,
        Argument::optional(
            POPULATION,
            Takes::Relation,
            "",
            "the population that the rows are a sample of, one row per person, with columns of the same names",
        ),
        QUASI_IDENTIFIERS,
        Argument::optional(
            SMALLEST,
            Takes::Integer(0, 1000),
            "5",
            "number of smallest classes to list in `smallest_classes`, the rows to look at first",
        ),
    ],
    columns: &[
        Column { name: "rows", data_type: "BIGINT", text: "rows of the input" },
        Column { name: "classes", data_type: "BIGINT", text: "number of classes" },
        Column { name: "k", data_type: "BIGINT", text: "rows of the smallest class" },
        Column { name: "average_class_size", data_type: "DOUBLE", text: "rows / classes" },
        Column { name: "unique_rows", data_type: "BIGINT", text: "rows that are alone in their class" },
        Column { name: "unique_share", data_type: "DOUBLE", text: "share of the rows that are alone in their class" },
        Column { name: "rows_below_3", data_type: "BIGINT", text: "rows in classes of fewer than 3" },
        Column { name: "rows_below_5", data_type: "BIGINT", text: "rows in classes of fewer than 5" },
        Column { name: "rows_below_10", data_type: "BIGINT", text: "rows in classes of fewer than 10" },
        Column { name: "highest_risk", data_type: "DOUBLE", text: "1 / k" },
        Column { name: "average_risk", data_type: "DOUBLE", text: "classes / rows" },
        Column {
            name: "journalist_highest_risk",
            data_type: "DOUBLE",
            text: "1 / persons of the smallest class in the population",
        },
        Column { name: "journalist_average_risk", data_type: "DOUBLE", text: "the same on average over the rows" },
        Column { name: "smallest_classes", data_type: "STRUCT(class VARCHAR, rows BIGINT)[]", text: "the smallest classes" },
    ],
    examples: &[
        "SELECT rows, classes, k, unique_rows, rows_below_5, round(average_risk, 3) AS average_risk
FROM k_anonymity((SELECT * FROM (VALUES (25, 'f'), (25, 'f'), (31, 'm'), (31, 'm'), (40, 'f')) AS t(age, sex)), quasi_identifiers => [age, sex]);",
        "SELECT rows, classes, k, unique_rows, round(highest_risk, 3) AS highest_risk, round(average_risk, 3) AS average_risk
FROM k_anonymity((SELECT generalize(age, 10) AS age_band, gender, city_tier FROM sample_customers(rows => 1000)),
  quasi_identifiers => [age_band, gender, city_tier]);",
    ],
    source: "L. Sweeney: k-anonymity, a model for protecting privacy (2002); K. El Emam: Guide to the De-Identification of Personal Health Information (2013)",
    ..Doc::EMPTY
};

fn class_fields() -> Fields {
    Fields::from(vec![Field::new("class", DataType::Utf8View, true), Field::new("rows", DataType::Int64, true)])
}

fn class_item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(class_fields()), true))
}

impl RelationFunction for KAnonymity {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(fields(DOC.columns, &DataType::List(class_item())))
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let smallest = call.options.integer(SMALLEST)?.unsigned_abs() as usize;
        let has_population = call.others.iter().any(|(name, _)| *name == POPULATION);
        let input = if has_population { counted_within(&call)? } else { counted(&call)? };
        ClassSizes { names: names(&call.roles), smallest, has_population }.over([input], call.schema)
    }
}

/// The plan of (quasi-identifiers …, population, rows): how often each combination of the rows stands in the population, and in the rows.
fn counted_within(call: &Call) -> Result<LogicalPlan> {
    let (input, population) = (call.input()?, call.other(POPULATION)?);
    let (mut own, mut others) = (vec![], vec![]);
    for (place, role) in call.roles.list(QUASI_IDENTIFIERS.name) {
        let Some(column) = input.schema().columns().into_iter().nth(place) else { continue };
        let found = population.schema().columns().into_iter().find(|other| other.name == role.column);
        let found = found.ok_or_else(|| {
            let names: Vec<String> = population.schema().columns().into_iter().map(|column| column.name).collect();
            let suggestion = did_you_mean(&role.column, names.iter().map(String::as_str));
            let problem = format!("population: has no column \"{}\"{suggestion}; it has {}", role.column, names.join(", "));
            invalid(DOC.name, problem)
        })?;
        let name = format!("value {}", own.len());
        own.push(Expr::Column(column).alias(&name));
        others.push(cast(Expr::Column(found), role.field.data_type().clone()).alias(&name));
    }
    let keys: Vec<Expr> = (0..own.len()).map(|number| col(Name::from_name(format!("value {number}")))).collect();
    own.extend([lit(0_i64).alias("persons"), lit(1_i64).alias("row")]);
    others.extend([lit(1_i64).alias("persons"), lit(0_i64).alias("row")]);
    let others = LogicalPlanBuilder::from(population).project(others)?.build()?;
    let both = LogicalPlanBuilder::from(input).project(own)?.union(others)?;
    let sums = vec![sum(col("persons")).alias("persons of the combination"), sum(col("row")).alias("rows of the combination")];
    let found = col(Name::from_name("rows of the combination")).gt(lit(0_i64));
    both.aggregate(keys, sums)?.filter(found)?.build()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClassSizes {
    names: Vec<String>,
    smallest: usize,
    /// The input has a column with each class's persons in the population before the one with its rows.
    has_population: bool,
}

impl Plain for ClassSizes {
    const NAME: &'static str = "KAnonymity";
}

impl Step for ClassSizes {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let step = self.clone();
        one_row(inputs, context, move |combinations| step.shown(combinations))
    }
}

impl ClassSizes {
    fn shown(&self, combinations: &Combinations) -> Result<Vec<ArrayRef>> {
        let sizes = combinations.rows();
        let found = Sizes::of(&sizes);
        let real = |value: Option<f64>| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
        let risks = match self.has_population {
            true => {
                let persons = combinations.column(self.names.len()).as_primitive::<Int64Type>();
                let persons = persons.values().iter().map(|persons| persons.unsigned_abs());
                journalist_risks(&sizes.iter().copied().zip(persons).collect::<Vec<_>>())
            }
            false => None,
        };
        let of = |value: fn(&Sizes) -> u64| whole(found.as_ref().map(value));
        let share = |value: fn(&Sizes) -> f64| real(found.as_ref().map(value));
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|row| sizes[*row]);
        order.truncate(self.smallest);
        let names = order.iter().map(|row| Ok(Some(combinations.shown(*row, &self.names)?))).collect::<Result<Vec<_>>>()?;
        let rows: Int64Array = order.iter().map(|row| Some(sizes[*row] as i64)).collect();
        let classes: Vec<ArrayRef> = vec![Arc::new(names.into_iter().collect::<StringViewArray>()), Arc::new(rows)];
        let classes = StructArray::try_new(class_fields(), classes, None)?;
        let smallest = ListArray::try_new(class_item(), OffsetBuffer::from_lengths([order.len()]), Arc::new(classes), None)?;
        Ok(vec![
            whole(Some(found.as_ref().map_or(0, |found| found.rows))),
            whole(Some(found.as_ref().map_or(0, |found| found.classes))),
            of(|found| found.k),
            share(|found| found.rows as f64 / found.classes as f64),
            of(|found| found.in_small[0]),
            share(|found| found.in_small[0] as f64 / found.rows as f64),
            of(|found| found.in_small[1]),
            of(|found| found.in_small[2]),
            of(|found| found.in_small[3]),
            share(Sizes::highest_risk),
            share(Sizes::average_risk),
            real(risks.map(|(highest, _)| highest)),
            real(risks.map(|(_, average)| average)),
            Arc::new(smallest),
        ])
    }
}
