//! The agent's configuration, and the others that it is reloaded with.

use std::path::Path;

use ja4sentinel_tests::netns::SERVER_INTERFACE;

/// Where the agent serves its metrics, in the server's namespace.
pub(super) const METRICS: &str = "127.0.0.1:9443";
/// Where the peer of the tcp output listens, likewise.
pub(super) const PEER: &str = "127.0.0.1:5170";
/// A connection without progress ends after so many seconds: soon enough to see it end.
pub(super) const TIMEOUT_SECONDS: u64 = 5;

/// What a configuration differs in from the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// In nothing.
    Plain,
    /// More ports, a filter, denied clients.
    Selective,
    /// One more output.
    MoreOutputs,
    /// Two mistakes.
    Mistaken,
    /// Other limits, STARTTLS, tunnels, a talkative log.
    Limits,
    /// An interface that is not there.
    Elsewhere,
    /// One output fewer, and one with another queue.
    FewerOutputs,
}

impl Variant {
    /// In the order in which they take over.
    pub(super) const ALL: [Self; 7] = [
        Self::Selective,
        Self::MoreOutputs,
        Self::Mistaken,
        Self::Limits,
        Self::Elsewhere,
        Self::FewerOutputs,
        Self::Plain,
    ];

    /// Whether the agent may take it over.
    pub(super) fn is_right(self) -> bool {
        !matches!(self, Self::Mistaken | Self::Elsewhere)
    }
}

/// The whole file. All outputs but the first are of few records, so that they fill up soon.
pub(super) fn text(directory: &Path, variant: Variant) -> String {
    let path = |name: &str| directory.join(name).display().to_string();
    let core = match variant {
        Variant::Selective => {
            "  bpf_filter: not host 203.0.113.7\n  deny_clients: [203.0.113.0/24]\n"
        }
        Variant::Mistaken => "  listen_port: 443\n  promiscuous: perhaps\n",
        Variant::Limits => "  starttls: true\n  tunnel_depth: 2\n  log_level: debug\n",
        _ => "",
    };
    let ports =
        if variant == Variant::Selective { "[443, 8443, 9000-9100]" } else { "[443, 8443]" };
    let interface = if variant == Variant::Elsewhere { "nowhere0" } else { SERVER_INTERFACE };
    let limits = match variant {
        Variant::Limits => "limits: { segments_per_hello: 50, bytes_per_hello: 32KiB }\n",
        _ => "",
    };
    let mut text = format!(
        "core:\n  interface: [{interface}, \"flap*\"]\n  listen_ports: {ports}\n  backend: ebpf\n  \
         flow_timeout_sec: {TIMEOUT_SECONDS}\n{core}{limits}metrics: {{ listen: '{METRICS}' }}\n\
         control: {{ socket: {control} }}\noutputs:\n\
         - name: reference\n  type: unix_socket\n  queue: 100000\n  filter: {{ fields: [{FIELDS}] }}\n  \
         params: {{ socket_path: {reference}, socket_type: stream }}\n\
         - name: away\n  type: unix_socket\n  queue: {away_queue}\n  \
         params: {{ socket_path: {away}, socket_type: stream, spool_dir: {spool}, spool_size: 512KiB }}\n\
         - name: disk\n  type: file\n  queue: 200\n  params:\n    path: {disk}\n    \
         flush_interval: 100ms\n    rotate_size: 256KiB\n    rotate_keep: 2\n    compression: gzip\n",
        control = path("control.sock"),
        reference = path("reference.sock"),
        away = path("away.sock"),
        spool = path("spool"),
        disk = path("disk/records.log"),
        away_queue = if variant == Variant::FewerOutputs { 300 } else { 200 },
    );
    if variant != Variant::FewerOutputs {
        text += &format!(
            "- name: stalled\n  type: tcp\n  queue: 200\n  params: {{ address: '{PEER}' }}\n"
        );
    }
    if variant == Variant::MoreOutputs {
        // In a folder that the agent kept access to.
        let file = path("spool/more.log");
        text += &format!(
            "- name: more\n  type: file\n  format: ecs\n  sample: 50\n  params: {{ path: {file} }}\n"
        );
    }
    text
}

/// What the reference needs of a record.
const FIELDS: &str =
    "src_ip, src_port, dst_ip, dst_port, sni, ja4, meta_source, hello_index, interface";
