//! `--format`.

use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    error::Error,
    ui::{self, Template, TemplateError},
};

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[value(alias = "table")]
    Text,
    /// For programs
    Json,
}

/// How data is printed where each thing can be printed by a template.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplateFormat {
    /// `text`, docker's `table`.
    Text,
    /// `json`
    Json,
    /// `table` and a template whose tabs part columns.
    Table(Template),
    /// Anything else.
    Template(Template),
}

/// Fields by docker's names, and what their columns are called if that is not
/// their name in words.
type Titles = [(&'static str, &'static str)];

impl TemplateFormat {
    /// The template, if it is one.
    pub fn template(&self) -> Option<&Template> {
        match self {
            Self::Table(template) | Self::Template(template) => Some(template),
            Self::Text | Self::Json => None,
        }
    }

    /// What is printed of `rows`; `usual` is the table that nobody has described.
    ///
    /// # Errors
    /// If the template asks for what a row has not.
    pub fn rows<T: Serialize + Default>(
        &self,
        rows: &[T],
        titles: &Titles,
        usual: impl FnOnce() -> String,
    ) -> Result<String, Error> {
        match self {
            Self::Text => Ok(usual()),
            Self::Table(template) => table(template, rows, titles),
            Self::Json | Self::Template(_) => {
                rows.iter().map(|row| ui::line(row, self.template())).collect()
            }
        }
    }
}

impl FromStr for TemplateFormat {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        match text {
            "text" | "table" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            text => match text.strip_prefix("table ") {
                Some(columns) => unescape(columns.trim()).parse().map(Self::Table),
                None => unescape(text).parse().map(Self::Template),
            },
        }
    }
}

/// The headings are the template's as well, of titles in place of values.
fn table<T: Serialize + Default>(
    template: &Template,
    rows: &[T],
    titles: &Titles,
) -> Result<String, Error> {
    let cells = |value: &Value| -> Result<Vec<String>, Error> {
        let line = ui::line(value, Some(template))?;
        Ok(line.trim_end_matches('\n').split('\t').map(String::from).collect())
    };
    let values = |row: &T| serde_json::to_value(row).map_err(|e| Error::Output(e.into()));
    let fields = values(&T::default())?.as_object().cloned().unwrap_or_default();
    let named = fields.into_iter().map(|(field, _)| (field.clone(), title(&field, titles).into()));
    let headings = cells(&Value::Object(named.collect::<Map<_, _>>()))?;
    let rows: Result<_, Error> = rows.iter().map(|row| cells(&values(row)?)).collect();
    Ok(ui::table(&headings.iter().map(String::as_str).collect::<Vec<_>>(), rows?))
}

/// `CreatedAt` is `CREATED AT`, unless it has a title of its own.
fn title(field: &str, titles: &Titles) -> String {
    if let Some((_, title)) = titles.iter().find(|(name, _)| *name == field) {
        return (*title).into();
    }
    let mut title = String::new();
    let mut after_lower = false;
    for c in field.chars() {
        if after_lower && c.is_uppercase() {
            title.push(' ');
        }
        after_lower = c.is_lowercase();
        title.extend(c.to_uppercase());
    }
    title
}

/// Shells pass `\t` and `\n` on, and docker makes tabs and lines of them; within
/// actions they are the template's own.
fn unescape(template: &str) -> String {
    let text = |text: &str| text.replace("\\t", "\t").replace("\\n", "\n");
    let mut pieces = template.split("{{");
    let first = text(pieces.next().unwrap_or_default());
    let rest = pieces.map(|piece| match piece.split_once("}}") {
        Some((action, after)) => format!("{{{{{action}}}}}{}", text(after)),
        None => format!("{{{{{piece}"),
    });
    std::iter::once(first).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Row {
        name: &'static str,
        created_at: &'static str,
    }

    fn printed(format: &str, rows: &[Row]) -> String {
        let format: TemplateFormat = format.parse().unwrap();
        format.rows(rows, &[("Name", "WHO")], || "usual\n".into()).unwrap()
    }

    #[test]
    fn rows_are_printed_as_docker_does() {
        let rows = [Row { name: "a", created_at: "1" }, Row { name: "longer", created_at: "2" }];
        let cases = [
            ("table", "usual\n"),
            (r"table {{.Name}}\t{{.CreatedAt}}", "WHO      CREATED AT\na        1\nlonger   2\n"),
            ("table {{.CreatedAt}}", "CREATED AT\n1\n2\n"),
            (r"{{.Name}}\t{{.CreatedAt}}\n", "a\t1\n\nlonger\t2\n\n"),
            (r#"{{print .Name "\t"}}|"#, "a\t|\nlonger\t|\n"),
        ];
        for (format, expected) in cases {
            assert_eq!(printed(format, &rows), expected, "{format}");
        }
        assert_eq!(printed(r"table {{.Name}}\t{{.CreatedAt}}", &[]), "WHO   CREATED AT\n");
    }

    #[test]
    fn a_column_that_there_is_not_is_an_error_without_rows_too() {
        let format: TemplateFormat = "table {{.Gone}}".parse().unwrap();
        assert!(format.rows::<Row>(&[], &[], String::new).is_err());
    }

    #[test]
    fn two_words_are_no_templates() {
        assert_eq!("table".parse(), Ok(TemplateFormat::Text));
        assert_eq!("json".parse(), Ok(TemplateFormat::Json));
        assert!(matches!("{{.ID}}".parse(), Ok(TemplateFormat::Template(_))));
        assert!("{{.ID".parse::<TemplateFormat>().is_err());
    }
}
