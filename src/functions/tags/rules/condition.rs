//! Conditions as tests of operands against constants.
//!
//! An *operand* is what is compared: a column, `sum(amount)`, `date_part('year', born)`; any expression that is not a
//! constant. Two operands are the same if they are written the same, ignoring spaces and the case of unquoted names: `age + 1`
//! and `age` are two operands, and the analysis does not know that they depend on each other. So it may show a cell that
//! cannot occur, but never misses one that can.

use sqlparser::ast::{BinaryOperator, DataType, Expr, UnaryOperator, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::kernels::decimal::Decimal;
use crate::walk::Walk;

/// A constant as it was written; what it means depends on the operand it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// TRUE or FALSE.
    Boolean(bool),
    /// A number, exact.
    Number(Decimal),
    /// `DATE '…'` or `TIMESTAMP '…'`: the text.
    Moment(String),
    /// A string, or a date written as one.
    Text(String),
}

/// How an operand is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What is tested about one operand.
#[derive(Debug, Clone)]
pub enum Test {
    /// Against a constant; unknown for NULL.
    Compare(Comparison, Literal),
    /// Against a list of constants; unknown for NULL.
    In(Vec<Literal>),
    /// `IS NULL`.
    IsNull,
}

/// A condition with three values: true, false and unknown.
#[derive(Debug, Clone)]
pub enum Condition {
    /// TRUE, FALSE or NULL.
    Constant(Option<bool>),
    /// A test of the operand with this number.
    Test(usize, Test),
    /// AND.
    All(Vec<Self>),
    /// OR.
    Any(Vec<Self>),
    /// NOT.
    Not(Box<Self>),
    /// `IS TRUE`, `IS FALSE` or `IS UNKNOWN`: never unknown itself.
    Is(Box<Self>, Option<bool>),
}

impl Condition {
    /// The number of tests in it.
    pub fn tests(&self) -> usize {
        match self {
            Self::Constant(_) | Self::Test(..) => 1,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::tests).sum(),
            Self::Not(inner) | Self::Is(inner, _) => inner.tests(),
        }
    }

    /// The numbers of the operands it tests.
    pub fn operands(&self, found: &mut Vec<usize>) {
        match self {
            Self::Constant(_) => {}
            Self::Test(operand, _) => found.push(*operand),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.operands(found)),
            Self::Not(inner) | Self::Is(inner, _) => inner.operands(found),
        }
    }
}

/// One operand.
#[derive(Debug, Clone)]
pub struct Operand {
    /// As it is written at its first occurrence.
    pub expression: Expr,
    canonical: String,
}

/// The operands met so far.
#[derive(Debug, Clone, Default)]
pub struct Operands {
    /// In the order of their first occurrence.
    pub list: Vec<Operand>,
    /// The name of the only table; before a column it can be ignored.
    table: Option<String>,
}

/// The part of a condition that was not understood, as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood(pub String);

type Read<T> = Result<T, NotUnderstood>;

impl Operands {
    /// No operands yet; `table` is the name of the table if there is only one.
    pub fn new(table: Option<String>) -> Self {
        Self { list: vec![], table: table.map(|table| table.to_lowercase()) }
    }

    fn number(&mut self, expression: &Expr) -> Read<usize> {
        let expression = without_parentheses(expression);
        if has_subquery(expression) {
            return Err(NotUnderstood(expression.to_string()));
        }
        let canonical = canonical(expression, self.table.as_deref());
        if let Some(known) = self.list.iter().position(|operand| operand.canonical == canonical) {
            return Ok(known);
        }
        self.list.push(Operand { expression: expression.clone(), canonical });
        Ok(self.list.len() - 1)
    }

