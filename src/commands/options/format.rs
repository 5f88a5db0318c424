//! `--format`.

use std::str::FromStr;

use crate::ui::{Template, TemplateError};

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
    /// Anything else.
    Template(Template),
}

impl TemplateFormat {
    /// The template, if it is one.
    pub fn template(&self) -> Option<&Template> {
        match self {
            Self::Template(template) => Some(template),
            Self::Text | Self::Json => None,
        }
    }
}

impl FromStr for TemplateFormat {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        match text {
            "text" | "table" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            template => template.parse().map(Self::Template),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_are_no_templates() {
        assert_eq!("table".parse(), Ok(TemplateFormat::Text));
        assert_eq!("json".parse(), Ok(TemplateFormat::Json));
        assert!(matches!("{{.ID}}".parse(), Ok(TemplateFormat::Template(_))));
        assert!("{{.ID".parse::<TemplateFormat>().is_err());
    }
}
