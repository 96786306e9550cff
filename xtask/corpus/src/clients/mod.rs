//! The clients whose hellos are imitated, and how often each comes.

mod chromium;
mod extension;
mod firefox;
mod go;
mod java;
mod openssl;

use super::random::Random;

/// One client. "Post-quantum" ones share a key of 1216 bytes, so that their hello needs two segments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    ChromiumPostQuantum,
    Chromium,
    FirefoxPostQuantum,
    Firefox,
    Curl,
    Python,
    Go,
    /// Go that calls an address: without a server name.
    GoToAddress,
    /// Java with TLS 1.2.
    Java,
}

/// A hello before it is written.
#[derive(Clone)]
pub(super) struct Draft {
    /// `legacy_version`.
    pub(super) version: u16,
    pub(super) ciphers: Vec<u16>,
    pub(super) groups: Vec<u16>,
    pub(super) formats: Vec<u8>,
    pub(super) algorithms: Vec<u16>,
    pub(super) versions: Vec<u16>,
    pub(super) alpn: &'static [&'static str],
    pub(super) server_name: Option<String>,
    /// In wire order.
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
    pub(super) is_padded: bool,
    pub(super) has_session: bool,
}

impl Client {
    /// One of them, in proportions like those of the web.
    pub(super) fn pick(random: &mut Random) -> Self {
        match random.below(100) {
            0..=24 => Self::ChromiumPostQuantum,
            25..=49 => Self::Chromium,
            50..=54 => Self::FirefoxPostQuantum,
            55..=62 => Self::Firefox,
            63..=72 => Self::Curl,
            73..=82 => Self::Python,
            83..=94 => Self::Go,
            95..=96 => Self::GoToAddress,
            _ => Self::Java,
        }
    }

    /// What the truth calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ChromiumPostQuantum => "chrome-pq",
            Self::Chromium => "chrome",
            Self::FirefoxPostQuantum => "firefox-pq",
            Self::Firefox => "firefox",
            Self::Curl => "curl",
            Self::Python => "python",
            Self::Go => "go",
            Self::GoToAddress => "go-ip",
            Self::Java => "java12",
        }
    }

    /// The draft of one of its hellos.
    pub(super) fn draft(self, random: &mut Random) -> Draft {
        let has_name = match self {
            Self::GoToAddress => false,
            Self::Python => !random.one_in(10),
            _ => true,
        };
        let name = has_name.then(|| server_name(random));
        match self {
            Self::ChromiumPostQuantum => chromium::draft(name, true, random),
            Self::Chromium => chromium::draft(name, false, random),
            Self::FirefoxPostQuantum => firefox::draft(name, true, random),
            Self::Firefox => firefox::draft(name, false, random),
            Self::Curl => openssl::curl(name, random),
            Self::Python => openssl::python(name, random),
            Self::Go | Self::GoToAddress => go::draft(name, random),
            Self::Java => java::draft(name),
        }
    }
}

/// A host of a reserved domain (RFC 2606).
fn server_name(random: &mut Random) -> String {
    const HOSTS: &[&str] = &[
        "api",
        "www",
        "cdn",
        "static",
        "img",
        "login",
        "edge",
        "events",
        "assets",
        "m",
        "telemetry",
        "auth",
    ];
    const DOMAINS: &[&str] = &[
        "example.com",
        "example.net",
        "example.org",
        "shop.example",
        "media.test",
        "bank.example",
        "news.test",
        "cloud.example",
        "a-rather-long-domain-name.example",
        "x.test",
    ];
    let host = random.pick(HOSTS).unwrap_or_default();
    let number = random.below(400);
    let domain = random.pick(DOMAINS).unwrap_or_default();
    format!("{host}{number}.{domain}")
}
