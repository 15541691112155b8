//! The counters that number rows.

use datafusion::common::Result;

use super::{Call, Needs, PostgresFunction};
use crate::error::invalid;
use crate::postgres_catalog::Sequences;
use crate::postgres_catalog::cells::Cell;

/// Numbers of one counter that are not used yet.
#[derive(Debug, Default)]
pub struct Drawn {
    name: String,
    next: i64,
    step: i64,
    left: u64,
}

const fn of(
    name: &'static str,
    syntax: &'static str,
    counts: (usize, usize),
    needs: Needs,
    text: &'static str,
    compute: fn(&Call<'_>) -> Result<Cell>,
) -> PostgresFunction {
    PostgresFunction { name, syntax, counts, gives: "int8", needs, text, compute }
}

fn sequences<'a>(call: &'a Call<'_>) -> Result<&'a dyn Sequences> {
    call.catalog()?.sequences.as_deref().ok_or_else(|| invalid(call.name, "needs a database; call it in a session of the engine"))
}

/// The next number. The numbers of all rows to come are drawn at once, as each draw waits for the disk.
fn next(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let name = call.text(0)?;
    let mut drawn = call.drawn.borrow_mut();
    if drawn.left == 0 || drawn.name != name {
        let count = u64::try_from(call.rows_left).unwrap_or(1).max(1);
        let (next, step, left) = sequences(call)?.draw(&name, count)?;
        *drawn = Drawn { name, next, step, left };
    }
    let number = drawn.next;
    drawn.next = number.wrapping_add(drawn.step);
    drawn.left -= 1;
    Ok(Cell::Int(number))
}

fn current(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    Ok(Cell::Int(sequences(call)?.current(Some(&call.text(0)?))?))
}

fn set(call: &Call<'_>) -> Result<Cell> {
    if call.arguments.contains(&Cell::Null) {
        return Ok(Cell::Null);
    }
    let value = call.int(1)?;
    sequences(call)?.set(&call.text(0)?, value, call.count() < 3 || call.bool(2))?;
    Ok(Cell::Int(value))
}

pub const ALL: &[PostgresFunction] = &[
    of(
        "nextval",
        "nextval(sequence) → bigint",
        (1, 2),
        Needs::EachRow,
        "The next number of a sequence, or of the counter of a `SERIAL` or `IDENTITY` column. It is given once, even if its transaction is rolled back.",
        next,
    ),
    of(
        "currval",
        "currval(sequence) → bigint",
        (1, 1),
        Needs::EachRow,
        "The number that the sequence has given this session last.",
        current,
    ),
    of("lastval", "lastval() → bigint", (0, 0), Needs::EachRow, "The number that this session was given last.", |call| {
        Ok(Cell::Int(sequences(call)?.current(None)?))
    }),
    of(
        "setval",
        "setval(sequence, number [, is_given]) → bigint",
        (2, 3),
        Needs::EachRow,
        "Sets a sequence: it continues after this number, or with it if `is_given` is false.",
        set,
    ),
];
