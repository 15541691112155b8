//! FOREIGN KEY: the table and columns that the rows of a table refer to.

use std::fmt;

use sqlparser::ast::{
    ConstraintCharacteristics, ConstraintReferenceMatchKind, DeferrableInitial, ForeignKeyConstraint, ReferentialAction,
};

use crate::catalog::tables::Action;
use crate::sql::command::normal;
use crate::text::identifier;

/// What a foreign key says.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    pub columns: Vec<String>,
    /// The name of the other table, as it is written; in a stored definition a single name is one in `public`.
    pub table: Vec<String>,
    /// Its columns; none stands for its primary key, which a stored definition names.
    pub referred: Vec<String>,
    /// MATCH FULL: a row has all of the columns, or none.
    pub is_full: bool,
    pub on_delete: Action,
    pub on_update: Action,
    pub is_deferrable: bool,
    /// INITIALLY DEFERRED: compared at COMMIT.
    pub is_deferred: bool,
}

impl Foreign {
    /// As it is written.
    pub fn of(written: &ForeignKeyConstraint) -> Self {
        let ForeignKeyConstraint {
            name: _,
            index_name: _,
            columns,
            foreign_table,
            referred_columns,
            on_delete,
            on_update,
            match_kind,
            characteristics,
        } = written;
        let is_deferred = |own: &ConstraintCharacteristics| own.initially == Some(DeferrableInitial::Deferred);
        let is_deferred = characteristics.as_ref().is_some_and(is_deferred);
        Self {
            columns: columns.iter().map(normal).collect(),
            table: foreign_table.0.iter().filter_map(|part| part.as_ident().map(normal)).collect(),
            referred: referred_columns.iter().map(normal).collect(),
            is_full: *match_kind == Some(ConstraintReferenceMatchKind::Full),
            on_delete: action(*on_delete),
            on_update: action(*on_update),
            is_deferrable: is_deferred || characteristics.as_ref().is_some_and(|own| own.deferrable == Some(true)),
            is_deferred,
        }
    }

    /// What stands after the table and its columns, with a space before.
    pub fn rest(&self) -> String {
        let mut rest = String::from(if self.is_full { " MATCH FULL" } else { "" });
        for (when, action) in [("UPDATE", self.on_update), ("DELETE", self.on_delete)] {
            let word = match action {
                Action::NoAction => continue,
                Action::Restrict => "RESTRICT",
                Action::Cascade => "CASCADE",
                Action::SetNull => "SET NULL",
                Action::SetDefault => "SET DEFAULT",
            };
            rest.push_str(&format!(" ON {when} {word}"));
        }
        if self.is_deferrable {
            rest.push_str(" DEFERRABLE");
        }
        if self.is_deferred {
            rest.push_str(" INITIALLY DEFERRED");
        }
        rest
    }
}

impl fmt::Display for Foreign {
    /// As it stands in CREATE TABLE.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |columns: &[String]| columns.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ");
        let table = self.table.iter().map(|part| identifier(part)).collect::<Vec<_>>().join(".");
        write!(f, "FOREIGN KEY ({}) REFERENCES {table}", listed(&self.columns))?;
        if !self.referred.is_empty() {
            write!(f, "({})", listed(&self.referred))?;
        }
        f.write_str(&self.rest())
    }
}

fn action(written: Option<ReferentialAction>) -> Action {
    match written {
        None | Some(ReferentialAction::NoAction) => Action::NoAction,
        Some(ReferentialAction::Restrict) => Action::Restrict,
        Some(ReferentialAction::Cascade) => Action::Cascade,
        Some(ReferentialAction::SetNull) => Action::SetNull,
        Some(ReferentialAction::SetDefault) => Action::SetDefault,
    }
}
