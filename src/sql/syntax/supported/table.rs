//! The items of FROM: tables, calls, subqueries and joins.

use sqlparser::ast::{
    FunctionArg, FunctionArgExpr, FunctionArguments, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart,
    PivotValueSource, Spanned, TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs, TableSampleKind, TableWithJoins,
};
use sqlparser::tokenizer::Span;

use super::super::star_columns::has_columns;
use super::{Checked, Walk, absent, none, refuse, refuse_at, without};

pub(super) const PIVOT: &str = "write one aggregate for each column: count(*) FILTER (WHERE channel = 'web') AS web, \
                                sum(amount) FILTER (WHERE channel = 'web') AS web_amount, … GROUP BY …";
pub(super) const UNPIVOT: &str = "write one SELECT for each column, with UNION ALL between them, or one row for each value by \
                                  unnest(make_array(a, b)) AS value";
const SAMPLE: &str = "write WHERE random() < 0.01 for about one row in a hundred, or ORDER BY random() LIMIT n";
const ORDINALITY: &str = "leave it out; write unnest(range(1, cardinality(list) + 1)) AS position beside unnest(list) in SELECT";

impl Walk<'_> {
    pub(super) fn table_with_joins(&self, table: &TableWithJoins) -> Checked {
        let TableWithJoins { relation, joins } = table;
        self.factor(relation)?;
        joins.iter().try_for_each(|join| self.join(join))
    }

    pub(super) fn join(&self, join: &Join) -> Checked {
        let Join { relation, global, join_operator } = join;
        let span = relation.span();
        self.factor(relation)?;
        without(*global, "GLOBAL", "the work is distributed automatically; leave it out")?;
        match join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::LeftSemi(constraint)
            | JoinOperator::RightSemi(constraint)
            | JoinOperator::LeftAnti(constraint)
            | JoinOperator::RightAnti(constraint) => self.constraint(constraint, span),
            JoinOperator::CrossJoin(JoinConstraint::None) => Ok(()),
            JoinOperator::CrossJoin(JoinConstraint::On(_) | JoinConstraint::Using(_) | JoinConstraint::Natural) => {
                refuse_at(span, "CROSS JOIN … ON", "a CROSS JOIN has no condition; write JOIN … ON")
            }
            JoinOperator::Semi(_) => {
                refuse("SEMI JOIN", "write LEFT SEMI JOIN table ON …, or WHERE EXISTS (SELECT 1 FROM table WHERE …)")
            }
            JoinOperator::Anti(_) => {
                refuse("ANTI JOIN", "write LEFT ANTI JOIN table ON …, or WHERE NOT EXISTS (SELECT 1 FROM table WHERE …)")
            }
            JoinOperator::CrossApply => refuse("CROSS APPLY", "write JOIN LATERAL (SELECT …) AS name ON true"),
            JoinOperator::OuterApply => refuse("OUTER APPLY", "write LEFT JOIN LATERAL (SELECT …) AS name ON true"),
            JoinOperator::AsOf { .. } => refuse(
                "ASOF JOIN",
                "write JOIN … ON a.key = b.key AND b.time <= a.time, and keep the newest: QUALIFY row_number() OVER (PARTITION BY \
                 a.key, a.time ORDER BY b.time DESC) = 1",
            ),
            JoinOperator::StraightJoin(_) => refuse("STRAIGHT_JOIN", "the engine chooses the order of joins; write JOIN"),
            JoinOperator::ArrayJoin | JoinOperator::InnerArrayJoin => {
                refuse("ARRAY JOIN", "write CROSS JOIN UNNEST(list) AS name(item)")
            }
            JoinOperator::LeftArrayJoin => refuse("LEFT ARRAY JOIN", "write LEFT JOIN UNNEST(list) AS name(item) ON true"),
        }
    }

    /// The condition of a join with the table at this place.
    fn constraint(&self, constraint: &JoinConstraint, span: Span) -> Checked {
        match constraint {
            JoinConstraint::On(condition) => self.expression(condition),
            JoinConstraint::Using(names) => names.iter().try_for_each(|name| self.name(name)),
            JoinConstraint::Natural => Ok(()),
            // The engine would join every row with every row.
            JoinConstraint::None => refuse_at(
                span,
                "JOIN without ON",
                "write ON a.key = b.key, or USING (key); for every row with every row write CROSS JOIN",
            ),
        }
    }

    pub(super) fn factor(&self, factor: &TableFactor) -> Checked {
        let span = factor.span();
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                self.name(name)?;
                self.alias_of(alias.as_ref())?;
                if let Some(TableFunctionArgs { args, settings }) = args {
                    absent(settings, "SETTINGS", "write SET name = value before the query")?;
                    self.table_arguments(name, args)?;
                }
                if let Some(hint) = with_hints.first() {
                    return refuse_at(hint.span(), &format!("WITH ({hint})"), "hints are not read; leave it out");
                }
                if let Some(version) = version {
                    let instead = format!("write {name} FOR SYSTEM_TIME AS OF TIMESTAMP '…'");
                    return refuse_at(span, &version.to_string(), instead);
                }
                without(*with_ordinality, "WITH ORDINALITY", ORDINALITY)?;
                none(partitions, "PARTITION", "write a condition on the partition's column in WHERE")?;
                absent(json_path, "a path into JSON", "write the name of a table")?;
                check_sample(sample.as_ref())?;
                match index_hints.first() {
                    Some(hint) => refuse(&hint.to_string(), "there are no indexes; leave it out"),
                    None => Ok(()),
                }
            }
            TableFactor::Derived { lateral: _, subquery, alias, sample } => {
                self.query(subquery)?;
                self.alias_of(alias.as_ref())?;
                check_sample(sample.as_ref())
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
                self.name(name)?;
                self.table_arguments(name, args)?;
                without(*with_ordinality, "WITH ORDINALITY", ORDINALITY)?;
                self.alias_of(alias.as_ref())
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                self.expressions(array_exprs)?;
                self.alias_of(alias.as_ref())?;
                without(*with_offset || with_offset_alias.is_some(), "WITH OFFSET", ORDINALITY)?;
                without(*with_ordinality, "WITH ORDINALITY", ORDINALITY)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.table_with_joins(table_with_joins)?;
                self.alias_of(alias.as_ref())
            }
            TableFactor::TableFunction { expr, alias: _ } => {
                refuse_at(expr.span(), "TABLE(…)", format!("write FROM {expr} without TABLE"))
            }
            // A PIVOT with listed values was rewritten; the others are rewritten once their values are known.
            TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } => {
                self.factor(table)?;
                aggregate_functions.iter().try_for_each(|aggregate| self.expression(&aggregate.expr))?;
                self.expressions(value_column)?;
                match value_source {
                    PivotValueSource::List(_) => return refuse("PIVOT", PIVOT),
                    PivotValueSource::Any(order) => self.sort_expressions(order)?,
                    PivotValueSource::Subquery(query) => self.query(query)?,
                }
                default_on_null.iter().try_for_each(|value| self.expression(value))?;
                self.alias_of(alias.as_ref())
            }
            // One with COLUMNS is rewritten once its columns are known; any other was rewritten.
            TableFactor::Unpivot { table, value: _, name: _, columns, null_inclusion: _, alias } => {
                if !columns.iter().any(|column| has_columns(&column.expr)) {
                    return refuse("UNPIVOT", UNPIVOT);
                }
                self.factor(table)?;
                self.alias_of(alias.as_ref())
            }
            TableFactor::MatchRecognize { .. } => {
                refuse("MATCH_RECOGNIZE", "write lag(…) and lead(…) OVER (PARTITION BY … ORDER BY …), and conditions on them")
            }
            TableFactor::JsonTable { .. } => refuse("JSON_TABLE", "read the file: FROM 'file.json'"),
            TableFactor::OpenJsonTable { .. } => refuse("OPENJSON", "read the file: FROM 'file.json'"),
            TableFactor::XmlTable { .. } => refuse("XMLTABLE", "turn the file into CSV, JSON or Parquet, and read that"),
            TableFactor::SemanticView { .. } => refuse("SEMANTIC_VIEW", "write SELECT … FROM view GROUP BY …"),
        }
    }

    /// The arguments of a function in FROM.
    fn table_arguments(&self, name: &ObjectName, arguments: &[FunctionArg]) -> Checked {
        // DataFusion's own table functions take positional arguments only.
        let by_place = name
            .0
            .first()
            .and_then(ObjectNamePart::as_ident)
            .is_some_and(|name| self.state.table_functions().contains_key(&name.value.to_lowercase()));
        for argument in arguments {
            let value = match argument {
                FunctionArg::Unnamed(value) => value,
                FunctionArg::Named { name: argument, arg: value, operator: _ } => {
                    if by_place {
                        let instead = format!("{name} takes its arguments by position; write {name}({value})");
                        return refuse_at(argument.span, &format!("{argument} =>"), instead);
                    }
                    value
                }
                FunctionArg::ExprNamed { name: _, arg: value, operator: _ } => value,
            };
            self.argument(value)?;
        }
        Ok(())
    }

    pub(super) fn argument(&self, value: &FunctionArgExpr) -> Checked {
        match value {
            FunctionArgExpr::Expr(expression) => self.expression(expression),
            FunctionArgExpr::QualifiedWildcard(name) => self.name(name),
            FunctionArgExpr::Wildcard => Ok(()),
            FunctionArgExpr::WildcardWithOptions(options) => {
                refuse_at(options.wildcard_token.0.span, "a star with EXCLUDE in a call", "name the columns")
            }
        }
    }

    /// Rejects a call with a bare query as its only argument.
    pub(super) fn query_as_arguments(&self, name: &ObjectName, arguments: &FunctionArguments) -> Checked {
        match arguments {
            FunctionArguments::Subquery(_) if name.to_string().eq_ignore_ascii_case("array") => {
                refuse_at(name.span(), "ARRAY(SELECT …)", "write (SELECT array_agg(column) FROM …)")
            }
            FunctionArguments::Subquery(_) => {
                let instead = format!("give the query brackets of its own: {name}((SELECT …))");
                refuse_at(name.span(), &format!("{name}(SELECT …)"), instead)
            }
            FunctionArguments::None | FunctionArguments::List(_) => Ok(()),
        }
    }

    fn alias_of(&self, alias: Option<&TableAlias>) -> Checked {
        alias.map_or(Ok(()), |alias| self.alias(alias))
    }

    pub(super) fn alias(&self, alias: &TableAlias) -> Checked {
        let TableAlias { explicit: _, name: _, columns, at } = alias;
        for TableAliasColumnDef { name, data_type } in columns {
            if let Some(data_type) = data_type {
                let instead = format!("a name has no type here; write CAST({name} AS {data_type}) in SELECT");
                return refuse_at(name.span, &format!("{name} {data_type}"), instead);
            }
        }
        match at {
            Some(at) => refuse_at(at.span, "AT", ORDINALITY),
            None => Ok(()),
        }
    }

    /// Checks that no part of a name is a call.
    pub(super) fn name(&self, name: &ObjectName) -> Checked {
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(_) => {}
                ObjectNamePart::Function(call) => {
                    return refuse_at(call.name.span, &call.to_string(), "write the name itself");
                }
            }
        }
        Ok(())
    }
}

fn check_sample(sample: Option<&TableSampleKind>) -> Checked {
    match sample {
        None => Ok(()),
        Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) => {
            let word = sample.modifier.to_string();
            refuse_at(Span::empty(), word.trim(), SAMPLE)
        }
    }
}
