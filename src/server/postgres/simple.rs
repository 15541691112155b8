//! The simple protocol: statements as text, run one after another.

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
    /// The first statement that fails; earlier ones have run, later ones do not.
    pub async fn query(&mut self, sql: &str) -> Result<(), Stop> {
        self.text = sql.into();
        self.connected.interrupt.begin();
        let session = self.session.clone();
        let statements = self.within(session.parse(sql)).await?;
        if statements.is_empty() {
            self.out.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()));
        }
        for statement in statements {
            if let Some(copy) = statement.client_copy() {
                self.copy(&statement.text, copy).await?;
                continue;
            }
            let _turn = self.turn(statement.takes_turn()).await?;
            let answer = self.within(session.execute(statement)).await?;
            self.answer(answer).await?;
        }
        Ok(())
    }

    /// Sends an answer, in text format.
    async fn answer(&mut self, mut answer: Answer) -> Result<(), Stop> {
        if answer.has_rows() {
            let formats = vec![Format::Text; answer.schema().fields().len()];
            let mut rows = Rows::new(answer, None, formats)?;
            self.out.put(&replies::columns(rows.columns(), rows.formats()));
            let (_, sent) = self.send(&mut rows, usize::MAX).await?;
            self.done(rows.answer(), sent);
            return Ok(());
        }
        self.finish(&mut answer).await?;
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
