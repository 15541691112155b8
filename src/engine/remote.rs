//! A session whose statements run on a remote server, for a shell connected to one.

use std::path::Path;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

use super::Session;
use super::answer::Answer;
use super::prepared::Parameters;
use crate::databases::{Gave, Remote, Surroundings};
use crate::environment::Environment;

impl Session {
    /// The same session, with statements run by the server at `postgresql://user@host:port/database`. Parsing, completion and explanations
    /// remain local.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses the login.
    pub async fn connected(mut self, location: &str, environment: Environment) -> Result<Self> {
        let (location, role) = (location.to_string(), Arc::clone(&self.login));
        let connecting = async move {
            let surroundings = Surroundings { environment: &environment, role: &role, base: Path::new(".") };
            Remote::connect(&location, &surroundings).await
        };
        self.remote = Some(Arc::new(self.engine.run(connecting).await?));
        Ok(self)
    }
}

/// Runs a statement on the server.
pub(super) async fn execute(session: &Session, remote: Arc<Remote>, text: String, tag: String) -> Result<Answer> {
    let context = session.statement(Parameters::default());
    let environment = context.session().runtime_env();
    let memory = MemoryConsumer::new("rows of the server").register(&environment.memory_pool);
    let batch_size = context.session().config_options().execution.batch_size.get();
    let running = async move { remote.run(&text, batch_size, memory).await };
    let answer = match session.engine.run(running).await? {
        Gave::Count(rows) => Answer::moved(usize::try_from(rows).unwrap_or(usize::MAX)),
        Gave::Rows(schema, rows) => {
            let plan = Arc::new(EmptyExec::new(Arc::clone(&schema)));
            let rows = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
            Answer::start(&session.engine, &context, plan, rows, None, None)?
        }
    };
    Ok(answer.tagged(tag))
}
