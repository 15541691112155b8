//! Commands that run or show something again: `\g`, `\gx`, `\watch`, `\r`.

use std::time::Duration;

use portraitdb::Blocks;

use super::super::console::Failure;
use super::super::signals::Listening;
use super::{Next, Outcome, Shell};

pub fn go(shell: &mut Shell, argument: &str) -> Outcome {
    if !argument.is_empty() {
        return Err(Failure::Error(format!(
            "\\g: takes no argument, got \"{argument}\"; \\o {argument} sends results to a file"
        )));
    }
    let query = taken(shell, "\\g")?;
    shell.run_query(&query)
}

pub fn go_in_blocks(shell: &mut Shell, _: &str) -> Outcome {
    let query = taken(shell, "\\gx")?;
    let before = std::mem::replace(&mut shell.console.blocks, Blocks::Always);
    let run = shell.run_query(&query);
    shell.console.blocks = before;
    run
}

/// The current query, or the last one.
fn taken(shell: &Shell, subject: &str) -> Result<String, Failure> {
    let query = shell.query().trim().to_string();
    if query.is_empty() {
        return Err(Failure::Error(format!("{subject}: there is no query yet; write one before it")));
    }
    Ok(query)
}

pub fn watch(shell: &mut Shell, argument: &str) -> Outcome {
    let mut given = argument.split_whitespace();
    let wrong = |given: &str| Failure::Error(format!("\\watch: must be seconds above 0 and how many times, got \"{given}\""));
    let seconds = match given.next() {
        None => 2.0,
        Some(text) => match text.parse::<f64>() {
            Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => seconds,
            _ => return Err(wrong(argument)),
        },
    };
    let times = match given.next() {
        None => u64::MAX,
        Some(text) => text.parse::<u64>().ok().filter(|times| *times > 0).ok_or_else(|| wrong(argument))?,
    };
    let query = taken(shell, "\\watch")?;
    // Repeated output must not wait in a pager.
    let is_paged = std::mem::replace(&mut shell.console.is_paged, false);
    // Many results of one query must not push out the earlier ones.
    let kept = shell.console.kept.take();
    let watched = every(shell, &query, seconds, times);
    (shell.console.is_paged, shell.console.kept) = (is_paged, kept);
    match watched {
        // Ctrl-C is the way to end it.
        Err(Failure::Interrupted) => Ok(Next::Go),
        watched => watched,
    }
}

fn every(shell: &mut Shell, query: &str, seconds: f64, times: u64) -> Outcome {
    // From here to the end: a press between a query and a pause counts.
    let listening = Listening::new();
    for time in 0..times {
        if time > 0 {
            let pause = async {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => Ok(()),
                    () = listening.interrupted() => Err(Failure::Interrupted),
                }
            };
            shell.console.engine.block_on(pause)?;
            println!();
        }
        shell.run_query(query)?;
    }
    Ok(Next::Go)
}

/// `\r`: lists the kept results, or shows one of them.
pub fn again(shell: &mut Shell, argument: &str) -> Outcome {
    let Some(kept) = &shell.console.kept else { return Ok(Next::Go) };
    if argument.is_empty() {
        let mut text = String::new();
        for result in kept.all() {
            let statement: String = result.statement.split_whitespace().collect::<Vec<_>>().join(" ");
            let short: String = statement.chars().take(70).collect();
            let more = if short.len() < statement.len() { "…" } else { "" };
            let s = if result.rows == 1 { "" } else { "s" };
            text.push_str(&format!("{:>4}  {} row{s}  {short}{more}\n", result.number, result.rows));
        }
        if text.is_empty() {
            text.push_str(shell.console.session.language().text("no result is kept yet"));
            text.push('\n');
        }
        return shell.console.show(&text).map(|()| Next::Go);
    }
    let result = kept.get(Some(number(argument, "\\r")?)).cloned();
    let Some(result) = result else { return Err(not_kept("\\r", argument)) };
    shell.console.show_again(&result).map(|()| Next::Go)
}

pub fn number(argument: &str, subject: &str) -> Result<usize, Failure> {
    argument
        .parse()
        .map_err(|_| Failure::Error(format!("{subject}: must be the number of a result, got \"{argument}\"; \\r lists them")))
}

pub fn not_kept(subject: &str, argument: &str) -> Failure {
    Failure::Error(format!("{subject} {argument}: no such result is kept; \\r lists those that are"))
}
