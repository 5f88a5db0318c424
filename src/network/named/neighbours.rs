//! The names and addresses of those with whom a sandbox shares a network.

use std::net::IpAddr;

use super::{Catalog, Member};

/// Members of the networks of one sandbox, looked up anew for each question.
#[derive(Debug, Clone)]
pub struct Neighbours {
    catalog: Catalog,
    /// The sandbox.
    id: String,
}

impl Neighbours {
    /// Those of the sandbox `id`.
    pub fn of(catalog: Catalog, id: String) -> Self {
        Self { catalog, id }
    }

    /// The addresses of all that are called so, in small letters: by name, alias,
    /// short id, or one of these with the network's name behind a dot.
    pub fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let found = self.visible(|network, member| {
            member.is_called(name, network).then(|| member.addresses().collect::<Vec<_>>())
        });
        Some(found.concat()).filter(|found| !found.is_empty())
    }

    /// The name of the member with this address, and its network's.
    pub fn name(&self, address: IpAddr) -> Option<String> {
        let found = self.visible(|network, member| {
            let has = member.addresses().any(|own| own == address);
            has.then(|| format!("{}.{network}", member.name).to_ascii_lowercase())
        });
        found.into_iter().next()
    }

    fn visible<T>(&self, look: impl Fn(&str, &Member) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        for network in self.catalog.all() {
            if self.catalog.member(&network.name, &self.id).is_none() {
                continue;
            }
            let members = self.catalog.members(&network.name);
            let visible = members.iter().filter(|one| !network.isolated || one.id == self.id);
            found.extend(visible.filter_map(|member| look(&network.name, member)));
        }
        found
    }
}
