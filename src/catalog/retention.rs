//! Retention rules: how long the rows of a table are kept, by the times in one of its columns.

use datafusion::common::Result;
use rusqlite::{Connection, Row, params};

use super::Catalog;
use super::objects::Object;
use super::runs::now;

/// A retention rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// The object id of the table.
    pub object: i64,
    /// The name of the table. Set when read, ignored when written.
    pub table: String,
    pub column: String,
    pub months: i32,
    pub days: i32,
    /// Microseconds in addition to months and days.
    pub micros: i64,
    pub role: String,
    pub created_at: i64,
    /// When it was last applied.
    pub applied_at: Option<i64>,
}

impl Retention {
    /// The time before which rows are removed; `None` when it is out of range.
    pub fn bound(&self, now: i64) -> Option<i64> {
        let now = chrono::DateTime::from_timestamp_micros(now)?;
        let months = chrono::Months::new(u32::try_from(self.months).ok()?);
        let bound = now.checked_sub_months(months)?.checked_sub_days(chrono::Days::new(u64::try_from(self.days).ok()?))?;
        bound.timestamp_micros().checked_sub(self.micros)
    }

    /// The period as it is written in SQL: `1 year 6 months`.
    pub fn length(&self) -> String {
        let seconds = self.micros / 1_000_000;
        let units = [
            (i64::from(self.months / 12), "year"),
            (i64::from(self.months % 12), "month"),
            (i64::from(self.days), "day"),
            (seconds / 3600, "hour"),
            (seconds % 3600 / 60, "minute"),
            (seconds % 60, "second"),
        ];
        let units = units.iter().filter(|(count, _)| *count != 0);
        let units: Vec<String> =
            units.map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" })).collect();
        units.join(" ")
    }
}

/// Records that rules were applied.
pub fn note_applied(transaction: &Connection, objects: &[i64]) -> rusqlite::Result<()> {
    for object in objects {
        transaction.execute("UPDATE retention SET applied_at = ?2 WHERE object = ?1", params![object, now()])?;
    }
    Ok(())
}

impl Catalog {
    /// Stores the rule of a table, replacing an existing one; `None` removes it, so that rows are kept forever.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn put_retention(&self, table: &Object, rule: Option<&Retention>) -> Result<()> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM retention WHERE object = ?1", params![table.id])?;
            let Some(Retention { column, months, days, micros, role, .. }) = rule else { return Ok(()) };
            transaction.execute(
                "INSERT INTO retention (object, \"column\", months, days, micros, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![table.id, column, months, days, micros, role, now()],
            )?;
            Ok(())
        })
    }

    /// Records that a rule was applied without finding rows to remove.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn note_retention(&self, table: i64) -> Result<()> {
        self.write(|transaction| note_applied(transaction, &[table]))
    }

    /// All rules, by table name.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn retentions(&self) -> Result<Vec<Retention>> {
        const ALL: &str = "SELECT r.object, o.name, r.\"column\", r.months, r.days, r.micros, r.role, r.created_at, r.applied_at
             FROM retention r JOIN objects o ON o.id = r.object ORDER BY o.name";
        let rule = |row: &Row<'_>| {
            Ok(Retention {
                object: row.get(0)?,
                table: row.get(1)?,
                column: row.get(2)?,
                months: row.get(3)?,
                days: row.get(4)?,
                micros: row.get(5)?,
                role: row.get(6)?,
                created_at: row.get(7)?,
                applied_at: row.get(8)?,
            })
        };
        self.read(|connection| connection.prepare_cached(ALL)?.query_map([], rule)?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_counted_in_the_calendar() {
        let rule = |months, days, micros| Retention {
            object: 1,
            table: "orders".into(),
            column: "at".into(),
            months,
            days,
            micros,
            role: String::new(),
            created_at: 0,
            applied_at: None,
        };
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
        let now = at("2024-02-29T12:00:00Z");
        assert_eq!(rule(12, 0, 0).bound(now), Some(at("2023-02-28T12:00:00Z")));
        assert_eq!(rule(1, 30, 1_000_000).bound(now), Some(at("2023-12-30T11:59:59Z")));
        assert_eq!(
            (rule(18, 1, 0).length(), rule(0, 0, 5_400_000_000).length()),
            ("1 year 6 months 1 day".into(), "1 hour 30 minutes".into())
        );
    }
}
