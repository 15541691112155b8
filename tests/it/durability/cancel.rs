//! A refresh that is cancelled midway.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;
use portraitdb::Answer;

use super::{Database, Open, acknowledged, refresh};

/// A table that returns one customer, signals that, and never ends.
#[derive(Debug)]
struct Endless {
    schema: SchemaRef,
    reached: std::sync::mpsc::Sender<()>,
}

impl PartitionStream for Endless {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), vec![Arc::new(Int64Array::from(vec![1]))]).unwrap();
        let reached = self.reached.clone();
        let first = futures::stream::once(async { Ok(batch) });
        let wait = futures::stream::once(async move {
            reached.send(()).unwrap();
            std::future::pending().await
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), first.chain(wait)))
    }
}

/// Registers it in place of the table `extra` of the database; the receiver is notified when a refresh reads it.
fn endless(open: &Open) -> Receiver<()> {
    let (reached, midway) = channel();
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let stream = Arc::new(Endless { schema: Arc::clone(&schema), reached });
    let table = StreamingTable::try_new(schema, vec![stream]).unwrap();
    open.session.context().register_table("extra", Arc::new(table)).unwrap();
    midway
}

fn start(open: &Open, sql: &str) -> Answer {
    open.engine.block_on(async {
        let statement = open.session.parse(sql).await.unwrap().pop().unwrap();
        open.session.execute(statement).await.unwrap()
    })
}

#[test]
fn a_refresh_that_is_given_up_leaves_everything_as_it_was() {
    let database = Database::new(3);
    let open = database.open();
    open.query(&refresh(1));
    open.query("CREATE TABLE extra AS SELECT CAST(1 AS BIGINT) AS id");
    open.query("CREATE TAG extra ON customer AS SELECT id, count(*) FROM extra GROUP BY id");
    let midway = endless(&open);
    let answer = start(&open, &refresh(2));
    midway.recv().unwrap();
    // Others read the previous state, and the run is listed as running.
    assert_eq!(database.open().second(), 1);
    assert_eq!(database.open().runs(), ["1 succeeded", "2 running"]);
    drop(answer);

    // The next refresh waits until the previous one has released its lock.
    open.session.context().deregister_table("extra").unwrap();
    assert_eq!(open.query(&acknowledged(2)), ["2"]);
    assert_eq!(open.runs(), ["1 succeeded", "2 cancelled", "2 succeeded"]);
    assert_eq!(open.query("SELECT count(extra), min(token), max(token) FROM profile.customer"), ["1|2|2"]);
    assert_eq!(database.left_over(), Vec::<String>::new());
}

/// A refresh cancelled while it waits for another has not begun.
#[test]
fn a_refresh_that_is_given_up_while_it_waits_leaves_nothing() {
    let database = Database::new(3);
    let open = database.open();
    open.query(&refresh(1));
    open.query("CREATE TABLE extra AS SELECT CAST(1 AS BIGINT) AS id");
    open.query("CREATE TAG extra ON customer AS SELECT id, count(*) FROM extra GROUP BY id");
    let midway = endless(&open);
    let first = start(&open, &refresh(2));
    midway.recv().unwrap();
    let second = start(&open, &refresh(3));
    let other = database.open();
    let error = other.error(&format!("SET portrait.lock_timeout = 0; {}", refresh(5)));
    assert!(error.contains("profile customer: REFRESH has been writing to it since 2"), "{error}");
    assert!(error.contains("in this process (process "), "{error}");
    drop(second);
    drop(first);
    open.session.context().deregister_table("extra").unwrap();
    open.query("DROP TAG extra");
    open.query(&refresh(4));
    assert_eq!(open.runs(), ["1 succeeded", "2 cancelled", "4 succeeded"]);
    assert_eq!(open.published().map(|seen| (seen.second, seen.refreshes)), Some((4, 2)));
    assert_eq!(database.left_over(), Vec::<String>::new());
}
