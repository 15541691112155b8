//! Aggregates and values over a frame without some of its rows: `sum(a) OVER (ORDER BY b ROWS 2 PRECEDING EXCLUDE CURRENT ROW)`.
//!
//! DataFusion has no EXCLUDE. A call with it is written with a mark among its partitions, which a [rule](mod@crate::sql) takes away, and becomes one
//! of these functions. It looks at the rows of the frame that are not left out, for each row anew: its time is the number of rows times
//! that of the rows in their frames.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{filter, partition};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{AggregateUDF, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};

/// The rows that are left out of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Excluded {
    CurrentRow,
    /// The current row, and its peers: those that are equal to it in ORDER BY.
    Group,
    /// The peers of the current row.
    Ties,
}

impl Excluded {
    pub const ALL: [Self; 3] = [Self::CurrentRow, Self::Group, Self::Ties];

    /// As it is written after EXCLUDE.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::CurrentRow => &["current", "row"],
            Self::Group => &["group"],
            Self::Ties => &["ties"],
        }
    }

    /// The text that stands among the partitions of a window until the call is replaced.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::CurrentRow => "__exclude_current_row",
            Self::Group => "__exclude_group",
            Self::Ties => "__exclude_ties",
        }
    }

    /// That of a mark.
    pub fn of_mark(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|excluded| excluded.mark() == text)
    }
}

/// What is computed from the rows that are left.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Computed {
    Aggregate {
        function: Arc<AggregateUDF>,
        is_distinct: bool,
        /// True if the last argument is the condition of FILTER.
        has_filter: bool,
    },
    FirstValue,
    LastValue,
    /// The second argument counts from the first row, or from the last if it is negative.
    NthValue,
}

