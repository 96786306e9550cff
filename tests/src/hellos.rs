//! ClientHellos made to order, for tests: any field, any extension in any order, any split into
//! TLS records. Nothing here is checked, so that broken hellos can be made too.
#![expect(clippy::expect_used, reason = "a length that its field cannot hold is a test's mistake")]

/// `server_name` (RFC 6066).
pub const SERVER_NAME: u16 = 0x0000;
/// `supported_groups` (RFC 8422).
pub const GROUPS: u16 = 0x000a;
/// `ec_point_formats` (RFC 8422).
pub const POINT_FORMATS: u16 = 0x000b;
/// `signature_algorithms` (RFC 8446).
pub const SIGNATURE_ALGORITHMS: u16 = 0x000d;
/// `application_layer_protocol_negotiation` (RFC 7301).
pub const ALPN: u16 = 0x0010;
/// `padding` (RFC 7685).
pub const PADDING: u16 = 0x0015;
/// `supported_versions` (RFC 8446).
pub const VERSIONS: u16 = 0x002b;

/// A ClientHello to be. Extensions stand in the order in which they were added.
#[derive(Debug, Clone)]
pub struct Hello {
    /// `legacy_version`.
    pub legacy_version: u16,
    /// `session_id`, without its length.
    pub session_id: Vec<u8>,
    /// The cipher list, without its length.
    pub ciphers: Vec<u8>,
    /// Type and data of each extension; `None` for a hello without extension block.
    pub extensions: Option<Vec<(u16, Vec<u8>)>>,
    /// Bytes behind the extension block.
    pub trailing: Vec<u8>,
}

impl Hello {
    /// A hello of TLS 1.2 or later with these ciphers and no extension block.
    #[must_use]
    pub fn new(ciphers: &[u16]) -> Self {
        Self {
            legacy_version: 0x0303,
            session_id: vec![0x20; 32],
            ciphers: u16s(ciphers),
            extensions: None,
            trailing: Vec::new(),
        }
    }

    /// What a current browser sends, in kind: GREASE, SNI, ALPN, TLS 1.3.
    #[must_use]
    pub fn browser() -> Self {
        Self::new(&[0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0x002f, 0x0035])
            .extension(0x3a3a, &[])
            .server_name("www.example.com")
            .extension(0x0017, &[])
            .groups(&[0x2a2a, 0x11ec, 0x001d, 0x0017])
            .point_formats(&[0])
            .alpn(&[b"h2", b"http/1.1"])
            .signature_algorithms(&[0x0403, 0x0804, 0x0401, 0x0503])
            .versions(&[0x4a4a, 0x0304, 0x0303])
            .extension(0x6a6a, &[0])
    }

    /// With this `legacy_version`.
    #[must_use]
    pub fn legacy_version(self, version: u16) -> Self {
        Self { legacy_version: version, ..self }
    }

    /// With these bytes as the cipher list, an odd number if need be.
    #[must_use]
    pub fn cipher_bytes(self, bytes: &[u8]) -> Self {
        Self { ciphers: bytes.to_vec(), ..self }
    }

    /// With an extension block, even if it stays empty.
    #[must_use]
    pub fn extension_block(mut self) -> Self {
        self.extensions.get_or_insert_default();
        self
    }

    /// With one more extension.
    #[must_use]
    pub fn extension(mut self, kind: u16, data: &[u8]) -> Self {
        self.extensions.get_or_insert_default().push((kind, data.to_vec()));
        self
    }

    /// With a host name in `server_name`.
    #[must_use]
    pub fn server_name(self, name: &str) -> Self {
        let entry = [&[0][..], &vector16(name.as_bytes())].concat();
        self.extension(SERVER_NAME, &vector16(&entry))
    }

    /// With these protocol names in ALPN.
    #[must_use]
    pub fn alpn(self, names: &[&[u8]]) -> Self {
        let list: Vec<u8> = names.iter().flat_map(|name| vector8(name)).collect();
        self.extension(ALPN, &vector16(&list))
    }

    /// With `supported_versions`.
    #[must_use]
    pub fn versions(self, versions: &[u16]) -> Self {
        self.extension(VERSIONS, &vector8(&u16s(versions)))
    }

    /// With `supported_groups`.
    #[must_use]
    pub fn groups(self, groups: &[u16]) -> Self {
        self.extension(GROUPS, &vector16(&u16s(groups)))
    }

    /// With `ec_point_formats`.
    #[must_use]
    pub fn point_formats(self, formats: &[u8]) -> Self {
        self.extension(POINT_FORMATS, &vector8(formats))
    }

    /// With `signature_algorithms`.
    #[must_use]
    pub fn signature_algorithms(self, algorithms: &[u16]) -> Self {
        self.extension(SIGNATURE_ALGORITHMS, &vector16(&u16s(algorithms)))
    }

    /// With a padding extension that makes the message `len` bytes long, its header included; the
    /// padding itself takes at least four.
    #[must_use]
    pub fn padded_to(self, len: usize) -> Self {
        let empty = self.clone().extension(PADDING, &[]).message().len();
        self.extension(PADDING, &vec![0; len.saturating_sub(empty)])
    }

    /// The body, without the message header.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut body = self.legacy_version.to_be_bytes().to_vec();
        body.extend((0..32).map(|byte: u8| byte.wrapping_mul(37)));
        body.extend(vector8(&self.session_id));
        body.extend(vector16(&self.ciphers));
        body.extend(vector8(&[0]));
        if let Some(extensions) = &self.extensions {
            let block: Vec<u8> = extensions
                .iter()
                .flat_map(|(kind, data)| [&kind.to_be_bytes()[..], &vector16(data)].concat())
                .collect();
            body.extend(vector16(&block));
        }
        body.extend(&self.trailing);
        body
    }

    /// The handshake message, its header included.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        message(1, &self.body())
    }

    /// The message in as few TLS records as it takes.
    #[must_use]
    pub fn record(&self) -> Vec<u8> {
        records(&self.message(), &[])
    }

    /// The message in TLS records with payloads of these sizes, the last one repeated.
    #[must_use]
    pub fn records(&self, sizes: &[usize]) -> Vec<u8> {
        records(&self.message(), sizes)
    }
}

/// A handshake message.
#[must_use]
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("a 24-bit length").to_be_bytes();
    [&[kind], len.get(1..).unwrap_or_default(), body].concat()
}

/// One TLS record.
#[must_use]
pub fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &vector16(payload)].concat()
}

/// Handshake bytes in TLS records with payloads of these sizes, at least one byte each, the last
/// one repeated; without sizes the largest that the protocol allows.
#[must_use]
pub fn records(mut handshake: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut size = 1 << 14;
    let mut sizes = sizes.iter();
    while !handshake.is_empty() {
        size = sizes.next().map_or(size, |size| *size).clamp(1, 1 << 14);
        let (payload, rest) = handshake.split_at(size.min(handshake.len()));
        stream.extend(record(22, payload));
        handshake = rest;
    }
    stream
}

/// Values as they stand on the wire.
#[must_use]
pub fn u16s(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// A vector with a 16-bit length.
#[must_use]
pub fn vector16(content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).expect("a 16-bit length");
    [&len.to_be_bytes()[..], content].concat()
}

/// A vector with an 8-bit length.
#[must_use]
pub fn vector8(content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).expect("an 8-bit length");
    [&[len][..], content].concat()
}
