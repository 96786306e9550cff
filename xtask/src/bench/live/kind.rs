//! Who may watch.

use crate::bench::rivals::Rivals;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Nothing watches.
    Nothing,
    /// A classifier of one instruction at TC ingress, as `tc` attaches it.
    Hook,
    /// An empty classifier, attached as the agent attaches its own: with TCX.
    Tcx,
    /// A packet socket whose filter matches nothing.
    Socket,
    /// tcpdump, which takes what comes for the watched port.
    Tcpdump,
    Agent,
    Huginn,
    Suricata,
    Tshark,
}

impl Kind {
    /// What the table calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Hook => "bare TC hook",
            Self::Tcx => "bare TCX hook",
            Self::Socket => "packet socket that matches nothing",
            Self::Tcpdump => "tcpdump port 443",
            Self::Agent => "ja4sentinel",
            Self::Huginn => "huginn-net-tls",
            Self::Suricata => "Suricata",
            Self::Tshark => "tshark",
        }
    }

    /// Whether it is a program that others have made for what the agent does.
    pub(super) fn is_rival(self) -> bool {
        matches!(self, Self::Tcpdump | Self::Huginn | Self::Suricata | Self::Tshark)
    }

    /// Those of `wanted` that this machine has.
    pub(super) fn present(wanted: &[Self], rivals: &Rivals) -> Vec<Self> {
        let is_there = |kind: &Self| match kind {
            Self::Huginn => rivals.huginn.is_some(),
            Self::Suricata => rivals.suricata.is_some(),
            Self::Tshark => rivals.tshark.is_some(),
            _ => true,
        };
        wanted.iter().copied().filter(is_there).collect()
    }
}
