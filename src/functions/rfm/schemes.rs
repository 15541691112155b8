//! The relation function `rfm_scheme`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::LogicalPlan;

use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::scheme::{LABELS, SCHEMES, Scheme, Scores};

#[derive(Debug)]
pub struct RfmScheme;

const DOC: Doc = Doc {
    name: "rfm_scheme",
    kind: Kind::Relation,
    domain: "rfm",
    summary: "Lists the cells of a segment scheme with their segments; every combination of scores lies in exactly one cell.",
    description: "\
A cell is a range for each score. `standard` is defined on five bins: recency against the mean of frequency and monetary, where halves are
rounded up; with another number of bins, each score is replaced by its fifth of the scale. `eight` is listed here for a mean of 3; `rfm`
uses the means of the data instead. `value_tier` is defined on 0 to 100:

- High Value 高价值客户: all three at least 80
- Potential 潜力客户: frequency or monetary at least 80, recency below 60
- Churn Risk 流失风险客户: recency below 40, frequency and monetary below 60
- Steady 稳健客户: recency at least 60, frequency or monetary at least 60, not High Value
- Recent 近期客户: recency at least 60, frequency and monetary below 60
- General 一般客户: all others

Use it to see what a segment means before you give it a campaign, or to keep the cells in a table, change them and join them to scores of
your own.

**Cost.** None to speak of: a constant list, no data is read.

**Elsewhere.** The names of `standard` are the usual ones of marketing tools and of R's package `rfm` (Champions, Loyal, At Risk …), whose
ranges overlap or leave gaps, so that the order of the rules decides. Here each combination of scores has one cell.",
    arguments: &[
        Argument::required(
            "scheme",
            Takes::Choice(SCHEMES),
            "scheme to list: eleven segments on scores of 1 to 5, eight by high and low, or six on 0 to 100",
        ),
        Argument::optional("labels", Takes::Choice(LABELS), "'en'", "language of the segment names"),
    ],
    columns: &[
        Column { name: "recency_from", data_type: "INT", text: "lowest recency score of the cell" },
        Column { name: "recency_to", data_type: "INT", text: "highest recency score of the cell" },
        Column { name: "frequency_from", data_type: "INT", text: "lowest frequency score of the cell" },
        Column { name: "frequency_to", data_type: "INT", text: "highest frequency score of the cell" },
        Column { name: "monetary_from", data_type: "INT", text: "lowest monetary score of the cell" },
        Column { name: "monetary_to", data_type: "INT", text: "highest monetary score of the cell" },
        Column { name: "segment", data_type: "VARCHAR", text: "the segment" },
    ],
    examples: &[
        "SELECT segment, count(*) AS cells FROM rfm_scheme('standard') GROUP BY segment ORDER BY cells DESC, segment;",
        "SELECT * FROM rfm_scheme('eight', labels => 'zh');",
    ],
    source: "the segments that marketing tools use, made free of gaps and overlaps; `eight` is the scheme of Chinese textbooks, above or below the mean of each measure.",
    ..Doc::EMPTY
};

fn fields() -> Vec<FieldRef> {
    let names = ["recency_from", "recency_to", "frequency_from", "frequency_to", "monetary_from", "monetary_to"];
    let mut fields: Vec<FieldRef> = names.iter().map(|name| Arc::new(Field::new(*name, DataType::Int32, false))).collect();
    fields.push(Arc::new(Field::new("segment", DataType::Utf8, false)));
    fields
}

/// The ranges of one score that a scheme distinguishes.
fn ranges(scheme: Scheme, is_recency: bool) -> Vec<(u8, u8)> {
    match scheme {
        Scheme::Standard => (1..=5).map(|score| (score, score)).collect(),
        Scheme::Eight => vec![(1, 3), (4, 5)],
        Scheme::ValueTier if is_recency => vec![(0, 39), (40, 59), (60, 79), (80, 100)],
        Scheme::ValueTier => vec![(0, 59), (60, 79), (80, 100)],
    }
}

/// The cells of a scheme: the lowest and highest value of each score, and the segment's index.
fn cells(scheme: Scheme) -> Vec<([(u8, u8); 3], usize)> {
    let scale = scheme.own_scale();
    let mut cells = vec![];
    for recency in ranges(scheme, true) {
        for frequency in ranges(scheme, false) {
            for monetary in ranges(scheme, false) {
                let corner = Scores { recency: recency.0, frequency: frequency.0, monetary: monetary.0 };
                cells.push(([recency, frequency, monetary], scheme.segment(corner, &scale)));
            }
        }
    }
    cells
}

impl RelationFunction for RfmScheme {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(fields())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let scheme = Scheme::named(call.options.word("scheme")?);
        let language = call.options.word("labels")?;
        let (cells, labels) = (cells(scheme), scheme.labels());
        let mut columns: Vec<ArrayRef> = vec![];
        for measure in 0..3 {
            let column = |edge: &dyn Fn((u8, u8)) -> u8| -> ArrayRef {
                Arc::new(Int32Array::from_iter_values(cells.iter().map(|(ranges, _)| i32::from(edge(ranges[measure])))))
            };
            columns.extend([column(&|range| range.0), column(&|range| range.1)]);
        }
        let segments = cells.iter().map(|(_, segment)| labels[*segment].text(language));
        columns.push(Arc::new(StringArray::from_iter_values(segments)));
        let schema = Arc::new(Schema::new(fields()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        call.scan(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each combination of scores lies in exactly one cell of the listed table, which names the segment that the scheme gives.
    #[test]
    fn every_score_lies_in_exactly_one_cell() {
        for scheme in [Scheme::Standard, Scheme::Eight, Scheme::ValueTier] {
            let (cells, scale) = (cells(scheme), scheme.own_scale());
            for recency in scale.scores() {
                for frequency in scale.scores() {
                    for monetary in scale.scores() {
                        let scores = Scores { recency, frequency, monetary };
                        let point = [recency, frequency, monetary];
                        let inside = |ranges: &[(u8, u8); 3]| {
                            ranges.iter().zip(point).all(|((from, to), score)| (*from..=*to).contains(&score))
                        };
                        let mut owners = cells.iter().filter(|(ranges, _)| inside(ranges));
                        let owner = owners.next().map(|(_, segment)| *segment);
                        assert_eq!(owner, Some(scheme.segment(scores, &scale)), "{scheme:?} {scores:?}");
                        assert!(owners.next().is_none(), "{scheme:?} {scores:?}");
                    }
                }
            }
        }
    }
}
