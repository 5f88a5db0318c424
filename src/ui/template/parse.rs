//! From a template's text to its parts.

use std::iter::Peekable;

use serde_json::Value;

use super::{Expression, Function, Part, Range, TemplateError};

/// Blocks and parentheses within each other.
const MAX_DEPTH: usize = 50;

const FUNCTIONS: &[(&str, Function)] = &[
    ("json", Function::Json),
    ("index", Function::Index),
    ("len", Function::Len),
    ("join", Function::Join),
    ("split", Function::Split),
    ("upper", Function::Upper),
    ("lower", Function::Lower),
    ("print", Function::Print),
    ("println", Function::Println),
    ("eq", Function::Eq),
    ("ne", Function::Ne),
    ("not", Function::Not),
    ("and", Function::And),
    ("or", Function::Or),
];

pub(super) fn template(text: &str) -> Result<Vec<Part>, TemplateError> {
    let mut pieces = pieces(text)?.into_iter().peekable();
    let (parts, end) = block(&mut pieces, 0)?;
    match end {
        End::Everything => Ok(parts),
        End::Block => Err(error("`end` ends nothing")),
        End::Else(_) => Err(error("`else` belongs to nothing")),
    }
}

fn error(why: impl Into<String>) -> TemplateError {
    TemplateError(why.into())
}

/// Text, or the tokens between `{{` and `}}`.
#[derive(Debug)]
enum Piece {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// `.A.B`; a single dot has no names.
    Path(Vec<String>),
    /// `$x.A`: the variable's name, then fields.
    Variable(String, Vec<String>),
    Word(String),
    Value(Value),
    Open,
    /// `)`, with the fields that follow it.
    Close(Vec<String>),
    Pipe,
    Comma,
    Assign,
}

/// Splits at the braces; `{{-` and `-}}` trim the text beside them.
fn pieces(mut text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    while let Some((before, rest)) = text.split_once("{{") {
        let trims = rest.strip_prefix('-').filter(|rest| rest.starts_with(char::is_whitespace));
        let before = if trims.is_some() { before.trim_end() } else { before };
        pieces.push(Piece::Text(before.into()));
        let action = trims.unwrap_or(rest).trim_start();
        let (tokens, rest) = match action.strip_prefix("/*") {
            Some(remark) => (None, remark.split_once("*/").map(|(_, rest)| rest)),
            None => tokens(action).map(|(tokens, rest)| (Some(tokens), Some(rest)))?,
        };
        let rest = rest.ok_or_else(|| error("a remark is not closed"))?;
        text = close(rest)?;
        pieces.extend(tokens.map(Piece::Action));
    }
    pieces.push(Piece::Text(text.into()));
    Ok(pieces)
}

/// What follows the end of an action.
fn close(rest: &str) -> Result<&str, TemplateError> {
    let rest = rest.trim_start();
    let trimmed = rest.strip_prefix("-}}").map(str::trim_start);
    trimmed.or_else(|| rest.strip_prefix("}}")).ok_or_else(|| error("`{{` is not closed"))
}

/// The tokens up to the end of the action, which is the rest.
fn tokens(mut text: &str) -> Result<(Vec<Token>, &str), TemplateError> {
    let mut tokens = Vec::new();
    loop {
        text = text.trim_start();
        if text.starts_with("}}") || text.starts_with("-}}") || text.is_empty() {
            return Ok((tokens, text));
        }
        let (token, rest) = token(text)?;
        tokens.push(token);
        text = rest;
    }
}

fn token(text: &str) -> Result<(Token, &str), TemplateError> {
    let simple =
        [("(", Token::Open), ("|", Token::Pipe), (",", Token::Comma), (":=", Token::Assign)];
    for (sign, token) in simple {
        if let Some(rest) = text.strip_prefix(sign) {
            return Ok((token, rest));
        }
    }
    if let Some(rest) = text.strip_prefix(')') {
        let (fields, rest) = fields(rest)?;
        return Ok((Token::Close(fields), rest));
    }
    if let Some(rest) = text.strip_prefix('$') {
        let (name, rest) = word(rest);
        let (fields, rest) = fields(rest)?;
        return Ok((Token::Variable(name.into(), fields), rest));
    }
    if let Some(after) = text.strip_prefix('.') {
        let (fields, rest) = fields(text)?;
        let rest = if fields.is_empty() { after } else { rest };
        return Ok((Token::Path(fields), rest));
    }
    literal(text)
}