    /// Reads a condition, and adds its operands.
    ///
    /// # Errors
    /// The part that is not understood.
    pub fn read(&mut self, condition: &Expr) -> Read<Condition> {
        let not_understood = || NotUnderstood(condition.to_string());
        match condition {
            Expr::Nested(inner) => self.read(inner),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(not(self.read(expr)?)),
            Expr::BinaryOp { op: BinaryOperator::And, .. } => {
                let mut parts = vec![];
                super::read::conjuncts(condition, &mut parts);
                Ok(Condition::All(parts.into_iter().map(|part| self.read(part)).collect::<Read<_>>()?))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                Ok(Condition::Any(vec![self.read(left)?, self.read(right)?]))
            }
            Expr::BinaryOp { left, op, right } => {
                let (operand, constant, op) = match (constant(left), constant(right)) {
                    (None, Some(constant)) => (left, constant, op.clone()),
                    (Some(constant), None) => (right, constant, turned(op)),
                    _ => return Err(not_understood()),
                };
                if let (BinaryOperator::Eq, Some(Literal::Boolean(value))) = (&op, &constant)
                    && !is_plain(without_parentheses(operand))
                {
                    // `CASE TRUE WHEN age < 26 THEN …`
                    let inner = self.read(operand)?;
                    return Ok(if *value { inner } else { not(inner) });
                }
                let operand = self.number(operand)?;
                let test = |comparison| match &constant {
                    Some(literal) => Condition::Test(operand, Test::Compare(comparison, literal.clone())),
                    // A comparison with NULL is unknown.
                    None => Condition::Constant(None),
                };
                Ok(match op {
                    BinaryOperator::Eq => test(Comparison::Equal),
                    BinaryOperator::NotEq => not(test(Comparison::Equal)),
                    BinaryOperator::Lt => test(Comparison::Less),
                    BinaryOperator::LtEq => test(Comparison::LessOrEqual),
                    BinaryOperator::Gt => test(Comparison::Greater),
                    BinaryOperator::GtEq => test(Comparison::GreaterOrEqual),
                    _ => return Err(not_understood()),
                })
            }
            Expr::Between { expr, negated, low, high } => {
                let (Some(low), Some(high)) = (constant(low), constant(high)) else { return Err(not_understood()) };
                let operand = self.number(expr)?;
                let side = |comparison, literal: Option<Literal>| match literal {
                    Some(literal) => Condition::Test(operand, Test::Compare(comparison, literal)),
                    None => Condition::Constant(None),
                };
                let inside = vec![side(Comparison::GreaterOrEqual, low), side(Comparison::LessOrEqual, high)];
                Ok(if *negated { not(Condition::All(inside)) } else { Condition::All(inside) })
            }
            Expr::InList { expr, list, negated } => {
                let operand = self.number(expr)?;
                let values: Vec<Option<Literal>> =
                    list.iter().map(|value| constant(value).ok_or_else(not_understood)).collect::<Read<_>>()?;
                let has_null = values.iter().any(Option::is_none);
                let test = Condition::Test(operand, Test::In(values.into_iter().flatten().collect()));
                // A value that is not in a list with NULL could equal that NULL, so the result is unknown.
                let test = if has_null { Condition::Any(vec![test, Condition::Constant(None)]) } else { test };
                Ok(if *negated { not(test) } else { test })
            }
            Expr::IsNull(operand) => Ok(Condition::Test(self.number(operand)?, Test::IsNull)),
            Expr::IsNotNull(operand) => Ok(not(Condition::Test(self.number(operand)?, Test::IsNull))),
            Expr::IsDistinctFrom(left, right) => Ok(not(self.same(left, right).ok_or_else(not_understood)??)),
            Expr::IsNotDistinctFrom(left, right) => self.same(left, right).ok_or_else(not_understood)?,
            Expr::IsTrue(inner) => Ok(Condition::Is(Box::new(self.read(inner)?), Some(true))),
            Expr::IsNotTrue(inner) => Ok(not(Condition::Is(Box::new(self.read(inner)?), Some(true)))),
            Expr::IsFalse(inner) => Ok(Condition::Is(Box::new(self.read(inner)?), Some(false))),
            Expr::IsNotFalse(inner) => Ok(not(Condition::Is(Box::new(self.read(inner)?), Some(false)))),
            Expr::IsUnknown(inner) => Ok(Condition::Is(Box::new(self.read(inner)?), None)),
            Expr::IsNotUnknown(inner) => Ok(not(Condition::Is(Box::new(self.read(inner)?), None))),
            Expr::Value(_) => match constant(condition) {
                Some(None) => Ok(Condition::Constant(None)),
                Some(Some(Literal::Boolean(value))) => Ok(Condition::Constant(Some(value))),
                _ => Err(not_understood()),
            },
            // A boolean column or function.
            plain if is_plain(plain) => {
                let operand = self.number(condition)?;
                Ok(Condition::Test(operand, Test::Compare(Comparison::Equal, Literal::Boolean(true))))
            }
            _ => Err(not_understood()),
        }
    }

