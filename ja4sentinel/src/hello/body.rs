//! The body of a ClientHello (RFC 8446 section 4.1.2).

use std::array;

use tls_parser::nom::bytes::streaming::take;
use tls_parser::nom::combinator::{complete, opt};
use tls_parser::nom::multi::length_data;
use tls_parser::nom::number::streaming::{be_u8, be_u16};
use tls_parser::{IResult, SNIType, TlsExtensionType, parse_tls_extension_sni_hostname};

use super::{ClientHello, Extensions, Malformed, U16s};

/// Length of `random` in bytes.
const RANDOM: usize = 32;

/// Longest session identifier in bytes.
const MAX_SESSION_ID: u8 = 32;

/// Reads the body of a ClientHello, the message without its 4-byte header.
///
/// The structure down to the single extension must hold. Inside an extension the best is made of
/// what is there: a list that declares too much ends where the extension ends.
pub(super) fn read(body: &[u8]) -> Result<ClientHello<'_>, Malformed> {
    let fields = fields(body)?;
    let block = match fields.block {
        Some(block) => block,
        None if fields.rest.len() < 2 => &[],
        None => return Err(Malformed::ExtensionBlockShort),
    };
    let content = Content::of(Extensions(block))?;
    let list = |data: Option<_>| list16(data.unwrap_or_default());
    Ok(ClientHello {
        legacy_version: fields.version,
        ciphers: U16s(fields.ciphers),
        extensions: Extensions(block),
        supported_versions: content.supported_versions.map(|data| U16s(list8(data))),
        signature_algorithms: U16s(list(content.signature_algorithms)),
        groups: U16s(list(content.groups)),
        point_formats: list8(content.point_formats.unwrap_or_default()),
        alpn_list: list(content.alpn),
        server_name: content.server_name.and_then(|data| host_name(list16(data))),
        has_server_name_extension: content.server_name.is_some(),
    })
}

/// The data of the extensions that carry content, the first of each type.
#[derive(Default)]
struct Content<'a> {
    server_name: Option<&'a [u8]>,
    groups: Option<&'a [u8]>,
    point_formats: Option<&'a [u8]>,
    signature_algorithms: Option<&'a [u8]>,
    alpn: Option<&'a [u8]>,
    supported_versions: Option<&'a [u8]>,
}

/// Those types, each at its place; the last place is for all others.
const CONTENT: [TlsExtensionType; 6] = [
    TlsExtensionType::ServerName,
    TlsExtensionType::SupportedGroups,
    TlsExtensionType::EcPointFormats,
    TlsExtensionType::SignatureAlgorithms,
    TlsExtensionType::ApplicationLayerProtocolNegotiation,
    TlsExtensionType::SupportedVersions,
];
const OTHER: usize = CONTENT.len();

/// The place of each type below 64, where all of these are; the last stands for whatever is above.
const PLACES: [usize; 64] = {
    let mut places = [OTHER; 64];
    let (mut rest, mut place): (&[TlsExtensionType], _) = (&CONTENT, 0);
    while let Some((kind, others)) = rest.split_first() {
        let (_, behind) = places.split_at_mut(kind.0 as usize);
        if let Some(entry) = behind.first_mut() {
            *entry = place;
        }
        (rest, place) = (others, place + 1);
    }
    places
};

impl<'a> Content<'a> {
    /// Checks as well that no extension exceeds the block. One to three bytes at its end, too few
    /// for an extension, are passed over like unknown bytes behind it.
    ///
    /// Clients shuffle their extensions, so that no processor can guess which comes next: each is put
    /// to its place without a branch.
    fn of(extensions: Extensions<'a>) -> Result<Self, Malformed> {
        let (mut found, mut there, mut again, mut taken) = ([&[][..]; OTHER + 1], 0_u8, 0_u8, 0);
        for extension in extensions.iter() {
            taken += 4 + extension.data.len();
            let place = PLACES.get(usize::from(extension.kind).min(PLACES.len() - 1));
            let place = place.copied().unwrap_or(OTHER);
            if let Some(slot) = found.get_mut(place) {
                *slot = extension.data;
            }
            again |= there & 1 << place;
            there |= 1 << place;
        }
        let is_whole = extensions.0.len() - taken < 4;
        if !is_whole {
            return Err(Malformed::ExtensionTruncated);
        }
        let place = |place: usize| {
            let data = if again & 1 << place == 0 {
                found.get(place).copied()
            } else {
                // No honest client sends one twice.
                let is_it = |kind| CONTENT.get(place).is_some_and(|wanted| wanted.0 == kind);
                let first = extensions.iter().find(|extension| is_it(extension.kind));
                first.map(|extension| extension.data)
            };
            data.filter(|_| there & 1 << place != 0)
        };
        // In the order of `CONTENT`.
        let [server_name, groups, point_formats, signature_algorithms, alpn, supported_versions] =
            array::from_fn(place);
        Ok(Self {
            server_name,
            groups,
            point_formats,
            signature_algorithms,
            alpn,
            supported_versions,
        })
    }
}

/// The fields that matter, as they stand in the body.
struct Fields<'a> {
    version: u16,
    /// The cipher list, without its length.
    ciphers: &'a [u8],
    /// The extension block, without its length; `None` when it is absent or too short.
    block: Option<&'a [u8]>,
    /// What follows the last field that was read.
    rest: &'a [u8],
}

/// By tls-parser's combinators: its own structure of a ClientHello holds copies of the lists, and it
/// refuses cipher lists of odd length, which are not malformed (spec rule 32).
fn fields(body: &[u8]) -> Result<Fields<'_>, Malformed> {
    fn parts(body: &[u8]) -> IResult<&[u8], Fields<'_>> {
        let (rest, version) = be_u16(body)?;
        let (rest, _random) = take(RANDOM)(rest)?;
        let (rest, _session_id) = length_data(be_u8)(rest)?;
        let (rest, ciphers) = length_data(be_u16)(rest)?;
        let (rest, _compression_methods) = length_data(be_u8)(rest)?;
        let (rest, block) = opt(complete(length_data(be_u16)))(rest)?;
        Ok((rest, Fields { version, ciphers, block, rest }))
    }
    if body.get(2 + RANDOM).is_some_and(|len| *len > MAX_SESSION_ID) {
        return Err(Malformed::LongSessionId);
    }
    parts(body).map(|(_, fields)| fields).map_err(|_| Malformed::BodyShort)
}

/// The first host name in a `ServerNameList` (RFC 6066 section 3); a broken list ends the search.
fn host_name(mut list: &[u8]) -> Option<&[u8]> {
    loop {
        let (rest, (kind, name)) = parse_tls_extension_sni_hostname(list).ok()?;
        if kind == SNIType::HostName {
            return Some(name);
        }
        list = rest;
    }
}

/// The content of a vector with a 16-bit length, cut to what is there.
fn list16(data: &[u8]) -> &[u8] {
    match data.split_first_chunk::<2>() {
        Some((len, list)) => list.get(..usize::from(u16::from_be_bytes(*len))).unwrap_or(list),
        None => &[],
    }
}

/// The content of a vector with an 8-bit length, cut to what is there.
fn list8(data: &[u8]) -> &[u8] {
    match data.split_first() {
        Some((len, list)) => list.get(..usize::from(*len)).unwrap_or(list),
        None => &[],
    }
}
