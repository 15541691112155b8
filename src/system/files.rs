//! `system.files`

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::UNIX_EPOCH;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::SystemTable;
use crate::docs::Column;
use crate::objects::protection::covers;
use crate::objects::values::{number, text, time};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Files;

const COLUMNS: [Column; 7] = [
    Column { name: "object", data_type: "VARCHAR", text: "what it belongs to: `table orders`, `profile customer`" },
    Column { name: "file", data_type: "VARCHAR", text: "name of the file in the folder `data` of the database" },
    Column { name: "bytes", data_type: "BIGINT", text: "size in bytes when it was written" },
    Column { name: "rows", data_type: "BIGINT", text: "its rows" },
    Column { name: "row_groups", data_type: "BIGINT", text: "number of row groups; NULL if it cannot be read" },
    Column { name: "written_at", data_type: "TIMESTAMP", text: "when it was written, in UTC; NULL if it is missing" },
    Column { name: "checksum", data_type: "VARCHAR", text: "BLAKE3 hash of its bytes" },
];

impl SystemTable for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn summary(&self) -> &'static str {
        "The files of the database's tables and profiles, including those of earlier snapshots; `portrait check` compares them with their checksums."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let mut files = context.catalog().files()?;
            if !context.rights()?.is_superuser() {
                let mut seen = vec![];
                for object in context.objects()?.iter() {
                    if !covers(object, context)? {
                        seen.push(object.label());
                    }
                }
                files.retain(|(object, ..)| seen.contains(object));
            }
            let found: Vec<(Option<i64>, Option<i64>)> = files.iter().map(|(_, _, path)| look_at(path)).collect();
            let all = || files.iter().map(|(object, file, _)| (object, file));
            Ok(vec![
                text(all().map(|(object, _)| Some(object.clone()))),
                text(all().map(|(_, file)| Some(file.name.clone()))),
                number(all().map(|(_, file)| Some(file.bytes))),
                number(all().map(|(_, file)| Some(file.rows))),
                number(found.iter().map(|(groups, _)| *groups)),
                time(found.iter().map(|(_, written)| *written)),
                text(all().map(|(_, file)| Some(file.checksum.clone()))),
            ])
        })
    }
}

/// The number of row groups of a file, and when it was written, as far as that can be read.
fn look_at(path: &Path) -> (Option<i64>, Option<i64>) {
    let plain = path.symlink_metadata().ok().filter(|found| found.is_file());
    let written = plain.as_ref().and_then(|found| found.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|since| i64::try_from(since.as_micros()).ok());
    let opened = plain.and_then(|_| File::open(path).ok());
    // A damaged footer can make the decoder panic; `portrait check` reports what is wrong.
    let groups = opened.and_then(|file| {
        let read = AssertUnwindSafe(|| SerializedFileReader::new(file).map(|reader| reader.metadata().num_row_groups()));
        std::panic::catch_unwind(read).ok()?.ok()
    });
    (groups.and_then(|groups| i64::try_from(groups).ok()), written)
}
