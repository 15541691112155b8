//! Queries: SELECT, set operations, WITH, ORDER BY, LIMIT.

use sqlparser::ast::{
    Cte, Distinct, ExcludeSelectItem, Expr, ExprWithAlias, ExprWithAliasAndOrderBy, Fetch, GroupByExpr, GroupByWithModifier,
    LimitClause, NamedWindowDefinition, Offset, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, PipeOperator, Query, Select,
    SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Spanned, Values,
    WildcardAdditionalOptions, With,
};

use super::{Checked, Walk, absent, none, refuse, refuse_at, without};
use crate::sql::command::normal;
use crate::sql::references::tables_in;

const LEAVE_OUT: &str = "leave it out";

const ALONE: &str = "a query cannot contain a statement that writes; write it as a statement of its own";

impl Walk<'_> {
    /// Checks a statement after WITH that changes rows, together with its WITH clause; `None` for a query.
    pub(super) fn change_of(&self, query: &Query) -> Option<Checked> {
        let (SetExpr::Update(statement) | SetExpr::Delete(statement) | SetExpr::Merge(statement)) = query.body.as_ref() else {
            return None;
        };
        let with = query.with.as_ref().map_or(Ok(()), |with| self.with(with));
        Some(with.and_then(|()| self.statement(statement)))
    }

    pub(super) fn query(&self, query: &Query) -> Checked {
        let Query { with, body, order_by, limit_clause, fetch, locks, for_clause, settings, format_clause, pipe_operators } =
            query;
        if let Some(with) = with {
            self.with(with)?;
        }
        self.set_expression(body)?;
        if let Some(order_by) = order_by {
            self.order_by(order_by, matches!(body.as_ref(), SetExpr::Select(_)))?;
        }
        if let Some(limit) = limit_clause {
            self.limit(limit)?;
        }
        if let Some(fetch) = fetch {
            check_fetch(fetch)?;
        }
        if let Some(lock) = locks.first() {
            let clause = lock.to_string();
            return refuse(&clause, "rows are read as they were when the statement began, and are never locked; leave it out");
        }
        if let Some(format) = for_clause {
            return refuse(
                &format.to_string(),
                "write COPY (SELECT …) TO 'file.json', or choose the format of the answer with -f json",
            );
        }
        absent(settings, "SETTINGS", "write SET name = value before the query")?;
        absent(format_clause, "FORMAT", "write COPY (SELECT …) TO 'file.json', or choose the format of the answer with -f json")?;
        pipe_operators.iter().try_for_each(|operator| self.pipe(operator))
    }

    fn with(&self, with: &With) -> Checked {
        let With { with_token: _, recursive, cte_tables } = with;
        for table in cte_tables {
            let Cte { alias, query, from, materialized, closing_paren_token: _ } = table;
            self.alias(alias)?;
            absent(from, "WITH … FROM", "write FROM in the query itself")?;
            absent(materialized, "MATERIALIZED", "the engine decides what is computed only once; leave it out")?;
            if *recursive {
                check_recursive(query, &normal(&alias.name))?;
            }
            self.query(query)?;
        }
        Ok(())
    }

    fn set_expression(&self, body: &SetExpr) -> Checked {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                match (op, set_quantifier) {
                    (SetOperator::Minus, _) => return refuse("MINUS", "write EXCEPT"),
                    (SetOperator::Union, _)
                    | (
                        SetOperator::Except | SetOperator::Intersect,
                        SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None,
                    ) => {}
                    (
                        SetOperator::Except | SetOperator::Intersect,
                        SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName,
                    ) => {
                        let instead = "only UNION can match columns by name; select the columns in the same order on both sides";
                        return refuse(&format!("{op} {set_quantifier}"), instead);
                    }
                }
                self.set_expression(left)?;
                self.set_expression(right)
            }
            SetExpr::Values(values) => self.values(values),
            SetExpr::Insert(_) => refuse("INSERT", ALONE),
            SetExpr::Update(_) => refuse("UPDATE", ALONE),
            SetExpr::Delete(_) => refuse("DELETE", ALONE),
            SetExpr::Merge(_) => refuse("MERGE", ALONE),
            SetExpr::Table(_) => refuse("TABLE", "write SELECT * FROM table"),
        }
    }

    pub(super) fn values(&self, values: &Values) -> Checked {
        let Values { explicit_row: _, value_keyword, rows } = values;
        without(*value_keyword, "VALUE", "write VALUES")?;
        rows.iter().try_for_each(|row| self.expressions(&row.content))
    }

    fn select(&self, select: &Select) -> Checked {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        if let Some(hint) = optimizer_hints.first() {
            return refuse(&hint.to_string(), "hints are not read; leave it out");
        }
        match distinct {
            None | Some(Distinct::All | Distinct::Distinct) => {}
            Some(Distinct::On(expressions)) => self.expressions(expressions)?,
        }
        if let Some(modifiers) = select_modifiers
            && let Some(word) = modifiers.to_string().split_whitespace().next()
        {
            return refuse(word, LEAVE_OUT);
        }
        if let Some(top) = top {
            let count = top.quantity.as_ref().map_or_else(|| "n".to_string(), quantity);
            let instead = match (top.percent, top.with_ties) {
                (true, _) => "write QUALIFY percent_rank() OVER (ORDER BY …) < 0.1".to_string(),
                (_, true) => format!("write QUALIFY rank() OVER (ORDER BY …) <= {count}"),
                _ => format!("write LIMIT {count} at the end of the query"),
            };
            return refuse("TOP", instead);
        }
        match flavor {
            SelectFlavor::Standard | SelectFlavor::FromFirst => {}
            // FROM without SELECT was rewritten to SELECT *, so this is never reached.
            SelectFlavor::FromFirstNoSelect => return refuse("FROM", "write SELECT * FROM table"),
        }
        projection.iter().try_for_each(|item| self.select_item(item))?;
        if let Some(exclude) = exclude {
            let column = match exclude {
                ExcludeSelectItem::Single(column) => column.to_string(),
                ExcludeSelectItem::Multiple(columns) => columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            };
            return refuse("EXCLUDE", format!("write it right after the star: SELECT * EXCLUDE ({column})"));
        }
        if let Some(into) = into {
            return refuse("INTO", format!("write CREATE TABLE {} AS SELECT …", into.name));
        }
        from.iter().try_for_each(|table| self.table_with_joins(table))?;
        none(lateral_views, "LATERAL VIEW", "write CROSS JOIN UNNEST(list) AS name(item)")?;
        absent(prewhere, "PREWHERE", "write WHERE")?;
        if let Some(condition) = selection {
            self.expression(condition)?;
        }
        if !connect_by.is_empty() {
            let instead =
                "write WITH RECURSIVE tree AS (SELECT … UNION ALL SELECT … FROM table JOIN tree ON …) SELECT … FROM tree";
            // START WITH and CONNECT BY may come in either order; the message names one of them.
            return refuse("CONNECT BY", instead);
        }
        self.group_by(group_by)?;
        none(cluster_by, "CLUSTER BY", "write ORDER BY at the end of the query")?;
        none(distribute_by, "DISTRIBUTE BY", "the work is distributed automatically; leave it out")?;
        none(sort_by, "SORT BY", "write ORDER BY at the end of the query")?;
        if let Some(condition) = having {
            self.expression(condition)?;
        }
        // References to named windows were replaced by their definitions, so what remains cannot be resolved.
        if let Some(NamedWindowDefinition(name, _)) = named_window.first() {
            return refuse_at(name.span, "WINDOW", "write the window where it is used: OVER (PARTITION BY … ORDER BY …)");
        }
        if let Some(condition) = qualify {
            self.expression(condition)?;
        }
        if let Some(mode) = value_table_mode {
            return refuse(&mode.to_string(), "write SELECT struct(…) for one column of structs");
        }
        Ok(())
    }

    fn group_by(&self, group_by: &GroupByExpr) -> Checked {
        let modifiers = match group_by {
            GroupByExpr::All(modifiers) => modifiers,
            GroupByExpr::Expressions(expressions, modifiers) => {
                self.expressions(expressions)?;
                modifiers
            }
        };
        match modifiers.first() {
            None => Ok(()),
            Some(GroupByWithModifier::Totals) => {
                refuse("WITH TOTALS", "write GROUP BY ROLLUP (…); the row where all of its columns are NULL is the total")
            }
            // A single modifier over plain expressions was rewritten.
            Some(GroupByWithModifier::Rollup) => refuse("WITH ROLLUP", "write GROUP BY ROLLUP (a, b)"),
            Some(GroupByWithModifier::Cube) => refuse("WITH CUBE", "write GROUP BY CUBE (a, b)"),
            Some(GroupByWithModifier::GroupingSets(_)) => {
                refuse("GROUPING SETS", "write GROUP BY GROUPING SETS ((a, b), (a), ()) without columns before it")
            }
        }
    }

    pub(super) fn select_item(&self, item: &SelectItem) -> Checked {
        match item {
            SelectItem::UnnamedExpr(expression) => self.expression(expression),
            SelectItem::ExprWithAlias { expr, alias: _ } => self.expression(expr),
            SelectItem::ExprWithAliases { expr, aliases: _ } => {
                refuse_at(expr.span(), "AS (a, b)", "a column has one name; write each column with its own AS")
            }
            SelectItem::QualifiedWildcard(of, options) => {
                match of {
                    SelectItemQualifiedWildcardKind::ObjectName(name) => self.name(name)?,
                    SelectItemQualifiedWildcardKind::Expr(expression) => {
                        return refuse_at(
                            expression.span(),
                            &format!("{expression}.*"),
                            "write the fields: value['field'] AS field",
                        );
                    }
                }
                self.wildcard(options)
            }
            SelectItem::Wildcard(options) => self.wildcard(options),
        }
    }

    pub(super) fn wildcard(&self, options: &WildcardAdditionalOptions) -> Checked {
        // ILIKE and RENAME are expanded later, when the columns are known.
        let WildcardAdditionalOptions {
            wildcard_token,
            opt_ilike: _,
            opt_exclude: _,
            opt_except: _,
            opt_replace,
            opt_rename: _,
            opt_alias,
        } = options;
        let span = wildcard_token.0.span;
        if opt_alias.is_some() {
            return refuse_at(span, "* AS", "a star has no name of its own; name each column");
        }
        match opt_replace {
            Some(replace) => replace.items.iter().try_for_each(|item| self.expression(&item.expr)),
            None => Ok(()),
        }
    }

    fn order_by(&self, order_by: &OrderBy, of_select: bool) -> Checked {
        let OrderBy { kind, interpolate } = order_by;
        absent(interpolate, "INTERPOLATE", LEAVE_OUT)?;
        match kind {
            OrderByKind::All(OrderByOptions { asc: _, nulls_first: _ }) if of_select => Ok(()),
            OrderByKind::All(_) => refuse("ORDER BY ALL", "write the numbers of the columns: ORDER BY 1, 2"),
            OrderByKind::Expressions(expressions) => self.sort_expressions(expressions),
        }
    }

    pub(super) fn sort_expressions(&self, expressions: &[OrderByExpr]) -> Checked {
        for expression in expressions {
            let OrderByExpr { expr, options: OrderByOptions { asc: _, nulls_first: _ }, with_fill } = expression;
            self.expression(expr)?;
            absent(with_fill, "WITH FILL", "join with generate_series(…), which has every value")?;
        }
        Ok(())
    }

    fn limit(&self, limit: &LimitClause) -> Checked {
        match limit {
            LimitClause::LimitOffset { limit, offset, limit_by } => {
                if let Some(expression) = limit {
                    self.expression(expression)?;
                }
                if let Some(Offset { value, rows: _ }) = offset {
                    self.expression(value)?;
                }
                if let Some(by) = limit_by.first() {
                    let count = limit.as_ref().map_or_else(|| "n".into(), ToString::to_string);
                    let instead = format!("write QUALIFY row_number() OVER (PARTITION BY {by} ORDER BY …) <= {count}");
                    return refuse_at(by.span(), "LIMIT … BY", instead);
                }
                Ok(())
            }
            LimitClause::OffsetCommaLimit { offset, limit } => {
                self.expression(offset)?;
                self.expression(limit)
            }
        }
    }

    fn pipe(&self, operator: &PipeOperator) -> Checked {
        let part = |name: &str, instead: &str| refuse(&format!("|> {name}"), instead);
        match operator {
            PipeOperator::Limit { expr, offset } => {
                self.expression(expr)?;
                offset.iter().try_for_each(|offset| self.expression(offset))
            }
            PipeOperator::Where { expr } => self.expression(expr),
            PipeOperator::OrderBy { exprs } => self.sort_expressions(exprs),
            PipeOperator::Select { exprs } | PipeOperator::Extend { exprs } => {
                exprs.iter().try_for_each(|item| self.select_item(item))
            }
            PipeOperator::As { alias: _ } => Ok(()),
            PipeOperator::Aggregate { full_table_exprs, group_by_expr } => {
                for expression in full_table_exprs.iter().chain(group_by_expr) {
                    let ExprWithAliasAndOrderBy { expr: ExprWithAlias { expr, alias: _ }, order_by } = expression;
                    self.expression(expr)?;
                    if *order_by != (OrderByOptions { asc: None, nulls_first: None }) {
                        return refuse_at(expr.span(), "|> AGGREGATE … ASC", "sort afterwards: |> ORDER BY …");
                    }
                }
                Ok(())
            }
            PipeOperator::Union { set_quantifier: _, queries } => queries.iter().try_for_each(|query| self.query(query)),
            PipeOperator::Intersect { set_quantifier, queries } | PipeOperator::Except { set_quantifier, queries } => {
                match set_quantifier {
                    SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None => {}
                    SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                        return part("… BY NAME", "only UNION can match columns by name");
                    }
                }
                queries.iter().try_for_each(|query| self.query(query))
            }
            PipeOperator::Join(join) => self.join(join),
            PipeOperator::Set { .. } => part("SET", "write |> EXTEND, or SELECT * REPLACE (… AS column)"),
            PipeOperator::Drop { .. } => part("DROP", "write |> SELECT * EXCLUDE (column)"),
            PipeOperator::TableSample { .. } => part("TABLESAMPLE", "write |> WHERE random() < 0.01"),
            PipeOperator::Rename { .. } => part("RENAME", "write |> SELECT * EXCLUDE (a), a AS b"),
            PipeOperator::Call { .. } => part("CALL", "write the function in FROM"),
            PipeOperator::Pivot { .. } => part("PIVOT", super::table::PIVOT),
            PipeOperator::Unpivot { .. } => part("UNPIVOT", super::table::UNPIVOT),
        }
    }

    pub(super) fn expressions(&self, expressions: &[Expr]) -> Checked {
        expressions.iter().try_for_each(|expression| self.expression(expression))
    }
}

