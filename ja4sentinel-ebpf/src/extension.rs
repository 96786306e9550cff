//! The headers that may stand between IP and TCP: the agent's `wire::ip`.

use ja4sentinel_common::Counter;

use crate::ip::TCP;
use crate::packet::Packet;
use crate::view::View;

/// Extension headers that are followed, as in the agent.
const MAX_EXTENSIONS: u32 = 16;

/// Protocol numbers, from the IANA registry.
const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
pub(crate) const AUTHENTICATION: u32 = 51;
const DESTINATION: u32 = 60;
const MOBILITY: u32 = 135;
const HOST_IDENTITY: u32 = 139;
const SHIM6: u32 = 140;

/// Whether a header of this number may stand between IPv6 and TCP.
#[inline(always)]
pub(crate) const fn is_extension(protocol: u32) -> bool {
    matches!(
        protocol,
        HOP_BY_HOP
            | ROUTING
            | FRAGMENT
            | AUTHENTICATION
            | DESTINATION
            | MOBILITY
            | HOST_IDENTITY
            | SHIM6
    )
}

/// Walks over the extension headers to TCP or a fragment.
#[inline(never)]
pub(crate) fn walk(packet: &Packet) -> Result<(), Counter> {
    for _ in 0..MAX_EXTENSIONS + 1 {
        let view = packet.view();
        let form = Form::of_next(view);
        if form.unit == Form::NONE {
            return if view.protocol == TCP { Ok(()) } else { Err(Counter::NotTcp) };
        }
        let [word, id] = packet.load::<[u32; 2]>(view.at).ok_or(Counter::ExtensionLength)?;
        let [next, units, o0, o1] = word.to_ne_bytes();
        view.protocol = u32::from(next);
        view.at += 8 + u32::from(units) * u32::from(form.unit);
        if view.at > view.end || units < form.least {
            return Err(Counter::ExtensionLength);
        }
        let place = u16::from_be_bytes([o0, o1]);
        if place & form.place != 0 {
            view.fragmented = 1;
            view.id = id;
            view.offset = u32::from(place & 0xfff8);
            return Ok(());
        }
    }
    Err(Counter::TooManyExtensions)
}

/// What the walk over extension headers has to know of one.
#[repr(C)]
#[derive(Clone, Copy)]
struct Form {
    /// It is eight bytes long, and as many of these as its second byte says. [`Form::NONE`] is no extension
    /// header.
    unit: u8,
    /// The least that the second byte may say.
    least: u8,
    /// Bits of its second half that make the datagram a fragment.
    place: u16,
}

impl Form {
    const NONE: u8 = u8::MAX;
    /// RFC 8200, section 4.
    const USUAL: Self = Self { unit: 8, least: 0, place: 0 };
    /// An offset, or more fragments. Without both it is an atomic one, RFC 6946, which is whole.
    const FRAGMENT: Self = Self { unit: 0, least: 0, place: 0xfff9 };
    /// RFC 4302, section 2.2.
    const AUTHENTICATION: Self = Self { unit: 4, least: 1, place: 0 };

    /// By protocol number, first for IPv4, where it is the authentication header alone.
    ///
    /// A table, as it has no branches: of each the verifier would go both ways, at each header of the walk.
    const ALL: [Self; 512] = {
        let mut forms = [Self { unit: Self::NONE, least: 0, place: 0 }; 512];
        let mut number = 0;
        while number < 256 {
            forms[256 + number] = match number as u32 {
                FRAGMENT => Self::FRAGMENT,
                AUTHENTICATION => Self::AUTHENTICATION,
                other if is_extension(other) => Self::USUAL,
                _ => forms[number],
            };
            number += 1;
        }
        forms[AUTHENTICATION as usize] = Self::AUTHENTICATION;
        forms
    };

    #[inline(always)]
    fn of_next(view: &View) -> Self {
        static ALL: [Form; 512] = Form::ALL;
        ALL[(view.extensible << 8 | view.protocol) as usize % ALL.len()]
    }
}
