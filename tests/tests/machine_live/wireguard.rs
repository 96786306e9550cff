//! WireGuard's interfaces set up by generic netlink: the machines have no `wg`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ja4sentinel::capture::netlink;
use netlink_packet_core::NLM_F_ACK;
use netlink_packet_generic::GenlMessage;
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_wireguard::{
    WireguardAddressFamily, WireguardAllowedIp, WireguardAllowedIpAttr, WireguardAttribute,
    WireguardCmd, WireguardMessage, WireguardPeer, WireguardPeerAttribute,
};
use netlink_sys::protocols::NETLINK_GENERIC;

/// The kernel's name for what speaks of WireGuard.
const FAMILY: &str = "wireguard";

/// A private key, and the public one that belongs to it.
pub(crate) struct Keys {
    private: &'static str,
    public: &'static str,
}

/// Alice's of RFC 7748, section 6.1, which everybody knows.
pub(crate) const ALICE: Keys = Keys {
    private: "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    public: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
};
/// Bob's.
pub(crate) const BOB: Keys = Keys {
    private: "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    public: "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
};

/// Gives an interface its keys, the port that it listens at, and the one peer to which everything goes.
pub(crate) fn set_up(
    interface: &str,
    own: &Keys,
    port: u16,
    peer: &Keys,
    endpoint: SocketAddr,
) -> io::Result<()> {
    let peer = WireguardPeer(vec![
        WireguardPeerAttribute::PublicKey(key(peer.public)?),
        WireguardPeerAttribute::Endpoint(endpoint),
        WireguardPeerAttribute::AllowedIps(vec![
            everything(WireguardAddressFamily::Ipv4, Ipv4Addr::UNSPECIFIED.into()),
            everything(WireguardAddressFamily::Ipv6, Ipv6Addr::UNSPECIFIED.into()),
        ]),
    ]);
    let attributes = vec![
        WireguardAttribute::IfName(interface.to_owned()),
        WireguardAttribute::PrivateKey(key(own.private)?),
        WireguardAttribute::ListenPort(port),
        WireguardAttribute::Peers(vec![peer]),
    ];
    let mut message =
        GenlMessage::from_payload(WireguardMessage { cmd: WireguardCmd::SetDevice, attributes });
    message.set_resolved_family_id(family()?);
    netlink::exchange(NETLINK_GENERIC, message, NLM_F_ACK).map(drop)
}

fn everything(family: WireguardAddressFamily, unspecified: IpAddr) -> WireguardAllowedIp {
    WireguardAllowedIp(vec![
        WireguardAllowedIpAttr::Family(family),
        WireguardAllowedIpAttr::IpAddr(unspecified),
        WireguardAllowedIpAttr::Cidr(0),
    ])
}

/// The number by which this kernel knows the family.
fn family() -> io::Result<u16> {
    let nlas = vec![GenlCtrlAttrs::FamilyName(FAMILY.to_owned())];
    let question = GenlMessage::from_payload(GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas });
    let answers = netlink::exchange(NETLINK_GENERIC, question, NLM_F_ACK)?;
    let number = answers.iter().flat_map(|answer| &answer.payload.nlas).find_map(|attribute| {
        let GenlCtrlAttrs::FamilyId(number) = attribute else { return None };
        Some(*number)
    });
    number.ok_or_else(|| io::Error::other(format!("the kernel does not number {FAMILY}")))
}

/// A key from hexadecimal digits.
fn key(digits: &str) -> io::Result<[u8; 32]> {
    let byte = |at| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| io::Error::other(format!("no key: {digits}")))
}