fn quantity(quantity: &sqlparser::ast::TopQuantity) -> String {
    match quantity {
        sqlparser::ast::TopQuantity::Expr(expression) => expression.to_string(),
        sqlparser::ast::TopQuantity::Constant(count) => count.to_string(),
    }
}

/// FETCH FIRST n ROWS ONLY was rewritten to LIMIT; only other forms get here.
fn check_fetch(fetch: &Fetch) -> Checked {
    let Fetch { with_ties, percent, quantity } = fetch;
    let count = quantity.as_ref().map_or_else(|| "1".to_string(), ToString::to_string);
    if *percent {
        return refuse("FETCH … PERCENT", "write QUALIFY percent_rank() OVER (ORDER BY …) < 0.1");
    }
    if *with_ties {
        return refuse("FETCH … WITH TIES", format!("write QUALIFY rank() OVER (ORDER BY …) <= {count}"));
    }
    refuse("FETCH", format!("write LIMIT {count}"))
}

/// In WITH RECURSIVE the planner takes a name for the query's own after a UNION alone, and reads only the UNION of a query: it would ignore
/// clauses around it.
fn check_recursive(query: &Query, name: &str) -> Checked {
    let own = [name.to_string()];
    let reads_itself = |tables: Vec<Vec<String>>| tables.iter().any(|table| table.as_slice() == own.as_slice());
    let begins_with_itself = match query.body.as_ref() {
        SetExpr::SetOperation { op: SetOperator::Union, left, .. } => reads_itself(tables_in(left.as_ref())),
        _ => reads_itself(tables_in(query)),
    };
    if begins_with_itself {
        let clause = format!("WITH RECURSIVE {name}");
        let instead = format!(
            "a query that reads itself is written {name} AS (SELECT … UNION ALL SELECT … FROM {name} …), and its first SELECT reads other \
             tables; leave RECURSIVE out to read a table of this name"
        );
        return refuse_at(query.span(), &clause, instead);
    }
    if !matches!(query.body.as_ref(), SetExpr::SetOperation { op: SetOperator::Union, .. }) {
        return Ok(());
    }
    let clause = if query.order_by.is_some() {
        "ORDER BY"
    } else if query.limit_clause.is_some() || query.fetch.is_some() {
        "LIMIT"
    } else if query.with.is_some() {
        "WITH"
    } else if query.pipe_operators.is_empty() {
        return Ok(());
    } else {
        "|>"
    };
    let instead = "a UNION within WITH RECURSIVE must stand alone; write it in the query that reads the table, with a condition in WHERE that ends the recursion";
    let span = match (&query.order_by, &query.limit_clause) {
        (Some(order_by), _) => order_by.span(),
        (None, Some(limit)) => limit.span(),
        _ => query.span(),
    };
    refuse_at(span, clause, instead)
}
