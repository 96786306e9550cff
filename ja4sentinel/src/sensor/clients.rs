//! Which clients are watched, by their network.

use std::net::IpAddr;

use ipnet::IpNet;

/// Allow and deny lists of client networks. An address is watched when no denied network holds it
/// and, where there is an allow list, an allowed one does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clients {
    /// Networks to watch; empty is all.
    pub allow: Vec<IpNet>,
    /// Networks to leave out, also within an allowed one.
    pub deny: Vec<IpNet>,
}

impl Clients {
    /// Whether `address` is watched. An IPv4-mapped IPv6 address is judged as the IPv4 one.
    #[must_use]
    pub fn permit(&self, address: IpAddr) -> bool {
        if self.allow.is_empty() && self.deny.is_empty() {
            return true;
        }
        let address = address.to_canonical();
        let holds = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        !holds(&self.deny) && (self.allow.is_empty() || holds(&self.allow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(list: &[&str]) -> Vec<IpNet> {
        list.iter().map(|network| network.parse().unwrap()).collect()
    }

    fn permits(clients: &Clients, address: &str) -> bool {
        clients.permit(address.parse().unwrap())
    }

    #[test]
    fn without_lists_every_client_is_watched() {
        assert!(permits(&Clients::default(), "192.0.2.1"));
        assert!(permits(&Clients::default(), "2001:db8::1"));
    }

    #[test]
    fn deny_wins_over_allow_and_an_allow_list_leaves_out_the_rest() {
        let clients = Clients {
            allow: networks(&["192.0.2.0/24", "2001:db8::/32"]),
            deny: networks(&["192.0.2.128/25"]),
        };
        assert!(permits(&clients, "192.0.2.1"));
        assert!(!permits(&clients, "192.0.2.129"));
        assert!(!permits(&clients, "198.51.100.1"));
        assert!(permits(&clients, "2001:db8::1"));
        assert!(permits(&clients, "::ffff:192.0.2.1"));
    }
}
