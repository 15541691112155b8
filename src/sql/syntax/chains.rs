//! Limits on long chains of operators and long lists, so that they are answered or rejected but never crash the process.
//!
//! A chain such as `a OR b OR c …` parses into a tree as deep as the chain is long, and code that walks it recursively overflows the
//! stack. Before parsing, [`check`] counts operators token by token and rejects chains that are too long. After parsing, [`balance`]
//! regroups chains of AND and OR, which are associative, into a tree of logarithmic depth. Sums cannot be regrouped because their result
//! would change.
//!
//! Columns, keys, joined tables and WITH queries are limited too: planning time grows at least with the square of their number.

use datafusion::common::Result;
use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::invalid;

/// The most terms in a chain of AND or OR.
const LONGEST_CONDITION: usize = 50_000;

/// The most columns of a SELECT.
const MOST_COLUMNS: usize = 2_000;
/// The most keys of GROUP BY, ORDER BY or PARTITION BY.
const MOST_KEYS: usize = 1_000;
/// The most tables that one FROM joins.
const MOST_JOINED: usize = 128;
/// The most WITH queries of a statement.
const MOST_NAMED: usize = 500;

/// The most tokens of a statement. A list of values takes at least a hundred times the memory of its text before the first row is
/// computed; a file does not.
const MOST_PARTS: usize = 2_000_000;

/// The kind of list that a comma belongs to.
#[derive(Default, Clone, Copy, PartialEq)]
enum List {
    Columns,
    Tables,
    Keys,
    #[default]
    Others,
}

/// What was counted since the last separator on one level of parentheses.
#[derive(Default)]
struct Level {
    list: List,
    /// The commas of the current list.
    commas: usize,
    /// Tables joined, by JOIN or by a comma.
    joined: usize,
    /// Operators that nest: arithmetic, comparisons, casts, IS, LIKE and others.
    nesting: usize,
    /// AND and OR.
    conditions: usize,
    /// UNION, EXCEPT and INTERSECT, or `|>`.
    relations: usize,
}

impl Level {
    /// Starts another list on the same level.
    fn begin(&mut self, list: List) {
        (self.list, self.commas) = (list, 0);
        self.nesting = 0;
        self.conditions = 0;
    }
}

/// Rejects expressions with more than `longest` operators in a row, and lists beyond the limits above.
///
/// # Errors
/// States what there is too much of, and the limit.
pub fn check(tokens: &[TokenWithSpan], longest: usize) -> Result<()> {
    let mut levels = vec![Level::default()];
    let mut named = 0;
    let (mut before, mut previous) = (Keyword::NoKeyword, Keyword::NoKeyword);
    let too_many = |token: &TokenWithSpan, most: usize, what: &str, advice: &str| {
        let problem = format!("line {} has more than {most} {what}; {advice}", token.span.start.line);
        Err(invalid("statement", problem))
    };
    let mut parts = 0;
    for token in tokens {
        parts =
            if token.token == Token::SemiColon { 0 } else { parts + usize::from(!matches!(token.token, Token::Whitespace(_))) };
        if parts > MOST_PARTS {
            let advice =
                "put the values in a file and read that, as in INSERT INTO t SELECT * FROM 'values.csv', or insert them in parts";
            return too_many(token, MOST_PARTS, "words, signs and values in one statement", advice);
        }
        let Some(level) = levels.last_mut() else { break };
        let count = match &token.token {
            Token::LParen | Token::LBracket => {
                if previous == Keyword::AS || (previous == Keyword::MATERIALIZED && before != Keyword::CREATE) {
                    named += 1;
                    if named > MOST_NAMED {
                        let advice = "make tables or views of some";
                        return too_many(token, MOST_NAMED, "queries with a name (WITH … AS)", advice);
                    }
                }
                // A call or subscript is part of the chain that it occurs in.
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
                named = 0;
                0
            }
            Token::Comma => {
                level.nesting = 0;
                level.conditions = 0;
                level.commas += 1;
                match level.list {
                    List::Columns if level.commas >= MOST_COLUMNS => {
                        let advice = "select them in several queries, or as rows with a name and a value";
                        return too_many(token, MOST_COLUMNS, "columns in a list", advice);
                    }
                    List::Keys if level.commas >= MOST_KEYS => {
                        return too_many(token, MOST_KEYS, "keys in a list", "sort or group by fewer");
                    }
                    List::Tables => level.joined += 1,
                    _ => {}
                }
                0
            }
            Token::VerticalBarRightAngleBracket => {
                level.begin(List::Others);
                level.relations += 1;
                level.relations
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
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => {
                    level.begin(List::Others);
                    level.relations += 1;
                    level.joined = 0;
                    level.relations
                }
                Keyword::JOIN => {
                    level.begin(List::Tables);
                    level.joined += 1;
                    0
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
                Keyword::SELECT => {
                    level.begin(List::Columns);
                    0
                }
                // IS DISTINCT FROM
                Keyword::FROM if previous == Keyword::DISTINCT => 0,
                Keyword::FROM => {
                    level.begin(List::Tables);
                    level.joined = 0;
                    0
                }
                Keyword::GROUP | Keyword::ORDER | Keyword::PARTITION => {
                    level.begin(List::Keys);
                    0
                }
                Keyword::WHERE | Keyword::HAVING | Keyword::VALUES | Keyword::WINDOW | Keyword::SET => {
                    level.begin(List::Others);
                    0
                }
                Keyword::ON | Keyword::WHEN | Keyword::THEN | Keyword::ELSE | Keyword::END => {
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
        if levels.last().is_some_and(|level| level.joined >= MOST_JOINED) {
            return too_many(token, MOST_JOINED, "tables in one FROM", "join some of them in a table or view of their own");
        }
        match &token.token {
            Token::Whitespace(_) => {}
            Token::Word(word) => (before, previous) = (previous, word.keyword),
            _ => (before, previous) = (previous, Keyword::NoKeyword),
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
