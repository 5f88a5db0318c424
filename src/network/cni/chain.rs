//! The plugins of a network, called one after the other (CNI specification,
//! section 3).

use serde_json::{Map, Value, json};

use super::{
    Error,
    conf::{Configuration, PluginConf, Version},
    plugin::{Plugins, Target, Verb},
    result::Success,
};

/// What a sandbox wishes of a network, by capability. A plugin is told what it
/// declares to take, as its `runtimeConfig`.
pub type Wishes = Map<String, Value>;

/// A network as it is called: the specification's name for it is *runtime*.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) network: &'a Configuration,
    pub(super) plugins: &'a Plugins,
    pub(super) wishes: &'a Wishes,
    pub(super) target: &'a Target,
}

impl Chain<'_> {
    /// `ADD`: what the last plugin answers. If one fails, it and those before it are
    /// undone, the last one first.
    ///
    /// # Errors
    /// That of the plugin that failed.
    pub(super) fn add(&self) -> Result<Value, Error> {
        // All of them, before the first has done anything.
        for plugin in &self.network.plugins {
            self.plugins.find(&plugin.kind)?;
        }
        let mut answer = Value::Null;
        for (index, plugin) in self.network.plugins.iter().enumerate() {
            match self.add_one(plugin, &answer) {
                Ok(next) => answer = next,
                Err(error) => {
                    let _ = self.del_of(&self.network.plugins[..=index], &answer);
                    return Err(error);
                }
            }
        }
        Ok(answer)
    }

    fn add_one(&self, plugin: &PluginConf, before: &Value) -> Result<Value, Error> {
        let answer = self.call(plugin, Verb::Add, before)?;
        let wrong = |what: String| Error::Plugin {
            plugin: plugin.kind.clone(),
            verb: Verb::Add.as_str(),
            what: format!("answered what is no result: {what}"),
        };
        if !answer.is_object() {
            return Err(wrong(answer.to_string().chars().take(80).collect()));
        }
        Success::of(&answer).map_err(|error| wrong(error.to_string()))?;
        Ok(answer)
    }

    /// `DEL`, the last one first; `answer` is that of [`Self::add`], null if there is
    /// none. All are called, whatever one of them says.
    ///
    /// # Errors
    /// The first.
    pub(super) fn del(&self, answer: &Value) -> Result<(), Error> {
        self.del_of(&self.network.plugins, answer)
    }

    fn del_of(&self, plugins: &[PluginConf], answer: &Value) -> Result<(), Error> {
        let deleted = plugins.iter().rev().map(|plugin| self.call(plugin, Verb::Del, answer));
        first_error(deleted)
    }

    /// `CHECK`; `answer` is that of [`Self::add`]. Nothing for a network that wants
    /// none, or is of a version that has none.
    ///
    /// # Errors
    /// What the first plugin says that is not content.
    pub(super) fn check(&self, answer: &Value) -> Result<(), Error> {
        if !self.network.check || !self.network.version.has_check() {
            return Ok(());
        }
        let mut plugins = self.network.plugins.iter();
        plugins.try_for_each(|plugin| self.call(plugin, Verb::Check, answer).map(drop))
    }

    /// `STATUS`: whether sandboxes could be added.
    ///
    /// # Errors
    /// What the first plugin says that is not ready, or is not there.
    pub(super) fn status(&self) -> Result<(), Error> {
        for plugin in &self.network.plugins {
            match self.network.version.has_status() {
                true => drop(self.call(plugin, Verb::Status, &Value::Null)?),
                false => drop(self.plugins.find(&plugin.kind)?),
            }
        }
        Ok(())
    }

    /// `GC`: all but these, each a container and its interface, may be freed. All
    /// plugins are called, whatever one of them says.
    ///
    /// # Errors
    /// The first.
    pub(super) fn gc(&self, valid: &[(String, String)]) -> Result<(), Error> {
        if !self.network.gc || !self.network.version.has_status() {
            return Ok(());
        }
        let valid = valid.iter().map(|(id, name)| json!({ "containerID": id, "ifname": name }));
        let valid: Value = valid.collect();
        let call = |plugin: &PluginConf| {
            let mut conf = self.conf_of(plugin, &Value::Null);
            // The second is what the first is called in 1.1.0's own text.
            conf["cni.dev/valid-attachments"] = valid.clone();
            conf["cni.dev/attachments"] = valid.clone();
            self.plugins.call(&plugin.kind, Verb::Gc, self.target, &conf)
        };
        let freed = self.network.plugins.iter().map(call);
        first_error(freed)
    }

    fn call(&self, plugin: &PluginConf, verb: Verb, before: &Value) -> Result<Value, Error> {
        self.plugins.call(&plugin.kind, verb, self.target, &self.conf_of(plugin, before))
    }

    /// "Deriving execution configuration from plugin configuration".
    fn conf_of(&self, plugin: &PluginConf, before: &Value) -> Value {
        let mut conf = plugin.keys.clone();
        conf.insert("name".into(), self.network.name.clone().into());
        conf.insert("cniVersion".into(), self.network.version.as_str().into());
        let wishes = self.wishes.iter().filter(|(name, _)| plugin.capabilities.contains(*name));
        let wishes: Map<_, _> = wishes.map(|(name, wish)| (name.clone(), wish.clone())).collect();
        if !wishes.is_empty() {
            conf.insert("runtimeConfig".into(), wishes.into());
        }
        if !before.is_null() {
            conf.insert("prevResult".into(), before.clone());
        }
        conf.into()
    }
}

