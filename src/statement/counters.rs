//! The counters that number rows, as a statement may use them: sequences, those of tables, and those of the session's temporary tables.

use datafusion::common::Result;

use super::StatementContext;
use crate::catalog::grants::Privilege;
use crate::catalog::objects::Object;
use crate::catalog::sequences::{Taken, counter_of, counting_of, no_sequence};
use crate::error::{SqlState, coded};
use crate::postgres_catalog::{Sequences, name_parts};

/// The counters, on behalf of the role that runs a statement.
#[derive(Debug)]
pub struct Counters(pub StatementContext);

/// A counter that a name means.
enum Found {
    /// That of a column of a temporary table, by its name.
    OfSession(String),
    /// A temporary sequence.
    Temporary(String),
    /// A sequence, and its counter.
    Sequence(Box<Object>, String),
    /// That of a column of a table.
    OfColumn(String),
}

impl Found {
    /// The name under which the session remembers what it was given.
    fn key(&self) -> String {
        match self {
            Self::OfSession(name) | Self::OfColumn(name) => name.clone(),
            Self::Temporary(name) => format!("temporary sequence {name}"),
            Self::Sequence(object, _) => format!("sequence {}", object.name),
        }
    }
}

/// The object names that a name may mean, the nearest first: without a schema, it is looked for in those of the path.
pub fn meant(parts: &[String], path: &[String]) -> Vec<String> {
    let member = |schema: &str, own: &str| if schema == "public" { own.to_string() } else { format!("{schema}.{own}") };
    match parts {
        [own] => path.iter().map(|schema| member(schema, own)).collect(),
        [.., schema, own] => vec![member(schema, own)],
        [] => vec![],
    }
}

impl Counters {
    /// Refuses to change a counter in a read-only transaction. Those of the session may change.
    fn check_writes(&self, function: &str) -> Result<()> {
        if !self.0.tables().reads_only() {
            return Ok(());
        }
        let problem = "cannot be part of a read-only transaction; BEGIN READ WRITE";
        Err(coded(SqlState::READ_ONLY_SQL_TRANSACTION, function, problem))
    }

    fn find(&self, written: &str) -> Result<Found> {
        let tables = self.0.tables();
        let plain = written.strip_prefix("public.").unwrap_or(written);
        if tables.with_counter(plain, |_| ()).is_some() {
            return Ok(Found::OfSession(plain.into()));
        }
        let parts = name_parts(written).unwrap_or_else(|| vec![written.into()]);
        let own = match parts.as_slice() {
            [own] => Some(own),
            [schema, own] if schema == "pg_temp" => Some(own),
            _ => None,
        };
        if let Some(own) = own.filter(|own| tables.with_sequence(own, |_| ()).is_some()) {
            return Ok(Found::Temporary(own.clone()));
        }
        let names = meant(&parts, &self.0.path());
        let objects = self.0.all_objects()?;
        for name in &names {
            if let Some(object) = objects.iter().find(|object| object.kind == "sequence" && object.name == *name) {
                let counter = counter_of(object).unwrap_or_default().to_string();
                return Ok(Found::Sequence(Box::new(object.clone()), counter));
            }
        }
        let is_named = |name: &&String| objects.iter().any(|object| names_counter(object, name));
        if let Some(name) = names.iter().find(is_named) {
            return Ok(Found::OfColumn(name.clone()));
        }
        // The counter of a table keeps its name when the table goes to another schema, where clients look for it.
        if let [.., schema, own] = parts.as_slice() {
            let is_there = |object: &Object| object.name.starts_with(&format!("{schema}.")) && names_counter(object, own);
            if objects.iter().any(is_there) {
                return Ok(Found::OfColumn(own.clone()));
            }
        }
        Ok(Found::OfColumn(plain.into()))
    }

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

    /// Checks that the role has one of these privileges on a sequence.
    fn check_sequence(&self, sequence: &Object, any: [Privilege; 2]) -> Result<()> {
        let rights = self.0.rights()?;
        if any.iter().any(|privilege| rights.may(*privilege, sequence)) {
            return Ok(());
        }
        if rights.sees(sequence) { self.0.check_may(any[0], sequence) } else { Err(no_sequence(&sequence.name)) }
    }
}

/// True for the table or sequence whose definition names the counter.
pub fn names_counter(object: &Object, name: &str) -> bool {
    match object.kind.as_str() {
        "table" => object.sql.contains(&format!("nextval({})", crate::text::literal(name))),
        "sequence" => counter_of(object) == Some(name),
        _ => false,
    }
}

impl Sequences for Counters {
    fn draw(&self, name: &str, count: u64) -> Result<(i64, i64, u64)> {
        let (tables, found) = (self.0.tables(), self.find(name)?);
        let missing = || no_sequence(name);
        let taken: Taken = match &found {
            Found::OfSession(own) => tables.with_counter(own, |counter| counter.take(count, name)).ok_or_else(missing)??,
            Found::Temporary(own) => tables.with_sequence(own, |counter| counter.take(count, own)).ok_or_else(missing)??,
            Found::Sequence(object, counter) => {
                self.check_sequence(object, [Privilege::Usage, Privilege::Update])?;
                self.check_writes("nextval")?;
                self.0.catalog().draw_numbers(counter, &object.name, count, counting_of(object))?
            }
            Found::OfColumn(own) => {
                self.check(own)?;
                self.check_writes("nextval")?;
                self.0.catalog().draw_numbers(own, own, count, None)?
            }
        };
        tables.was_given(&found.key(), taken.last());
        Ok((taken.first, taken.step, taken.count))
    }

    fn current(&self, name: Option<&str>) -> Result<i64> {
        let Some(name) = name else {
            return self.0.tables().given(None).ok_or_else(|| {
                let problem = "no number was given to this session yet; nextval gives one";
                coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval", problem)
            });
        };
        let found = self.find(name)?;
        match &found {
            Found::Sequence(object, _) => self.check_sequence(object, [Privilege::Usage, Privilege::Select])?,
            Found::OfColumn(own) if self.0.catalog().sequence(own)?.is_none() => return Err(no_sequence(name)),
            Found::OfColumn(own) => self.check(own)?,
            Found::OfSession(_) | Found::Temporary(_) => {}
        }
        self.0.tables().given(Some(&found.key())).ok_or_else(|| {
            let problem = "has given this session no number yet; nextval gives one";
            coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, name, problem)
        })
    }

    fn set(&self, name: &str, value: i64, is_given: bool) -> Result<()> {
        let (tables, found) = (self.0.tables(), self.find(name)?);
        let missing = || no_sequence(name);
        match &found {
            Found::OfSession(own) => {
                tables.with_counter(own, |counter| counter.set(value, is_given, name)).ok_or_else(missing)??;
            }
            Found::Temporary(own) => {
                tables.with_sequence(own, |counter| counter.set(value, is_given, own)).ok_or_else(missing)??;
            }
            Found::Sequence(object, counter) => {
                self.check_sequence(object, [Privilege::Update, Privilege::Update])?;
                self.check_writes("setval")?;
                self.0.catalog().set_sequence(counter, &object.name, (value, is_given), counting_of(object))?;
            }
            Found::OfColumn(own) => {
                self.check(own)?;
                self.check_writes("setval")?;
                self.0.catalog().set_sequence(own, own, (value, is_given), None)?;
            }
        }
        if is_given {
            tables.was_given(&found.key(), value);
        }
        Ok(())
    }
}
