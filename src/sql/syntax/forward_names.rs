//! `WITH RECURSIVE b AS (SELECT … FROM a), a AS (…)`: after RECURSIVE a query may read those that are named later, as in PostgreSQL. The planner
//! reads them in their order, so each is put after those that it reads.

use sqlparser::ast::With;

use crate::sql::command::normal;
use crate::sql::references::tables_in;

/// Puts the queries in an order in which each can be planned. Queries that read one another stay as they are, and the planner reports them.
pub fn sort(with: &mut With) {
    if !with.recursive || with.cte_tables.len() < 2 {
        return;
    }
    let names: Vec<String> = with.cte_tables.iter().map(|table| normal(&table.alias.name)).collect();
    let reads = |own: usize| {
        let tables = tables_in(with.cte_tables[own].query.as_ref());
        let place = |table: &Vec<String>| match table.as_slice() {
            [name] => names.iter().position(|other| other == name),
            _ => None,
        };
        tables.iter().filter_map(place).filter(|place| *place != own).collect::<Vec<usize>>()
    };
    let reads: Vec<Vec<usize>> = (0..names.len()).map(reads).collect();
    if reads.iter().enumerate().all(|(own, reads)| reads.iter().all(|place| *place < own)) {
        return;
    }
    let mut order: Vec<usize> = vec![];
    while let Some(next) =
        (0..names.len()).find(|own| !order.contains(own) && reads[*own].iter().all(|place| order.contains(place)))
    {
        order.push(next);
    }
    if order.len() == names.len() {
        let mut tables: Vec<Option<_>> = std::mem::take(&mut with.cte_tables).into_iter().map(Some).collect();
        with.cte_tables = order.into_iter().filter_map(|place| tables[place].take()).collect();
    }
}
