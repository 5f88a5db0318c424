//! `--format`: as much of Go's `text/template` as people write for docker.
//!
//! Fields, `$` and variables of `range`, literals, pipes and parentheses; `if`,
//! `with` and `range` with `else`; the functions `json`, `index`, `len`, `join`,
//! `split`, `upper`, `lower`, `print`, `println`, `eq`, `ne`, `not`, `and` and
//! `or`. Anything else is refused before anything is done.
//!
//! What is printed is a JSON value. A field that it has not is an error, since
//! it is most often a slip of the pen; `if`, `with`, `and` and `or` may ask for
//! it all the same. Values read as Go prints them: `[a b]`, `map[k:v]`.

mod eval;
mod parse;

use std::str::FromStr;

use serde_json::Value;

/// A template that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {0}")]
pub struct TemplateError(String);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Print(Expression),
    If { test: Expression, then: Vec<Part>, otherwise: Vec<Part> },
    With { value: Expression, then: Vec<Part>, otherwise: Vec<Part> },
    Range(Range),
}

#[derive(Debug, Clone, PartialEq)]
struct Range {
    /// Variables for the key and for the element, as many as were named.
    variables: Vec<String>,
    over: Expression,
    then: Vec<Part>,
    otherwise: Vec<Part>,
}

/// Something with a value.
#[derive(Debug, Clone, PartialEq)]
enum Expression {
    /// A literal.
    Value(Value),
    Dot,
    /// `$`, whose name is empty, or `$name`.
    Variable(String),
    Field(Box<Expression>, String),
    Call(Function, Vec<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Json,
    Index,
    Len,
    Join,
    Split,
    Upper,
    Lower,
    Print,
    Println,
    Eq,
    Ne,
    Not,
    And,
    Or,
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        parse::template(text).map(|parts| Self { parts })
    }
}

impl Template {
    /// What the template makes of `data`, without an end of line of its own.
    ///
    /// # Errors
    /// If it asks for a field that `data` has not, or for what cannot be done
    /// with a value.
    pub fn render(&self, data: &Value) -> Result<String, TemplateError> {
        eval::render(&self.parts, data)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str) -> Result<String, TemplateError> {
        let data = json!({
            "Id": "sha256:0a", "Size": 42, "Ratio": 0.5, "On": true, "None": null, "Empty": [],
            "Tags": ["a:1", "b:2"],
            "Config": {"Env": ["A=1", "B=2"], "Labels": {"z": "<&>", "org.x/y": "1"}},
            "Mounts": [{"Name": "m"}, {"Name": "n"}],
        });
        template.parse::<Template>()?.render(&data)
    }

    #[track_caller]
    fn check(cases: &[(&str, &str)]) {
        for (template, expected) in cases {
            assert_eq!(render(template).as_deref(), Ok(*expected), "{template}");
        }
    }

    #[test]
    fn values_read_as_go_prints_them() {
        check(&[
            ("", ""),
            ("a {{.Id}} b", "a sha256:0a b"),
            ("{{ .Size }}/{{.Ratio}}/{{.On}}/{{.None}}", "42/0.5/true/<no value>"),
            ("{{.Config.Env}}", "[A=1 B=2]"),
            ("{{.Config.Labels}}", "map[org.x/y:1 z:<&>]"),
            ("{{.Empty}}", "[]"),
            ("{{$.Config.Env}}", "[A=1 B=2]"),
            (r#"{{"q\"\t"}}{{`raw\`}}{{7}}{{true}}"#, "q\"\traw\\7true"),
        ]);
    }

    #[test]
    fn functions_take_arguments_and_pipes() {
        check(&[
            ("{{json .Config.Env}}", r#"["A=1","B=2"]"#),
            ("{{.Id | json}}", r#""sha256:0a""#),
            ("{{index .Tags 1}}", "b:2"),
            (r#"{{index .Config.Labels "org.x/y"}}"#, "1"),
            (r#"{{index .Config.Labels "gone"}}"#, "<no value>"),
            (r#"{{(index .Mounts 0).Name}}"#, "m"),
            (r#"{{index . "Mounts" 1 "Name"}}"#, "n"),
            (r#"{{join .Tags ", "}}"#, "a:1, b:2"),
            (r#"{{index (split .Id ":") 1 | upper}}"#, "0A"),
            ("{{len .Tags}}{{len .Id}}{{len .Config}}", "292"),
            (r#"{{print .Id "x" | lower}}{{println .Size 1}}"#, "sha256:0ax42 1\n"),
        ]);
    }

    #[test]
    fn blocks_choose_and_repeat() {
        check(&[
            ("{{if .On}}yes{{else}}no{{end}}", "yes"),
            ("{{if .Empty}}yes{{else if .Missing}}no{{else}}none{{end}}", "none"),
            ("{{if not .Missing}}absent{{end}}", "absent"),
            ("{{range .Tags}}{{.}};{{end}}", "a:1;b:2;"),
            ("{{range.Tags}}{{.}};{{end}}{{if.On}}{{json.Size}}{{end}}", "a:1;b:2;42"),
            ("{{range .Empty}}x{{else}}nothing{{end}}", "nothing"),
            ("{{range $i, $t := .Tags}}{{$i}}={{$t}} {{end}}", "0=a:1 1=b:2 "),
            ("{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}} {{end}}", "org.x/y:1 z:<&> "),
            ("{{range .Mounts}}{{.Name}}{{$.Size}} {{end}}", "m42 n42 "),
            ("{{with .Config}}{{len .Env}}{{end}}{{with .None}}x{{else}}-{{end}}", "2-"),
            (r#"{{if and (eq .Size 42) (ne .Id "x")}}both{{end}}"#, "both"),
            (r#"{{or .Missing .None "default"}}"#, "default"),
            ("a  {{- .Size -}}  \n b{{/* a remark */}}", "a42b"),
        ]);
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("{{.Gone}}", "there is no field `Gone`"),
            ("{{.Id.X}}", "a string has no field `X`"),
            ("{{.Id", "`{{` is not closed"),
            ("{{if .On}}x", "`if` has no `end`"),
            ("{{end}}", "`end` ends nothing"),
            ("{{frobnicate .Id}}", "there is no function `frobnicate`"),
            ("{{}}", "an action is empty"),
            ("{{(.Id}}", "`(` is not closed"),
            ("{{.Id .Size}}", "`.Size` is not expected here"),
            (r#"{{"open}}"#, "a string is not closed"),
            ("{{index .Tags 9}}", "there is no element 9"),
            ("{{join .Id}}", "`join` takes 2 arguments, not 1"),
            ("{{$x}}", "there is no variable `$x`"),
            ("{{range .Size}}{{end}}", "a number cannot be ranged over"),
        ];
        for (template, why) in cases {
            let error = render(template).unwrap_err().to_string();
            assert_eq!(error, format!("template: {why}"), "{template}");
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = format!("{{{{{}.{}}}}}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(render(&deep).unwrap_err().to_string(), "template: it is nested too deeply");
        let blocks = "{{if .On}}".repeat(100_000);
        assert_eq!(render(&blocks).unwrap_err().to_string(), "template: it is nested too deeply");
    }
}
