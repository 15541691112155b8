//! The schema `system`: tables about the program itself, made from the pages of its functions, statements and settings.

pub mod inventory;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::config::ExtensionOptions;
use datafusion::datasource::MemTable;

use crate::catalog::Catalog;
use crate::docs::Doc;
use crate::engine::schema::SessionLink;
use crate::functions;
use crate::settings::PortraitSettings;
use crate::sql::statement;

#[derive(Debug)]
pub struct SystemSchema {
    pub catalog: Arc<Catalog>,
    /// Definitions are read with the session's dialect.
    pub session: SessionLink,
}

const TABLES: [&str; 10] =
    ["comments", "functions", "profiles", "runs", "segments", "models", "settings", "statements", "tags", "versions"];

/// Every page there is: functions by domain, then statements.
pub fn pages() -> Vec<&'static Doc> {
    let functions = functions::all().into_iter().flat_map(|set| set.docs());
    functions.chain(statement::docs()).collect()
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        TABLES.iter().map(ToString::to_string).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let functions = || functions::all().into_iter().flat_map(|set| set.docs());
        Ok(match name {
            "functions" => Some(table(
                &["name", "kind", "domain", "summary", "syntax", "example"],
                functions().map(|doc| {
                    [doc.name, doc.kind.as_str(), doc.domain, doc.summary, &doc.syntax(), doc.examples.first().unwrap_or(&"")]
                        .map(String::from)
                }),
            )?),
            "statements" => Some(table(
                &["name", "summary", "syntax"],
                statement::docs().map(|doc| [doc.name, doc.summary, doc.syntax].map(String::from)),
            )?),
            "settings" => {
                let entries = PortraitSettings::default().entries();
                Some(table(
                    &["name", "default", "text"],
                    entries.into_iter().map(|entry| [entry.key, entry.value.unwrap_or_default(), entry.description.to_string()]),
                )?)
            }
            "comments" => Some(inventory::comments(&self.catalog, &self.session.state()?)?),
            "profiles" => Some(inventory::profiles(&self.catalog, &self.session.state()?)?),
            "tags" => Some(inventory::tags(&self.catalog, &self.session.state()?)?),
            "models" => Some(inventory::models(&self.catalog, &self.session.state()?)?),
            "segments" => Some(inventory::segments(&self.catalog, &self.session.state()?)?),
            "versions" => Some(inventory::versions(&self.catalog)?),
            "runs" => Some(inventory::runs(&self.catalog)?),
            _ => None,
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        TABLES.contains(&name)
    }
}

fn table<const N: usize>(names: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<Arc<dyn TableProvider>> {
    let mut columns = vec![vec![]; N];
    for row in rows {
        row.into_iter().zip(&mut columns).for_each(|(value, column)| column.push(value));
    }
    let schema = Arc::new(Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect::<Vec<_>>()));
    let columns = columns.into_iter().map(|column| Arc::new(StringArray::from(column)) as ArrayRef).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

/// The reference, derived: one page a domain, one for statements, one for settings.
pub fn reference() -> Vec<(String, String)> {
    use std::fmt::Write;

    let mut index = String::from("# Reference\n\nMade from the program by `portrait docs`; do not edit.\n\n");
    let mut files = vec![];
    let mut add = |file: &str, title: &str, docs: &[&Doc]| {
        let _ = writeln!(
            index,
            "- [{title}]({file}.md): {}",
            docs.iter().map(|doc| format!("`{}`", doc.name)).collect::<Vec<_>>().join(", ")
        );
        let pages: Vec<String> = docs.iter().map(|doc| doc.markdown()).collect();
        files.push((format!("{file}.md"), format!("# {title}\n\n{}", pages.join("\n"))));
    };
    for set in functions::all() {
        add(set.name, set.title, &set.docs());
    }
    add("statements", "Statements", &statement::docs().collect::<Vec<_>>());
    let mut settings = String::from(
        "# Settings\n\n`SET name = value` changes one for the session, `SHOW name` tells it.\n\n| setting | default | meaning |\n|---|---|---|\n",
    );
    for entry in PortraitSettings::default().entries() {
        let _ = writeln!(settings, "| `{}` | {} | {} |", entry.key, entry.value.unwrap_or_default(), entry.description);
    }
    index.push_str("- [Settings](settings.md)\n");
    files.push(("settings.md".into(), settings));
    files.push(("README.md".into(), index));
    files
}