fn literal(text: &str) -> Result<(Token, &str), TemplateError> {
    if let Some(rest) = text.strip_prefix('`') {
        let (raw, rest) = rest.split_once('`').ok_or_else(|| error("a string is not closed"))?;
        return Ok((Token::Value(raw.into()), rest));
    }
    if text.starts_with('"') {
        return string(text);
    }
    // A word ends where a field begins, as in docker's `{{range.Mounts}}`.
    let has_point = !text.starts_with(char::is_alphabetic);
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.' && has_point;
    let end = text.find(|c: char| !is_part(c));
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    // A minus sign may also be the one of `-}}`.
    let (word, rest) = match word.strip_suffix('-') {
        Some(shorter) => (shorter, &text[shorter.len()..]),
        None => (word, rest),
    };
    let token = match word {
        "" => return Err(error(format!("`{}` is not expected here", first(text)))),
        "true" => Token::Value(true.into()),
        "false" => Token::Value(false.into()),
        "nil" => Token::Value(Value::Null),
        _ => match serde_json::from_str::<serde_json::Number>(word) {
            Ok(number) => Token::Value(number.into()),
            Err(_) => Token::Word(word.into()),
        },
    };
    Ok((token, rest))
}

fn first(text: &str) -> String {
    text.chars().take(1).collect()
}

/// Go's escapes in strings are those of JSON, where people use them.
fn string(text: &str) -> Result<(Token, &str), TemplateError> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let (quoted, rest) = text.split_at(at + 1);
                let parsed = serde_json::from_str::<String>(quoted);
                let parsed = parsed.map_err(|_| error(format!("{quoted} is not a string")))?;
                return Ok((Token::Value(parsed.into()), rest));
            }
            _ => {}
        }
    }
    Err(error("a string is not closed"))
}

/// As many `.Name` as there are.
fn fields(mut text: &str) -> Result<(Vec<String>, &str), TemplateError> {
    let mut fields = Vec::new();
    while let Some(rest) = text.strip_prefix('.') {
        let (name, rest) = word(rest);
        if name.is_empty() {
            break;
        }
        fields.push(name.into());
        text = rest;
    }
    Ok((fields, text))
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    text.split_at(end.unwrap_or(text.len()))
}

/// How a block ended.
#[derive(Debug)]
enum End {
    /// With the template.
    Everything,
    /// By `end`.
    Block,
    /// With what follows the word, as `if …`.
    Else(Vec<Token>),
}

type Pieces = Peekable<std::vec::IntoIter<Piece>>;

fn block(pieces: &mut Pieces, depth: usize) -> Result<(Vec<Part>, End), TemplateError> {
    if depth > MAX_DEPTH {
        return Err(error("it is nested too deeply"));
    }
    let mut parts = Vec::new();
    while let Some(piece) = pieces.next() {
        let tokens = match piece {
            Piece::Text(text) if text.is_empty() => continue,
            Piece::Text(text) => {
                parts.push(Part::Text(text));
                continue;
            }
            Piece::Action(tokens) => tokens,
        };
        let word = match tokens.first() {
            Some(Token::Word(word)) => word.as_str(),
            _ => "",
        };
        match word {
            "end" if tokens.len() == 1 => return Ok((parts, End::Block)),
            "else" => return Ok((parts, End::Else(tokens[1..].to_vec()))),
            "if" | "with" | "range" => {
                let word = word.to_owned();
                parts.push(control(&word, &tokens[1..], pieces, depth + 1)?);
            }
            _ => parts.push(Part::Print(expression(&tokens)?)),
        }
    }
    Ok((parts, End::Everything))
}

fn control(
    word: &str,
    tokens: &[Token],
    pieces: &mut Pieces,
    depth: usize,
) -> Result<Part, TemplateError> {
    let (variables, tokens) = match word {
        "range" => variables(tokens)?,
        _ => (Vec::new(), tokens),
    };
    let value = expression(tokens)?;
    let (then, end) = block(pieces, depth)?;
    let otherwise = match end {
        End::Block => Vec::new(),
        End::Everything => return Err(error(format!("`{word}` has no `end`"))),
        End::Else(rest) => otherwise(word, &rest, pieces, depth)?,
    };
    Ok(match word {
        "if" => Part::If { test: value, then, otherwise },
        "with" => Part::With { value, then, otherwise },
        _ => Part::Range(Range { variables, over: value, then, otherwise }),
    })
}

/// What follows `else`; an `else if` shares the `end` of its `if`.
fn otherwise(
    word: &str,
    rest: &[Token],
    pieces: &mut Pieces,
    depth: usize,
) -> Result<Vec<Part>, TemplateError> {
    if let Some((Token::Word(next), rest)) = rest.split_first()
        && next == word
        && word != "range"
    {
        return Ok(vec![control(word, rest, pieces, depth + 1)?]);
    }
    if !rest.is_empty() {
        return Err(error("after `else` comes nothing, or the block's own word"));
    }
    match block(pieces, depth)? {
        (parts, End::Block) => Ok(parts),
        _ => Err(error(format!("`{word}` has no `end`"))),
    }
}

