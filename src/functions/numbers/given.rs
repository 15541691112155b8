//! Functions whose form depends on their arguments.

use datafusion::common::Result;
use sqlparser::ast::{Expr, Value};

use crate::adapter::expression_macro::Written;
use crate::error::{SqlState, coded, invalid};

/// `greatest` already ignores NULL.
pub fn greatest(arguments: &[Expr]) -> Result<Option<Written>> {
    let places: Vec<String> = (1..=arguments.len()).map(|place| format!("${place}")).collect();
    Ok(Some((format!("greatest({})", places.join(", ")), arguments.to_vec())))
}

/// `to_number`: a whole number, as in Snowflake; with a pattern, a number with the places of the pattern, as in PostgreSQL and Oracle.
pub fn number(arguments: &[Expr]) -> Result<Option<Written>> {
    let (text, pattern) = match arguments {
        [text] => return Ok(Some(("CAST($1 AS DECIMAL(38, 0))".into(), vec![text.clone()]))),
        [text, pattern] => (text, pattern),
        _ => {
            let problem = "takes a text, and its pattern; it is written to_number('1,234.5', '9G999D9')";
            return Err(coded(SqlState::UNDEFINED_FUNCTION, "to_number", problem));
        }
    };
    let places = match pattern {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(pattern) => places(pattern),
            _ => None,
        },
        _ => None,
    };
    let Some((digits, places)) = places else {
        let problem = format!("pattern must be a constant of 9, 0, G, D, S, MI, PR and L, such as '9G999D99', got {pattern}");
        return Err(invalid("to_number", problem));
    };
    // A minus may stand before or behind, and `<12>` is negative too; more places than those of the pattern are cut off.
    let written = format!(
        "CAST(CASE WHEN $1 LIKE '%-%' OR $1 LIKE '%<%' THEN '-' ELSE '' END || \
         regexp_replace(regexp_replace($1, '[^0-9.]', '', 'g'), '^([0-9]*[.]?[0-9]{{0,{places}}}).*$', '\\1') AS DECIMAL({digits}, {places}))"
    );
    Ok(Some((written, vec![text.clone()])))
}

/// The most digits of a number that is read by a pattern.
const MOST_DIGITS: usize = 38;

/// The digits of a pattern, and those behind its point.
fn places(pattern: &str) -> Option<(usize, usize)> {
    let mut pattern = pattern.to_uppercase();
    for word in ["FM", "MI", "PL", "SG", "PR"] {
        pattern = pattern.replace(word, "");
    }
    let is_digit = |letter: &char| matches!(letter, '9' | '0');
    let known = |letter: char| is_digit(&letter) || "GDSL,.$ -+".contains(letter);
    let (whole, behind) = pattern.split_once(['D', '.']).unwrap_or((&pattern, ""));
    let (whole, behind) = (whole.chars().filter(is_digit).count(), behind.chars().filter(is_digit).count());
    let is_number = pattern.chars().all(known) && (1..=MOST_DIGITS).contains(&(whole + behind));
    is_number.then_some((whole + behind, behind))
}
