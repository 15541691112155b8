//! Long chains of operators: answered or refused, never a crash.
//!
//! A chain such as `a OR b OR c …` parses into a tree as deep as the chain is long, and whoever walks it recursively runs
//! out of stack. Before parsing, [`check`] counts operators token by token and refuses chains that nobody could walk.
//! After parsing, [`balance`] turns chains of AND and OR, which may be grouped as one likes, into a tree of logarithmic
//! depth. Sums cannot be regrouped: their result would change.

use datafusion::common::Result;
use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::invalid;

/// The longest chain of AND and OR.
const LONGEST_CONDITION: usize = 50_000;

/// Operators counted since the last separator, on one level of parentheses.
#[derive(Default)]
struct Level {
    /// Operators that nest: arithmetic, comparison, casts, IS, LIKE …
    nesting: usize,
    /// AND and OR.
    conditions: usize,
    /// UNION, EXCEPT, INTERSECT and JOIN.
    relations: usize,
}

/// Refuses expressions with more than `longest` operators in a row.
///
/// # Errors
/// Names the operator, the count, the limit and its setting.
pub fn check(tokens: &[TokenWithSpan], longest: usize) -> Result<()> {
    let mut levels = vec![Level::default()];
    for token in tokens {
        let Some(level) = levels.last_mut() else { break };
        let count = match &token.token {
            Token::LParen | Token::LBracket => {
                // A call or subscript is part of the chain it stands in.
                level.nesting += 1;
                let count = level.nesting;
                levels.push(Level::default());
                count
            }
            Token::RParen | Token::RBracket => {
                levels.pop();
                if levels.is_empty() {
                    levels.push(Level::default());
                }
                0
            }
            Token::SemiColon => {
                levels = vec![Level::default()];
                0
            }
            Token::Comma => {
                level.nesting = 0;
                level.conditions = 0;
                0
            }
            Token::Word(word) => match word.keyword {
                Keyword::AND | Keyword::OR => {
                    level.nesting = 0;
                    level.conditions += 1;
                    if level.conditions > LONGEST_CONDITION {
                        let problem =
                            format!("more than {LONGEST_CONDITION} terms; write column IN (…), or join a table of values");
                        return Err(invalid("a chain of AND and OR has", problem));
                    }
                    0
                }
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::JOIN => {
                    level.nesting = 0;
                    level.conditions = 0;
                    level.relations += 1;
                    level.relations
                }
                Keyword::IS
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::IN
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::NOT
                | Keyword::SIMILAR
                | Keyword::AT
                | Keyword::XOR
                | Keyword::DIV => {
                    level.nesting += 1;
                    level.nesting
                }
                Keyword::SELECT
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::ORDER
                | Keyword::HAVING
                | Keyword::ON
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::END => {
                    level.nesting = 0;
                    level.conditions = 0;
                    0
                }
                _ => 0,
            },
            Token::Whitespace(_)
            | Token::Number(_, _)
            | Token::SingleQuotedString(_)
            | Token::Period
            | Token::Placeholder(_)
            | Token::EOF => 0,
            _ => {
                level.nesting += 1;
                level.nesting
            }
        };
        if count > longest {
            let line = token.span.start.line;
            let problem = format!(
                "line {line} has more than {longest} operators in a row (at `{}`); split it, use sum(), concat() or IN (…), \
                 or raise portrait.max_operators",
                token.token
            );
            return Err(invalid("expression", problem));
        }
    }
    Ok(())
}

/// Regroups a long chain of AND or OR as a balanced tree; other expressions stay as they are.
pub fn balance(expression: &mut Expr) {
    let Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } = expression else { return };
    let op = op.clone();
    if spine(expression, &op) < 16 {
        return;
    }
    let mut terms = vec![];
    let placeholder = || Expr::Value(sqlparser::ast::Value::Null.with_empty_span());
    let mut rest = std::mem::replace(expression, placeholder());
    loop {
        match rest {
            Expr::BinaryOp { left, op: own, right } if own == op => {
                terms.push(*right);
                rest = *left;
            }
            first => {
                terms.push(first);
                break;
            }
        }
    }
    terms.reverse();
    while terms.len() > 1 {
        let mut pairs = Vec::with_capacity(terms.len().div_ceil(2));
        let mut left_to_pair = terms.into_iter();
        while let Some(left) = left_to_pair.next() {
            pairs.push(match left_to_pair.next() {
                Some(right) => Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) },
                None => left,
            });
        }
        terms = pairs;
    }
    if let Some(balanced) = terms.pop() {
        *expression = balanced;
    }
}

fn spine(mut expression: &Expr, op: &BinaryOperator) -> usize {
    let mut length = 0;
    while let Expr::BinaryOp { left, op: own, .. } = expression {
        if own != op {
            break;
        }
        length += 1;
        expression = left;
    }
    length
}