/// Goes through all of them, whatever comes.
fn first_error(answers: impl Iterator<Item = Result<Value, Error>>) -> Result<(), Error> {
    let errors: Vec<Error> = answers.filter_map(Result::err).collect();
    errors.into_iter().next().map_or(Ok(()), Err)
}

/// The newest version that the network is written for and all of its plugins speak.
///
/// One that says no other version is called with an older one if a plugin is too old
/// for it: 1.1.0 has verbs more, and otherwise means the same as 1.0.0.
///
/// # Errors
/// If a plugin is missing or does not say its versions.
pub(super) fn negotiate(network: &Configuration, plugins: &Plugins) -> Result<Version, Error> {
    // Every plugin has spoken these for years.
    if network.version <= Version::V1_0_0 && network.versions.is_empty() {
        return Ok(network.version);
    }
    let mut wanted = network.versions.clone();
    wanted.extend([network.version, Version::V1_0_0]);
    for plugin in &network.plugins {
        let request = json!({ "cniVersion": network.version });
        let answer = plugins.call(&plugin.kind, Verb::Version, &Target::default(), &request)?;
        let spoken = answer["supportedVersions"].as_array().into_iter().flatten();
        let spoken: Vec<&str> = spoken.filter_map(Value::as_str).collect();
        wanted.retain(|version| spoken.contains(&version.as_str()));
    }
    // If there is none, the plugin says what is wrong better than we can.
    Ok(wanted.into_iter().max().unwrap_or(network.version))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write,
        path::{Path, PathBuf},
        process::{Command, Stdio},
        time::Duration,
    };

    use super::{super::conf::tests::parsed, *};

    /// A directory of plugins, which are shell scripts, and log what they are told.
    struct Scripts(PathBuf);

    impl Scripts {
        fn new(test: &str, scripts: &[(&str, &str)]) -> Self {
            let path = std::env::temp_dir().join(format!("cni-{test}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            for (name, script) in scripts {
                let front = "#!/bin/sh\nd=${0%/*} n=${0##*/}; read -r conf\n\
                             echo \"$n $CNI_COMMAND $conf\" >>\"$d/log\"\n";
                write(&path.join(name), &format!("{front}{script}\n"));
            }
            Self(path)
        }

        fn plugins(&self, limit: u64) -> Plugins {
            let directories = vec![PathBuf::from("/absent"), self.0.clone()];
            Plugins { directories, limit: Duration::from_secs(limit) }
        }

        fn log(&self) -> Vec<String> {
            let text = fs::read_to_string(self.0.join("log")).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        }

        /// `NAME VERB` of each call.
        fn calls(&self) -> Vec<String> {
            let two = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
            self.log().iter().map(two).collect()
        }
    }

    /// By another process: one that another test forks while we have the file open
    /// for writing would keep everybody from executing it.
    fn write(path: &Path, script: &str) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "cat >$0 && chmod 755 $0"]).arg(path).stdin(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(shell.wait().unwrap().success());
    }

    impl Drop for Scripts {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const OK: &str = r#"echo '{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.2/24"}]}'"#;

    fn network(version: &str, kinds: &[&str]) -> Configuration {
        let plugins: Value = kinds.iter().map(|kind| json!({"type": kind})).collect();
        parsed(&json!({"cniVersion": version, "name": "n", "plugins": plugins}).to_string())
    }

    fn target() -> Target {
        Target { container: "c1".into(), netns: "/run/netns/c1".into(), interface: "eth0".into() }
    }

    /// Does something with a network whose plugins may take `limit` seconds.
    fn with<T>(
        scripts: &Scripts,
        limit: u64,
        network: &Configuration,
        job: impl FnOnce(&Chain<'_>) -> T,
    ) -> T {
        let (plugins, wishes, target) = (scripts.plugins(limit), Wishes::new(), target());
        job(&Chain { network, plugins: &plugins, wishes: &wishes, target: &target })
    }

    #[test]
    fn each_plugin_is_told_what_the_one_before_it_has_made() {
        let second = r#"echo '{"cniVersion":"1.0.0","ips":[],"mark":"second"}'"#;
        let scripts = Scripts::new("chained", &[("a", OK), ("b", second), ("c", OK)]);
        let network = network("1.0.0", &["a", "b", "c"]);
        let answer = with(&scripts, 30, &network, |chain| chain.add()).unwrap();
        with(&scripts, 30, &network, |chain| chain.check(&answer)).unwrap();
        with(&scripts, 30, &network, |chain| chain.del(&answer)).unwrap();
        let log = scripts.log();
        assert!(!log[0].contains("prevResult") && log[0].contains(r#""name":"n""#), "{log:?}");
        assert!(log[2].contains(r#""mark":"second""#), "{log:?}");
        let order = ["a ADD", "b ADD", "c ADD", "a CHECK", "b CHECK", "c CHECK", "c DEL", "b DEL"];
        assert_eq!(scripts.calls()[..8], order);
        // The final result for CHECK and DEL, not that of the one before.
        assert!(log[5].contains("10.0.0.2") && log[8].contains("10.0.0.2"), "{log:?}");
    }

    #[test]
    fn a_failure_is_passed_on_and_what_was_done_is_undone() {
        let fails = r#"[ $CNI_COMMAND = DEL ] && exit 1
            echo '{"cniVersion":"1.0.0","code":7,"msg":"no way","details":"at all"}'; exit 1"#;
        let scripts = Scripts::new("fails", &[("a", OK), ("b", fails), ("c", OK)]);
        let error = with(&scripts, 30, &network("1.0.0", &["a", "b", "c"]), |chain| chain.add())
            .unwrap_err();
        assert!(matches!(&error, Error::Failed { code: 7, .. }), "{error:?}");
        assert_eq!(error.to_string(), "the CNI plugin `b` failed at ADD: no way: at all (code 7)");
        // Although the first DEL fails as well.
        assert_eq!(scripts.calls(), ["a ADD", "b ADD", "b DEL", "a DEL"]);
        assert!(scripts.log()[3].contains("10.0.0.2"), "{:?}", scripts.log());
    }

    #[test]
    fn a_plugin_that_hangs_is_killed_with_its_children() {
        let hangs = r#"[ $CNI_COMMAND = DEL ] && exit; sleep 1000 & echo $! >"$d/child"; wait"#;
        let scripts = Scripts::new("hangs", &[("a", OK), ("b", hangs)]);
        let error =
            with(&scripts, 1, &network("1.0.0", &["a", "b"]), |chain| chain.add()).unwrap_err();
        assert!(error.to_string().contains("did not end within 1 s"), "{error}");
        let child = fs::read_to_string(scripts.0.join("child")).unwrap();
        let gone = || {
            let status = fs::read_to_string(format!("/proc/{}/stat", child.trim()));
            status.is_err() || status.is_ok_and(|status| status.contains(") Z"))
        };
        while !gone() {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(scripts.calls(), ["a ADD", "b ADD", "b DEL", "a DEL"]);
    }

    #[test]
    fn a_plugin_that_leaves_its_output_open_is_not_waited_for() {
        let leaves = format!("sleep 1000 & echo $! >$d/child; {OK}");
        let scripts = Scripts::new("leaves", &[("a", &leaves)]);
        with(&scripts, 100, &network("1.0.0", &["a"]), |chain| chain.add()).unwrap();
        let child = fs::read_to_string(scripts.0.join("child")).unwrap();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(child.trim().parse().unwrap()),
            nix::sys::signal::Signal::SIGKILL,
        )
        .unwrap();
    }

    #[test]
    fn rubbish_is_no_result() {
        let cases = [
            ("echo hello; echo why >&2", "said what cannot be understood: hello; why"),
            ("exit 0", "said what cannot be understood"),
            ("echo '[]'", "no result"),
            (r#"echo '{"ips":7}'"#, "no result"),
            ("printf '\\033[2J'; exit 3", "failed:  [2J"),
            ("yes", "says too much"),
            (r#"echo '{"code":"x"}'; exit 1"#, r#"failed: {"code":"x"}"#),
            ("kill -9 $$", "failed"),
        ];
        for (script, words) in cases {
            let scripts = Scripts::new("rubbish", &[("a", script)]);
            let error =
                with(&scripts, 30, &network("1.0.0", &["a"]), |chain| chain.add()).unwrap_err();
            assert!(error.to_string().contains(words.trim()), "{script}: {error}");
        }
    }

    #[test]
    fn a_plugin_that_is_missing_keeps_the_others_from_beginning() {
        let scripts = Scripts::new("missing", &[("a", OK)]);
        let error =
            with(&scripts, 30, &network("1.0.0", &["a", "b"]), |chain| chain.add()).unwrap_err();
        assert!(matches!(&error, Error::NoPlugin { plugin, .. } if plugin == "b"), "{error:?}");
        assert_eq!(scripts.calls(), [""; 0]);
    }

    #[test]
    fn a_large_configuration_does_not_wait_for_a_plugin_that_reads_nothing() {
        let scripts = Scripts::new("large", &[]);
        write(&scripts.0.join("a"), &format!("#!/bin/sh\n{OK}\n"));
        let mut network = network("1.0.0", &["a"]);
        network.plugins[0].keys.insert("x".into(), "y".repeat(300_000).into());
        with(&scripts, 100, &network, |chain| chain.add()).unwrap();
    }

    #[test]
    fn wishes_reach_those_who_take_them() {
        let scripts = Scripts::new("wishes", &[("a", OK), ("b", OK)]);
        let list = json!({"cniVersion": "1.0.0", "name": "n", "plugins": [
            {"type": "a", "capabilities": {"mac": true}}, {"type": "b"}]});
        let mut wishes = Wishes::new();
        wishes.insert("mac".into(), "02:00:00:00:00:01".into());
        wishes.insert("ips".into(), json!(["10.0.0.9"]));
        let (network, plugins, target) = (parsed(&list.to_string()), scripts.plugins(30), target());
        let chain =
            Chain { network: &network, plugins: &plugins, wishes: &wishes, target: &target };
        chain.add().unwrap();
        let log = scripts.log();
        assert!(log[0].contains(r#""runtimeConfig":{"mac":"02:00:00:00:00:01"}"#), "{log:?}");
        assert!(!log[0].contains("capabilities") && !log[1].contains("runtimeConfig"), "{log:?}");
    }

    #[test]
    fn verbs_that_a_version_lacks_are_not_called() {
        for (version, calls) in [("0.3.1", 0), ("0.4.0", 1), ("1.0.0", 1), ("1.1.0", 3)] {
            let scripts = Scripts::new("verbs", &[("a", "")]);
            let network = network(version, &["a"]);
            with(&scripts, 30, &network, |chain| {
                chain.check(&json!({})).unwrap();
                chain.status().unwrap();
                chain.gc(&[("c1".into(), "eth0".into())]).unwrap();
            });
            assert_eq!(scripts.log().len(), calls, "{version}");
            if version == "1.1.0" {
                let told = r#""cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]"#;
                assert!(scripts.log()[2].contains(told), "{:?}", scripts.log());
            }
        }
    }

    #[test]
    fn the_newest_version_that_all_plugins_speak_is_taken() {
        let speaks = |versions: &str| {
            format!(r#"echo '{{"cniVersion":"1.1.0","supportedVersions":[{versions}]}}'"#)
        };
        let (old, new) = (speaks(r#""0.4.0","1.0.0""#), speaks(r#""0.4.0","1.0.0","1.1.0""#));
        let scripts = Scripts::new("versions", &[("old", &old), ("new", &new)]);
        let taken = |version: &str, kinds: &[&str]| {
            negotiate(&network(version, kinds), &scripts.plugins(30)).unwrap().as_str()
        };
        assert_eq!(taken("1.1.0", &["new"]), "1.1.0");
        assert_eq!(taken("1.1.0", &["new", "old"]), "1.0.0");
        assert_eq!(taken("0.4.0", &["new", "old"]), "0.4.0");
        let mut both = network("1.0.0", &["new"]);
        both.versions = vec![Version::V1_1_0, Version::V0_4_0];
        assert_eq!(negotiate(&both, &scripts.plugins(30)).unwrap(), Version::V1_1_0);
    }
}
