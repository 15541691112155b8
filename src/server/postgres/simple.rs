//! The simple protocol: statements as text, run one after another.
//!
//! Several statements of one message are one transaction, as in PostgreSQL: if one fails, what those before it did is undone. With BEGIN and
//! COMMIT among them, these say what belongs together.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::EmptyQueryResponse;

use super::connection::{Connection, Stop};
use super::replies;
use super::rows::Rows;
use super::values::Format;
use crate::engine::Answer;

impl Connection {
    /// Answers a query message.
    ///
    /// # Errors
    /// The first statement that fails; what earlier ones did is undone, later ones do not run.
    pub async fn query(&mut self, sql: &str) -> Result<(), Stop> {
        let answered = self.run(sql).await;
        if matches!(answered, Err(Stop::Failed(_))) {
            // Its own error is the one to tell.
            let _ = self.session.end_shared(false).await;
        }
        answered
    }

    /// Runs the statements of a query message.
    async fn run(&mut self, sql: &str) -> Result<(), Stop> {
        self.text = sql.into();
        self.connected.interrupt.begin();
        let session = self.session.clone();
        let statements = self.within(session.parse(sql)).await?;
        if statements.is_empty() {
            self.out.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()));
        }
        let last = statements.len().saturating_sub(1);
        for (place, statement) in statements.into_iter().enumerate() {
            if last > 0 {
                // Again after a COMMIT among them.
                session.share_transaction().await?;
            }
            if let Some(copy) = statement.client_copy() {
                self.copy(&statement.text, copy).await?;
                if place == last {
                    session.end_shared(true).await?;
                }
                continue;
            }
            let _turn = self.turn(statement.takes_turn()).await?;
            let answer = self.within(session.execute(statement)).await?;
            self.answer(answer, place == last).await?;
        }
        Ok(())
    }

    /// Sends an answer, in text format; the last one of a message comes after its transaction.
    async fn answer(&mut self, mut answer: Answer, is_last: bool) -> Result<(), Stop> {
        if answer.has_rows() {
            let formats = vec![Format::Text; answer.schema().fields().len()];
            let mut rows = Rows::new(answer, None, formats)?;
            self.out.put(&replies::columns(rows.columns(), rows.formats()));
            let (_, sent) = self.send(&mut rows, usize::MAX).await?;
            if is_last {
                self.session.end_shared(true).await?;
            }
            self.done(rows.answer(), sent);
            return Ok(());
        }
        self.finish(&mut answer).await?;
        if is_last {
            self.session.end_shared(true).await?;
        }
        let rows = answer.rows();
        self.done(&answer, rows);
        Ok(())
    }

    /// Waits until a statement without rows is done.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn finish(&mut self, answer: &mut Answer) -> Result<(), Stop> {
        while let Some(batch) = self.within(answer.next_batch()).await? {
            drop(batch);
        }
        Ok(())
    }
}
