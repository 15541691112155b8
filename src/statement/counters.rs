//! The counters that number rows, as a statement may use them: those of tables, and those of the session's temporary tables.

use datafusion::common::Result;

use super::StatementContext;
use crate::catalog::grants::Privilege;
use crate::catalog::objects::Object;
use crate::catalog::sequences::no_sequence;
use crate::error::{SqlState, coded};
use crate::postgres_catalog::Sequences;

/// The counters, on behalf of the role that runs a statement.
#[derive(Debug)]
pub struct Counters(pub StatementContext);

impl Counters {
    /// Checks that the role may write to the table whose rows the counter numbers.
    fn check(&self, name: &str) -> Result<()> {
        let objects = self.0.all_objects()?;
        // A counter that no table names yet is that of the statement which makes it.
        let Some(table) = objects.iter().find(|object| names_counter(object, name)) else { return Ok(()) };
        if !self.0.rights()?.sees(table) {
            return Err(no_sequence(name));
        }
        let may_insert = self.0.check_may(Privilege::Insert, table);
        may_insert.or_else(|refused| self.0.check_may(Privilege::Update, table).map_err(|_| refused))
    }
}

/// True for the table whose definition names the counter.
pub fn names_counter(object: &Object, name: &str) -> bool {
    object.kind == "table" && object.sql.contains(&format!("nextval({})", crate::text::literal(name)))
}

impl Sequences for Counters {
    fn draw(&self, name: &str, count: u64) -> Result<(i64, i64)> {
        let own = self.0.tables().with_counter(name, |counter| counter.take(count).map(|first| (first, counter.step)));
        let (first, step) = match own {
            Some(drawn) => drawn?,
            None => {
                self.check(name)?;
                self.0.catalog().draw_numbers(name, count)?
            }
        };
        let before_last = i64::try_from(count).unwrap_or(i64::MAX) - 1;
        self.0.tables().was_given(name, first.saturating_add(step.saturating_mul(before_last)));
        Ok((first, step))
    }

    fn current(&self, name: Option<&str>) -> Result<i64> {
        self.0.tables().given(name).ok_or_else(|| match name {
            Some(name) => {
                let problem = "has given this session no number yet; nextval gives one";
                coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, name, problem)
            }
            None => {
                let problem = "no number was given to this session yet; nextval gives one";
                coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval", problem)
            }
        })
    }

    fn set(&self, name: &str, value: i64, is_given: bool) -> Result<()> {
        let own = self.0.tables().with_counter(name, |counter| {
            counter.next = if is_given { value.saturating_add(counter.step) } else { value };
        });
        if own.is_none() {
            self.check(name)?;
            self.0.catalog().set_sequence(name, value, is_given)?;
        }
        if is_given {
            self.0.tables().was_given(name, value);
        }
        Ok(())
    }
}
