//! One `--network NAME[:ip=…,alias=…,mac=…]`.

use std::{net::IpAddr, str::FromStr};

use crate::network::named::{Mac, Request};

/// A named network, and how a sandbox wishes to be on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkChoice {
    pub name: String,
    pub v4: Option<IpAddr>,
    pub v6: Option<IpAddr>,
    pub aliases: Vec<String>,
    pub mac: Option<Mac>,
}

impl FromStr for NetworkChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let mut choice =
            Self { name: name.into(), v4: None, v6: None, aliases: Vec::new(), mac: None };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            match key {
                "ip" | "ip6" => choice.wish(value.parse().map_err(|_| no_address(value))?),
                "alias" if !value.is_empty() => choice.aliases.push(value.into()),
                "mac" => choice.mac = Some(value.parse()?),
                _ => return Err(format!("`{option}` is not one of ip=, ip6=, alias=, mac=")),
            }
        }
        Ok(choice)
    }
}

fn no_address(text: &str) -> String {
    format!("`{text}` is no address")
}

impl NetworkChoice {
    /// Takes an address for the one of its family.
    pub fn wish(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(_) => self.v4 = Some(address),
            IpAddr::V6(_) => self.v6 = Some(address),
        }
    }

    /// As it would be typed.
    pub fn text(&self) -> String {
        let ip = self.v4.map(|ip| format!("ip={ip}"));
        let ip6 = self.v6.map(|ip| format!("ip6={ip}"));
        let mac = self.mac.map(|mac| format!("mac={mac}"));
        let aliases = self.aliases.iter().map(|alias| format!("alias={alias}"));
        let all: Vec<String> = ip.into_iter().chain(ip6).chain(mac).chain(aliases).collect();
        let colon = if all.is_empty() { "" } else { ":" };
        format!("{}{colon}{}", self.name, all.join(","))
    }

    /// The same for a sandbox.
    pub fn request(&self, id: &str, name: &str, hostname: &str) -> Request {
        let hostname = (hostname != name && !id.starts_with(hostname)).then(|| hostname.into());
        Request {
            id: id.into(),
            name: name.into(),
            aliases: self.aliases.iter().cloned().chain(hostname).collect(),
            v4: self.v4,
            v6: self.v6,
            mac: self.mac,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_printed_as_it_is_read() {
        let text = "n:ip=10.1.0.9,ip6=fd00::9,mac=02:42:0a:01:00:09,alias=db,alias=sql";
        assert_eq!(text.parse::<NetworkChoice>().unwrap().text(), text);
        assert_eq!("n".parse::<NetworkChoice>().unwrap().text(), "n");
        for bad in ["n:ip=x", "n:color=red", "n:mac=01:00:00:00:00:00", "n:alias="] {
            assert!(bad.parse::<NetworkChoice>().is_err(), "{bad}");
        }
    }
}
