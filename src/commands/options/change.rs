//! `-c`, `--change`: an instruction of a Dockerfile, for how an image is run.

use std::{collections::BTreeMap, path::Path, str::FromStr};

use serde_json::{Value, json};

use crate::oci::ContainerConfig;

/// What is set in a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Cmd(Vec<String>),
    Entrypoint(Vec<String>),
    Env(Vec<(String, String)>),
    Expose(Vec<String>),
    Label(Vec<(String, String)>),
    StopSignal(String),
    User(String),
    Volume(Vec<String>),
    WorkDir(String),
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (instruction, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        if rest.is_empty() {
            return Err("an instruction has a name and a value, such as `CMD [\"sh\"]`".into());
        }
        Ok(match instruction.to_ascii_uppercase().as_str() {
            "CMD" => Self::Cmd(command(rest)),
            "ENTRYPOINT" => Self::Entrypoint(command(rest)),
            "ENV" => Self::Env(pairs(rest)?),
            "EXPOSE" => Self::Expose(ports(rest)?),
            "LABEL" => Self::Label(pairs(rest)?),
            "STOPSIGNAL" => Self::StopSignal(rest.into()),
            "USER" => Self::User(rest.into()),
            "VOLUME" => Self::Volume(list(rest).map_or_else(|| words(rest), Ok)?),
            "WORKDIR" => Self::WorkDir(rest.into()),
            _ => {
                return Err(format!(
                    "`{instruction}` is none of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, \
                     USER, VOLUME and WORKDIR"
                ));
            }
        })
    }
}

impl Change {
    /// Makes the change.
    pub fn apply(&self, config: &mut ContainerConfig) {
        match self {
            Self::Cmd(command) => config.cmd = Some(command.clone()),
            Self::Entrypoint(command) => config.entrypoint = Some(command.clone()),
            Self::Env(pairs) => {
                let env = config.env.get_or_insert_default();
                for (name, value) in pairs {
                    let assignment = format!("{name}=");
                    env.retain(|other| !other.starts_with(&assignment));
                    env.push(assignment + value);
                }
            }
            Self::Expose(ports) => set(&mut config.exposed_ports, ports),
            Self::Label(pairs) => config.labels.get_or_insert_default().extend(pairs.clone()),
            Self::StopSignal(signal) => config.stop_signal = Some(signal.clone()),
            Self::User(user) => config.user = Some(user.clone()),
            Self::Volume(paths) => set(&mut config.volumes, paths),
            Self::WorkDir(path) => {
                // Relative to the one before.
                let before = config.working_dir.as_deref().unwrap_or("/");
                config.working_dir = Path::new(before).join(path).to_str().map(Into::into);
            }
        }
    }
}

/// Go's way to write a set.
fn set(set: &mut Option<BTreeMap<String, Value>>, keys: &[String]) {
    set.get_or_insert_default().extend(keys.iter().map(|key| (key.clone(), json!({}))));
}

/// A list of arguments, or a line for the shell.
fn command(text: &str) -> Vec<String> {
    list(text).unwrap_or_else(|| vec!["/bin/sh".into(), "-c".into(), text.into()])
}

fn list(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

/// `NAME=VALUE …`, or the old `NAME VALUE`, whose value is all the rest.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let first = text.split(char::is_whitespace).next().unwrap_or_default();
    if let Some((name, value)) = text.split_once(char::is_whitespace)
        && !first.contains('=')
    {
        return Ok(vec![(name.into(), value.trim().into())]);
    }
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err(format!("`{word}` is not NAME=VALUE")),
    };
    words(text)?.into_iter().map(pair).collect()
}

/// `PORT[-PORT][/PROTOCOL] …`
fn ports(text: &str) -> Result<Vec<String>, String> {
    words(text)?.iter().map(|word| parse_exposed(word)).collect()
}

/// `PORT[-LAST][/PROTOCOL]`, with the protocol written out.
///
/// # Errors
/// If it is none.
pub fn parse_exposed(word: &str) -> Result<String, String> {
    let (ports, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let good = ports.split('-').all(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && ports.matches('-').count() <= 1
        && ["tcp", "udp", "sctp"].contains(&protocol);
    good.then(|| format!("{ports}/{protocol}")).ok_or(format!("`{word}` is no port"))
}

/// Splits at white space that neither quotes nor a backslash protect.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (end, Some(begin)) if end == begin => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(characters.next()),
            (space, None) if space.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("a quote does not end".into()) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &[&str]) -> Value {
        let mut config = ContainerConfig::default();
        for change in changes {
            change.parse::<Change>().unwrap().apply(&mut config);
        }
        serde_json::to_value(config).unwrap()
    }

    #[test]
    fn each_instruction_sets_its_field() {
        let cases = [
            (r#"CMD ["a", "b c"]"#, json!({"Cmd": ["a", "b c"]})),
            ("cmd a b", json!({"Cmd": ["/bin/sh", "-c", "a b"]})),
            (r#"ENTRYPOINT ["x"]"#, json!({"Entrypoint": ["x"]})),
            (r#"ENV A=1 B="2 3" C=4\ 5"#, json!({"Env": ["A=1", "B=2 3", "C=4 5"]})),
            ("ENV A b c=d", json!({"Env": ["A=b c=d"]})),
            ("EXPOSE 80 53/udp", json!({"ExposedPorts": {"53/udp": {}, "80/tcp": {}}})),
            ("LABEL a='b c'", json!({"Labels": {"a": "b c"}})),
            ("STOPSIGNAL SIGINT", json!({"StopSignal": "SIGINT"})),
            ("USER ann", json!({"User": "ann"})),
            (r#"VOLUME ["/v"]"#, json!({"Volumes": {"/v": {}}})),
            ("WORKDIR /w", json!({"WorkingDir": "/w"})),
        ];
        for (change, expected) in cases {
            assert_eq!(changed(&[change]), expected, "{change}");
        }
    }

    #[test]
    fn later_changes_build_upon_earlier_ones() {
        let changes = ["ENV A=1", "ENV B=2 A=3", "WORKDIR /a", "WORKDIR b"];
        assert_eq!(changed(&changes), json!({"Env": ["B=2", "A=3"], "WorkingDir": "/a/b"}));
    }

    #[test]
    fn what_is_no_instruction_is_refused() {
        for (text, why) in [
            ("CMD", "a name and a value"),
            ("", "a name and a value"),
            ("RUN x", "none of"),
            ("ENV A='1", "does not end"),
            ("ENV A=1 B", "NAME=VALUE"),
            ("EXPOSE 0", "no port"),
            ("EXPOSE 1-2-3", "no port"),
            ("EXPOSE 80/x", "no port"),
        ] {
            let error = text.parse::<Change>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
