//! YAML as far as a spec file needs it: what JSON could say as well.
//!
//! Tags, and aliases with which a short text says something endless, are refused.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Nothing in a spec file is nested as deeply.
const DEEPEST: usize = 32;

/// What the one document of `text` says.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let line = span.start.line();
        tree.add(event).map_err(|what| format!("line {line}: {what}"))?;
    }
    tree.root.ok_or_else(|| "it is empty".into())
}

/// What has been read of a document.
#[derive(Debug, Default)]
struct Tree {
    root: Option<Value>,
    open: Vec<Open>,
}

/// A list or map that has not come to its end.
#[derive(Debug)]
enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Map(Map<String, Value>, Option<String>),
}

impl Tree {
    fn add(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Alias(_) => Err("aliases are not allowed"),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err("tags are not allowed"),
            Event::Scalar(text, style, ..) => self.place(text.as_ref(), style),
            Event::SequenceStart(..) => self.open(Open::List(Vec::new())),
            Event::MappingStart(..) => self.open(Open::Map(Map::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(list)) => self.put(Value::Array(list)),
                Some(Open::Map(map, _)) => self.put(Value::Object(map)),
                None => Err("something ends that has not begun"),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), &'static str> {
        if matches!(self.open.last(), Some(Open::Map(_, None))) {
            return Err("a key is not a text");
        }
        if self.open.len() == DEEPEST {
            return Err("it is nested too deeply");
        }
        self.open.push(open);
        Ok(())
    }

    /// A key, or a value.
    fn place(&mut self, text: &str, style: ScalarStyle) -> Result<(), &'static str> {
        if let Some(Open::Map(map, key @ None)) = self.open.last_mut() {
            if map.contains_key(text) {
                return Err("a key is there twice");
            }
            *key = Some(text.into());
            return Ok(());
        }
        self.put(match style {
            ScalarStyle::Plain => plain(text),
            _ => Value::String(text.into()),
        })
    }

    fn put(&mut self, value: Value) -> Result<(), &'static str> {
        match self.open.last_mut() {
            Some(Open::List(list)) => list.push(value),
            Some(Open::Map(map, key)) => {
                let key = key.take().ok_or("a key is not a text")?;
                map.insert(key, value);
            }
            None if self.root.is_some() => return Err("there is more than one document"),
            None => self.root = Some(value),
        }
        Ok(())
    }
}

/// The core schema (YAML 1.2.2, section 10.3.2), but for fractions, of which there
/// are none: `0.5.0` is a text, and so may `0.5` be.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = match text.get(..2) {
        Some("0o") => i64::from_str_radix(&text[2..], 8).ok(),
        Some("0x") => i64::from_str_radix(&text[2..], 16).ok(),
        _ => text.parse().ok(),
    };
    number.map_or_else(|| Value::String(text.into()), Value::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_says_what_json_would() {
        let text = "---\ncdiVersion: 0.5.0\nlist:\n- name: \"0\"\n  gid: 44\n- ~\nflow: {a: [1, \
                    0o17, 0x1f, true, 'no']}\nblock: |\n  a\n  b\n";
        let value = json!({
            "cdiVersion": "0.5.0",
            "list": [{"name": "0", "gid": 44}, null],
            "flow": {"a": [1, 15, 31, true, "no"]},
            "block": "a\nb\n",
        });
        assert_eq!(parse(text), Ok(value));
    }

    #[test]
    fn what_json_could_not_say_is_refused() {
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        let cases = [
            ("", "it is empty"),
            ("a: &x 1\nb: *x\n", "line 2: aliases are not allowed"),
            ("a: !!str 1\n", "line 1: tags are not allowed"),
            ("a: 1\na: 2\n", "line 2: a key is there twice"),
            ("[a]: 1\n", "line 1: a key is not a text"),
            ("a\n---\nb\n", "line 3: there is more than one document"),
            (deep.as_str(), "line 1: it is nested too deeply"),
        ];
        for (text, why) in cases {
            assert_eq!(parse(text), Err(why.into()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_meaning_or_is_refused(
            text in "([-?:,\\[\\]{}#&*!|>'\"%@` \\n\t~]|[a-c0-9.]|---|\\.\\.\\.|<<|\\PC){0,64}"
        ) {
            let _ = parse(&text);
        }
    }
}
