//! From a template's parts and a value to text.

use serde_json::Value;

use super::{Expression, Function, Part, Range, TemplateError};

pub(super) fn render(parts: &[Part], data: &Value) -> Result<String, TemplateError> {
    let mut text = String::new();
    let mut scope = Scope { dot: data.clone(), variables: vec![(String::new(), data.clone())] };
    scope.write(parts, &mut text)?;
    Ok(text)
}

fn error(why: impl Into<String>) -> TemplateError {
    TemplateError(why.into())
}

/// What names mean.
struct Scope {
    dot: Value,
    /// The innermost comes last; `$` has no name.
    variables: Vec<(String, Value)>,
}

impl Scope {
    fn write(&mut self, parts: &[Part], text: &mut String) -> Result<(), TemplateError> {
        parts.iter().try_for_each(|part| self.write_part(part, text))
    }

    fn write_part(&mut self, part: &Part, text: &mut String) -> Result<(), TemplateError> {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Print(expression) => text.push_str(&shown(&self.value(expression)?)),
            Part::If { test, then, otherwise } => {
                let holds = self.maybe(test)?.is_some_and(|value| holds(&value));
                return self.write(if holds { then } else { otherwise }, text);
            }
            Part::With { value, then, otherwise } => {
                return match self.maybe(value)?.filter(holds) {
                    Some(value) => self.write_within(value, then, text),
                    None => self.write(otherwise, text),
                };
            }
            Part::Range(range) => return self.write_range(range, text),
        }
        Ok(())
    }

    fn write_within(
        &mut self,
        dot: Value,
        parts: &[Part],
        text: &mut String,
    ) -> Result<(), TemplateError> {
        let outer = std::mem::replace(&mut self.dot, dot);
        let written = self.write(parts, text);
        self.dot = outer;
        written
    }

    fn write_range(&mut self, range: &Range, text: &mut String) -> Result<(), TemplateError> {
        let elements = elements(self.maybe(&range.over)?.unwrap_or_default())?;
        if elements.is_empty() {
            return self.write(&range.otherwise, text);
        }
        for (key, element) in elements {
            let known = self.variables.len();
            match range.variables.as_slice() {
                [] => {}
                [only] => self.variables.push((only.clone(), element.clone())),
                [first, second, ..] => {
                    self.variables.push((first.clone(), key));
                    self.variables.push((second.clone(), element.clone()));
                }
            }
            self.write_within(element, &range.then, text)?;
            self.variables.truncate(known);
        }
        Ok(())
    }

    fn value(&self, expression: &Expression) -> Result<Value, TemplateError> {
        self.maybe(expression)?.ok_or_else(|| match expression {
            Expression::Field(_, name) => error(format!("there is no field `{name}`")),
            _ => error("there is no such value"),
        })
    }

    /// The value; none if it is a field that is not there.
    fn maybe(&self, expression: &Expression) -> Result<Option<Value>, TemplateError> {
        Ok(Some(match expression {
            Expression::Value(value) => value.clone(),
            Expression::Dot => self.dot.clone(),
            Expression::Variable(name) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                let missing = || error(format!("there is no variable `${name}`"));
                found.map(|(_, value)| value.clone()).ok_or_else(missing)?
            }
            Expression::Field(of, name) => match self.maybe(of)? {
                None | Some(Value::Null) => return Ok(None),
                Some(Value::Object(mut fields)) => return Ok(fields.remove(name)),
                Some(other) => {
                    return Err(error(format!("{} has no field `{name}`", kind(&other))));
                }
            },
            Expression::Call(function, arguments) => return self.call(*function, arguments),
        }))
    }

    fn call(
        &self,
        function: Function,
        arguments: &[Expression],
    ) -> Result<Option<Value>, TemplateError> {
        let (Function::And | Function::Or | Function::Not) = function else {
            let values = arguments.iter().map(|argument| self.value(argument));
            return apply(function, &values.collect::<Result<Vec<_>, _>>()?).map(Some);
        };
        // Those may ask for what is not there, and stop when they know.
        let mut last = None;
        for argument in arguments {
            last = self.maybe(argument)?;
            let holds = last.as_ref().is_some_and(holds);
            match function {
                Function::Not => return Ok(Some((!holds).into())),
                Function::And if !holds => break,
                Function::Or if holds => break,
                _ => {}
            }
        }
        Ok(last)
    }
}

fn apply(function: Function, values: &[Value]) -> Result<Value, TemplateError> {
    let first = values.first().unwrap_or(&Value::Null);
    Ok(match function {
        Function::Json => first.to_string().into(),
        Function::Index => {
            return values.get(1..).unwrap_or_default().iter().try_fold(first.clone(), index);
        }
        Function::Len => length(first)?.into(),
        Function::Join => {
            let Value::Array(items) = first else {
                return Err(error(format!("{} cannot be joined", kind(first))));
            };
            let items: Vec<String> = items.iter().map(shown).collect();
            items.join(&text(values, 1)?).into()
        }
        Function::Split => {
            let (whole, by) = (text(values, 0)?, text(values, 1)?);
            whole.split(by.as_str()).map(Value::from).collect()
        }
        Function::Upper => text(values, 0)?.to_uppercase().into(),
        Function::Lower => text(values, 0)?.to_lowercase().into(),
        Function::Print => values.iter().map(shown).collect::<String>().into(),
        Function::Println => {
            let words: Vec<String> = values.iter().map(shown).collect();
            (words.join(" ") + "\n").into()
        }
        Function::Eq => values.get(1..).unwrap_or_default().contains(first).into(),
        Function::Ne => (values.get(1) != Some(first)).into(),
        Function::Not | Function::And | Function::Or => Value::Null, // See `call`.
    })
}

fn index(of: Value, key: &Value) -> Result<Value, TemplateError> {
    match (of, key) {
        // As in Go, a map answers for every key.
        (Value::Object(mut fields), Value::String(key)) => {
            Ok(fields.remove(key).unwrap_or_default())
        }
        (Value::Array(mut items), Value::Number(number)) => {
            let at = number.as_u64().and_then(|at| usize::try_from(at).ok());
            match at.filter(|at| *at < items.len()) {
                Some(at) => Ok(items.swap_remove(at)),
                None => Err(error(format!("there is no element {number}"))),
            }
        }
        (of, key) => Err(error(format!("{} has no element {key}", kind(&of)))),
    }
}

fn length(value: &Value) -> Result<usize, TemplateError> {
    match value {
        Value::String(text) => Ok(text.len()),
        Value::Array(items) => Ok(items.len()),
        Value::Object(fields) => Ok(fields.len()),
        Value::Null => Ok(0),
        other => Err(error(format!("{} has no length", kind(other)))),
    }
}

fn text(values: &[Value], at: usize) -> Result<String, TemplateError> {
    match values.get(at) {
        Some(Value::String(text)) => Ok(text.clone()),
        other => Err(error(format!("{} is not a string", kind(other.unwrap_or(&Value::Null))))),
    }
}

/// What `range` goes through, with keys; maps in the order of their keys.
fn elements(value: Value) -> Result<Vec<(Value, Value)>, TemplateError> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => {
            Ok(items.into_iter().enumerate().map(|(at, item)| (at.into(), item)).collect())
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(fields.into_iter().map(|(key, value)| (key.into(), value)).collect())
        }
        other => Err(error(format!("{} cannot be ranged over", kind(&other)))),
    }
}

/// Go's notion of truth: neither zero nor empty.
fn holds(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(holds) => *holds,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// As Go's `fmt` prints it with `%v`.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" "))
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            let pairs = fields.iter().map(|(key, value)| format!("{key}:{}", shown(value)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