/// The function of a call.
pub fn udf(computed: Computed, excluded: Excluded) -> WindowUDF {
    let own = match &computed {
        Computed::Aggregate { function, .. } => function.name(),
        Computed::FirstValue => "first_value",
        Computed::LastValue => "last_value",
        Computed::NthValue => "nth_value",
    };
    let name = format!("{own}{}", excluded.mark());
    WindowUDF::new_from_impl(Excluding { name, computed, excluded, signature: Signature::variadic_any(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Excluding {
    name: String,
    computed: Computed,
    excluded: Excluded,
    signature: Signature,
}

impl WindowUDFImpl for Excluding {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        let fields = arguments.input_fields();
        let field = match &self.computed {
            Computed::Aggregate { function, has_filter, .. } => {
                let of_aggregate = fields.len().saturating_sub(usize::from(*has_filter));
                function.return_field(&fields[..of_aggregate])?
            }
            Computed::FirstValue | Computed::LastValue | Computed::NthValue => match fields.first() {
                Some(field) => Arc::new(field.as_ref().clone().with_nullable(true)),
                None => return internal_err!("{}: expected an argument", self.name),
            },
        };
        Ok(Arc::new(field.as_ref().clone().with_name(arguments.name())))
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let fields = arguments.input_fields().to_vec();
        let read = |(place, expression): (usize, &Arc<dyn PhysicalExpr>)| match expression.downcast_ref::<Literal>() {
            Some(_) => Arc::clone(expression),
            None => Arc::new(Column::new(&format!("argument {place}"), place)) as Arc<dyn PhysicalExpr>,
        };
        let named = |(place, field): (usize, &FieldRef)| field.as_ref().clone().with_name(format!("argument {place}"));
        Ok(Box::new(Rows {
            computed: self.computed.clone(),
            excluded: self.excluded,
            expressions: arguments.input_exprs().iter().enumerate().map(read).collect(),
            schema: Schema::new(fields.iter().enumerate().map(named).collect::<Vec<_>>()),
            fields,
            ignores_nulls: arguments.ignore_nulls(),
            row: 0,
            peers: None,
        }))
    }
}

/// The rows of one partition, one after another.
#[derive(Debug)]
struct Rows {
    computed: Computed,
    excluded: Excluded,
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    fields: Vec<FieldRef>,
    schema: Schema,
    ignores_nulls: bool,
    /// The number of the current row.
    row: usize,
    /// The groups of peers, once they are known.
    peers: Option<Vec<Range<usize>>>,
}

impl PartitionEvaluator for Rows {
    /// The frames are given one after another, from the first row of the partition, with all rows of it.
    fn evaluate(&mut self, values: &[ArrayRef], frame: &Range<usize>) -> Result<ScalarValue> {
        let (arguments, order) = values.split_at(self.fields.len().min(values.len()));
        let left_out = self.left_out(arguments, order)?;
        let mut parts = vec![frame.start..frame.end.min(left_out.start), frame.start.max(left_out.end)..frame.end];
        if self.excluded == Excluded::Ties && frame.contains(&self.row) {
            parts.insert(1, self.row..self.row + 1);
        }
        parts.retain(|part| !part.is_empty());
        self.row += 1;
        match &self.computed {
            Computed::Aggregate { function, is_distinct, has_filter } => {
                self.aggregate(function, *is_distinct, *has_filter, arguments, &parts)
            }
            Computed::FirstValue => self.value(arguments, parts.into_iter().flatten()),
            Computed::LastValue => self.value(arguments, parts.into_iter().flatten().rev()),
            Computed::NthValue => {
                let [_, place] = arguments else { return internal_err!("nth_value: expected two arguments") };
                let place = ScalarValue::try_from_array(place, self.row - 1)?.cast_to(&DataType::Int64)?;
                let rows = parts.into_iter().flatten();
                match place {
                    ScalarValue::Int64(Some(place)) if place > 0 => self.nth(arguments, rows, place),
                    ScalarValue::Int64(Some(place)) if place < 0 => self.nth(arguments, rows.rev(), place.saturating_neg()),
                    _ => ScalarValue::try_from(self.fields[0].data_type()),
                }
            }
        }
    }

    fn uses_window_frame(&self) -> bool {
        true
    }
}

impl Rows {
    /// The rows around the current one that are left out, in which EXCLUDE TIES counts the current row too.
    fn left_out(&mut self, arguments: &[ArrayRef], order: &[ArrayRef]) -> Result<Range<usize>> {
        if self.excluded == Excluded::CurrentRow {
            return Ok(self.row..self.row + 1);
        }
        let rows = arguments.first().map_or(0, |argument| argument.len());
        let peers = match &mut self.peers {
            Some(peers) => peers,
            // Without ORDER BY, all rows are peers.
            None if order.is_empty() => self.peers.insert(std::iter::once(0..rows).collect()),
            None => self.peers.insert(partition(order)?.ranges()),
        };
        let place = peers.partition_point(|group| group.end <= self.row);
        match peers.get(place) {
            Some(group) => Ok(group.clone()),
            None => internal_err!("there is no row {} in the partition", self.row),
        }
    }

    fn aggregate(
        &self,
        function: &AggregateUDF,
        is_distinct: bool,
        has_filter: bool,
        arguments: &[ArrayRef],
        parts: &[Range<usize>],
    ) -> Result<ScalarValue> {
        let count = arguments.len().saturating_sub(usize::from(has_filter));
        let (fields, (arguments, condition)) = (&self.fields[..count], arguments.split_at(count));
        let mut accumulator = function.accumulator(AccumulatorArgs {
            name: function.name(),
            return_field: function.return_field(fields)?,
            schema: &self.schema,
            expr_fields: fields,
            exprs: &self.expressions[..count],
            order_bys: &[],
            ignore_nulls: self.ignores_nulls,
            is_reversed: false,
            is_distinct,
        })?;
        for part in parts {
            let of_part = |array: &ArrayRef| array.slice(part.start, part.len());
            let mut rows: Vec<ArrayRef> = arguments.iter().map(of_part).collect();
            if let [condition] = condition {
                let holds = of_part(condition);
                for row in &mut rows {
                    *row = filter(row, holds.as_boolean())?;
                }
            }
            accumulator.update_batch(&rows)?;
        }
        accumulator.evaluate()
    }

    /// The first argument in the first of the rows.
    fn value(&self, arguments: &[ArrayRef], rows: impl Iterator<Item = usize>) -> Result<ScalarValue> {
        self.nth(arguments, rows, 1)
    }

    /// The first argument in one of the rows, which are counted from 1; NULL if there are fewer.
    fn nth(&self, arguments: &[ArrayRef], mut rows: impl Iterator<Item = usize>, place: i64) -> Result<ScalarValue> {
        let Some(values) = arguments.first() else { return internal_err!("expected an argument") };
        let before = usize::try_from(place - 1).unwrap_or(usize::MAX);
        let row = match self.ignores_nulls {
            true => rows.filter(|row| values.is_valid(*row)).nth(before),
            false => rows.nth(before),
        };
        match row {
            Some(row) => ScalarValue::try_from_array(values, row),
            None => ScalarValue::try_from(self.fields[0].data_type()),
        }
    }
}