/// `$x :=` or `$k, $v :=`.
fn variables(tokens: &[Token]) -> Result<(Vec<String>, &[Token]), TemplateError> {
    let plain = |fields: &[String]| fields.is_empty();
    match tokens {
        [Token::Variable(v, f), Token::Assign, rest @ ..] if plain(f) => {
            Ok((vec![v.clone()], rest))
        }
        [Token::Variable(k, f), Token::Comma, Token::Variable(v, g), Token::Assign, rest @ ..]
            if plain(f) && plain(g) =>
        {
            Ok((vec![k.clone(), v.clone()], rest))
        }
        _ => Ok((Vec::new(), tokens)),
    }
}

/// A pipeline, whose values are the last arguments of what they are piped to.
fn expression(tokens: &[Token]) -> Result<Expression, TemplateError> {
    let mut tokens = tokens.iter().peekable();
    let value = pipeline(&mut tokens, 0)?;
    match tokens.next() {
        None => Ok(value),
        Some(token) => Err(unexpected(token)),
    }
}

type Tokens<'a> = Peekable<std::slice::Iter<'a, Token>>;

fn pipeline(tokens: &mut Tokens<'_>, depth: usize) -> Result<Expression, TemplateError> {
    if depth > MAX_DEPTH {
        return Err(error("it is nested too deeply"));
    }
    let mut value = command(tokens, None, depth)?;
    while tokens.next_if_eq(&&Token::Pipe).is_some() {
        value = command(tokens, Some(value), depth)?;
    }
    Ok(value)
}

/// A value, or a function with its arguments.
fn command(
    tokens: &mut Tokens<'_>,
    piped: Option<Expression>,
    depth: usize,
) -> Result<Expression, TemplateError> {
    let Some(Token::Word(name)) = tokens.peek() else {
        return match piped {
            None => operand(tokens, depth),
            Some(_) => Err(error("what follows `|` must be a function")),
        };
    };
    tokens.next();
    let found = FUNCTIONS.iter().find(|(known, _)| known == name);
    let (_, function) = found.ok_or_else(|| error(format!("there is no function `{name}`")))?;
    let mut arguments = Vec::new();
    while tokens.peek().is_some_and(|token| begins_operand(token)) {
        arguments.push(operand(tokens, depth)?);
    }
    arguments.extend(piped);
    check_count(name, *function, arguments.len())?;
    Ok(Expression::Call(*function, arguments))
}

fn check_count(name: &str, function: Function, count: usize) -> Result<(), TemplateError> {
    let (least, most) = match function {
        Function::Json | Function::Len | Function::Upper | Function::Lower | Function::Not => {
            (1, 1)
        }
        Function::Join | Function::Split | Function::Ne => (2, 2),
        Function::Eq => (2, usize::MAX),
        Function::Index | Function::And | Function::Or => (1, usize::MAX),
        Function::Print | Function::Println => (0, usize::MAX),
    };
    if (least..=most).contains(&count) {
        return Ok(());
    }
    let arguments = if least == 1 { "argument" } else { "arguments" };
    Err(error(format!("`{name}` takes {least} {arguments}, not {count}")))
}

fn begins_operand(token: &Token) -> bool {
    matches!(token, Token::Path(_) | Token::Variable(..) | Token::Value(_) | Token::Open)
}

fn operand(tokens: &mut Tokens<'_>, depth: usize) -> Result<Expression, TemplateError> {
    match tokens.next() {
        Some(Token::Path(fields)) => Ok(with_fields(Expression::Dot, fields)),
        Some(Token::Variable(name, fields)) => {
            Ok(with_fields(Expression::Variable(name.clone()), fields))
        }
        Some(Token::Value(value)) => Ok(Expression::Value(value.clone())),
        Some(Token::Open) => {
            let value = pipeline(tokens, depth + 1)?;
            match tokens.next() {
                Some(Token::Close(fields)) => Ok(with_fields(value, fields)),
                Some(token) => Err(unexpected(token)),
                None => Err(error("`(` is not closed")),
            }
        }
        Some(token) => Err(unexpected(token)),
        None => Err(error("an action is empty")),
    }
}

fn with_fields(value: Expression, fields: &[String]) -> Expression {
    let field = |value, name: &String| Expression::Field(Box::new(value), name.clone());
    fields.iter().fold(value, field)
}

fn unexpected(token: &Token) -> TemplateError {
    let shown = match token {
        Token::Path(fields) => format!(".{}", fields.join(".")),
        Token::Variable(name, _) => format!("${name}"),
        Token::Word(word) => word.clone(),
        Token::Value(value) => value.to_string(),
        Token::Open => "(".into(),
        Token::Close(_) => ")".into(),
        Token::Pipe => "|".into(),
        Token::Comma => ",".into(),
        Token::Assign => ":=".into(),
    };
    error(format!("`{shown}` is not expected here"))
}