    /// `IS NOT DISTINCT FROM`, which is true for two NULLs and false for one.
    fn same(&mut self, left: &Expr, right: &Expr) -> Option<Read<Condition>> {
        let (operand, constant) = match (constant(left), constant(right)) {
            (None, Some(constant)) => (left, constant),
            (Some(constant), None) => (right, constant),
            _ => return None,
        };
        Some(self.number(operand).map(|operand| match constant {
            None => Condition::Test(operand, Test::IsNull),
            Some(literal) => {
                Condition::Is(Box::new(Condition::Test(operand, Test::Compare(Comparison::Equal, literal))), Some(true))
            }
        }))
    }
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// True for an expression that is a value and not a condition over operands.
fn is_plain(expression: &Expr) -> bool {
    matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_) | Expr::Cast { .. })
}

fn without_parentheses(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner) => without_parentheses(inner),
        other => other,
    }
}

/// The comparison with its sides exchanged.
fn turned(op: &BinaryOperator) -> BinaryOperator {
    match op {
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        other => other.clone(),
    }
}

/// The value of a constant expression, `Some(None)` for NULL; `None` if it is not constant, or its value is only known when the query
/// runs, such as `now()`.
fn constant(expression: &Expr) -> Option<Option<Literal>> {
    match expression {
        Expr::Nested(inner) => constant(inner),
        Expr::Value(value) => match &value.value {
            Value::Null => Some(None),
            Value::Boolean(value) => Some(Some(Literal::Boolean(*value))),
            Value::Number(text, _) => Some(Some(Literal::Number(number(text)?))),
            Value::SingleQuotedString(text) => Some(Some(Literal::Text(text.clone()))),
            _ => None,
        },
        Expr::UnaryOp { op, expr } => match (op, constant(expr)?) {
            (UnaryOperator::Plus, number @ Some(Literal::Number(_))) => Some(number),
            (UnaryOperator::Minus, Some(Literal::Number(number))) => {
                let text = number.to_string();
                let text = text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_string);
                Some(Some(Literal::Number(Decimal::parse(&text)?)))
            }
            _ => None,
        },
        Expr::TypedString(typed) => match (&typed.data_type, &typed.value.value) {
            (data_type, Value::SingleQuotedString(text)) if is_moment(data_type) => Some(Some(Literal::Moment(text.clone()))),
            _ => None,
        },
        Expr::Cast { expr, data_type, .. } => match constant(expr)? {
            Some(Literal::Text(text)) if is_moment(data_type) => Some(Some(Literal::Moment(text))),
            None => Some(None),
            _ => None,
        },
        _ => None,
    }
}

fn is_moment(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date | DataType::Timestamp(_, _) | DataType::Datetime(_))
}

/// A number, also one with an exponent.
fn number(text: &str) -> Option<Decimal> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else { return Decimal::parse(text) };
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if !(-40..=40).contains(&point) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let length = i32::try_from(digits.len()).ok()?;
    Decimal::parse(&if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= length {
        format!("{digits}{}", zeros(point - length))
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
        format!("{whole}.{fraction}")
    })
}

fn has_subquery(expression: &Expr) -> bool {
    struct Queries;
    impl sqlparser::ast::Visitor for Queries {
        type Break = ();
        fn pre_visit_query(&mut self, _query: &sqlparser::ast::Query) -> std::ops::ControlFlow<()> {
            std::ops::ControlFlow::Break(())
        }
    }
    expression.walk(&mut Queries).is_break()
}

/// The text by which operands are distinguished: token by token, so that spaces, the case of unquoted names and quotes that add nothing
/// do not count; nor does the name of the only table.
pub fn canonical(expression: &Expr, table: Option<&str>) -> String {
    let text = expression.to_string();
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, &text).tokenize() else { return text };
    let mut words: Vec<String> = vec![];
    for token in tokens {
        let word = match token {
            Token::Whitespace(_) => continue,
            Token::Word(word) => {
                let plain = |letter: char| letter.is_lowercase() || letter.is_numeric() || letter == '_' || !letter.is_ascii();
                match word.quote_style {
                    Some(quote) if !word.value.chars().all(plain) => format!("{quote}{}{quote}", word.value),
                    Some(_) => word.value,
                    None => word.value.to_lowercase(),
                }
            }
            other => other.to_string(),
        };
        let before = |place: usize| words.len().checked_sub(place).and_then(|place| words.get(place)).map(String::as_str);
        if before(1) == Some(".") && before(2).is_some() && before(2) == table && before(3) != Some(".") {
            words.truncate(words.len() - 2);
        }
        words.push(word);
    }
    words.join(" ")
}
