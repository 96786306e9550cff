//! What was typed: every key that there is, each with its place, nothing resolved.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::json;

use super::bpf_filter::BpfFilter;
use super::interfaces::InterfacePattern;
use super::lists::{Field, PortRange};
use super::mistake::near;
use super::reading::{Reading, Typed, Value};
use super::schema::object;
use super::section::section;
use super::values::{Count, Size, words};
use super::yaml::{Node, Yaml};
use super::{Backend, Listen, LogLevel, LogTarget};
use crate::capture::ebpf::{Attach, Order};
use crate::output::{Compression, Facility, Format, HostPort, SocketType};
use crate::sandbox::Mode;
use crate::sensor::ProxyProtocol;

section! {
    /// Configuration of ja4sentinel.
    Raw {
        /// What is watched, and how.
        core: Core,
        /// Bounds of memory.
        limits: Limits,
        /// Counters for Prometheus, and health.
        metrics: Metrics,
        /// What `ja4sentinel stats` and `ja4sentinel log-level` ask.
        control: Control,
        /// What the agent gives up once it is set up.
        privileges: Privileges,
        /// Where records go; any number at once.
        outputs: Outputs,
    }

    /// What is watched, and how.
    Core {
        /// Interfaces: names, globs, `!` before those to leave out, or `any`; those that fit are followed as they come and go.
        interface: Vec<InterfacePattern> = "any",
        /// TCP ports of the servers, ranges of them, or `any`.
        listen_ports: Vec<PortRange> = "[443, 8443]",
        /// Whether interfaces that come later are watched; without it, the capability for that is given up too.
        follow_interfaces: bool = "true",
        /// How packets are taken: `ebpf`, `pcap`, or `auto` for eBPF where it works and libpcap where not.
        backend: Backend = "auto",
        /// How the eBPF program is attached: `tcx` (Linux 6.6 and later), `clsact`, or `auto` for TCX where the kernel has it.
        attach: Attach = "auto",
        /// Place of the program among TCX programs of others: `first`, or `last` to see only what they let pass.
        tcx_order: Order = "first",
        /// Priority of the program's clsact filter; filters with a lower one come first.
        tc_priority: Count<1, 65_535> = "1",
        /// A further condition on packets, in the language of tcpdump.
        bpf_filter: BpfFilter,
        /// Whether interfaces are put into promiscuous mode.
        promiscuous: bool = "false",
        /// A connection that makes no progress for so many seconds is given up.
        flow_timeout_sec: Count<1, 3600> = "30",
        /// Client networks that are watched; without any, all are.
        allow_clients: Vec<IpNet> = "[]",
        /// Client networks that are left out, also within an allowed one.
        deny_clients: Vec<IpNet> = "[]",
        /// PROXY protocol before the hello, of which the real client's address is taken: `off`, `accept`, or `require`.
        proxy_protocol: ProxyProtocol = "off",
        /// TCP ports on which the PROXY protocol is looked for, of those in `listen_ports`.
        proxy_protocol_ports: Vec<PortRange> = "any",
        /// Whether hellos behind a STARTTLS dialogue are found.
        starttls: bool = "false",
        /// Tunnels that are unwrapped at most (VXLAN, Geneve, GRE, IPIP).
        tunnel_depth: Count<0, 4> = "0",
        /// Whether a hello that could not be fingerprinted is reported as a record of kind `incomplete`.
        report_incomplete: bool = "false",
        /// Service messages up to this level go to standard error: `error`, `warn`, `info`, `debug` or `trace`.
        log_level: LogLevel = "info",
        /// For whom they are written: `journald` puts the priority before each line, which journald takes off; `stderr` does not; `auto` does where standard error goes to journald.
        log_target: LogTarget = "auto",
    }

    /// Bounds of memory.
    Limits {
        /// Connections tracked at once.
        flows: Count<1, 10_000_000> = "100000",
        /// Out-of-order pieces held for one hello.
        segments_per_hello: Count<1, 10_000> = "100",
        /// Client bytes looked at for one hello.
        bytes_per_hello: Size = "64KiB",
        /// Bytes held for reassembly over all connections.
        reassembly_bytes: Size = "256MiB",
    }

    /// Counters for Prometheus, and health.
    Metrics {
        /// Loopback address and port, or `unix:` and the path of a socket; without it, nothing listens.
        listen: Listen,
    }

    /// What `ja4sentinel stats` and `ja4sentinel log-level` ask.
    Control {
        /// Whether there is such a socket. One that cannot be made is said in the log, and no error.
        enabled: bool = "true",
        /// The UNIX socket, for its owner and root only.
        socket: PathBuf = "/run/ja4sentinel/control.sock",
    }

    /// What the agent gives up once it is set up. Taken over at its start only.
    Privileges {
        /// The user to go on as, with its groups: a name or number, and behind `:` another group; without it, the one that started the program.
        user: String,
        /// Whether all capabilities are given up but those for interfaces that come.
        drop_capabilities: bool = "true",
        /// Whether nothing that is executed may gain privileges; `landlock` and `seccomp` need it.
        no_new_privileges: bool = "true",
        /// Whether the file system is closed but for outputs, sockets and what has to be read: `on`, `off`, or `auto` for as far as the kernel has it.
        landlock: Mode = "auto",
        /// Whether system calls are refused that the agent has no use for: `on`, `off` or `auto`.
        seccomp: Mode = "auto",
    }

    /// One output.
    Output {
        /// Where lines go.
        r#type: SinkType,
        /// How logs and metrics call this output; without it, its type and path.
        name: String,
        /// Whether it is in use.
        enabled: bool = "true",
        /// Records that wait at most, while the output is slow or away.
        queue: Count<1, 10_000_000> = "10000",
        /// Bytes that waiting records hold at most.
        queue_bytes: Size = "64MiB",
        /// Shape of a line: `flat`, `eve` (Suricata) or `ecs` (Elastic).
        format: Format = "flat",
        /// One record of so many is written.
        sample: Count<1, 1_000_000> = "1",
        /// Which records, and which of their fields.
        filter: OutputFilter,
        /// What this type of output needs.
        params: Node,
    }

    /// Which records, and which of their fields.
    OutputFilter {
        /// Server ports whose records are written; without it, all.
        ports: Vec<PortRange>,
        /// Fields that are kept; without it, all.
        fields: Vec<Field>,
    }

    /// What a file needs.
    FileParams {
        /// The file; made with mode 0640, appended to. Required.
        path: PathBuf,
        /// A line waits in the buffer for so long at most.
        flush_interval: Duration = "1s",
        /// Rotate before the file grows over this.
        rotate_size: Size,
        /// Rotate when the file was begun so long ago.
        rotate_age: Duration,
        /// Rotated files kept; `path.1` is the newest.
        rotate_keep: Count<1, 10_000> = "7",
        /// Compression of rotated files: `none`, `gzip` or `zstd`.
        compression: Compression = "none",
    }

    /// What a UNIX socket needs.
    UnixSocketParams {
        /// The socket that the reader listens on. Required.
        socket_path: PathBuf,
        /// Type of the socket: `stream`, `datagram`, or `auto` to find out.
        socket_type: SocketType = "auto",
        /// Directory in which records wait on disk while the reader is away.
        spool_dir: PathBuf,
        /// Bytes that the spool holds at most.
        spool_size: Size = "64MiB",
    }

    /// What a TCP connection needs.
    TcpParams {
        /// The server: `host:port`. Required.
        address: HostPort,
        /// Whether the connection is in TLS.
        tls: bool = "false",
        /// PEM file of the certificates that are trusted; without it, those that the system trusts.
        tls_ca: PathBuf,
        /// Name that the server's certificate is for; without it, the host of the address.
        tls_server_name: String,
        /// Directory in which records wait on disk while the server is away.
        spool_dir: PathBuf,
        /// Bytes that the spool holds at most.
        spool_size: Size = "64MiB",
    }

    /// What a syslog server needs.
    SyslogParams {
        /// The way to it: `unix`, `udp` or `tcp`.
        transport: Transport = "unix",
        /// For `unix`: its socket.
        socket_path: PathBuf = "/dev/log",
        /// For `udp` and `tcp`: `host:port`.
        address: HostPort,
        /// Facility of the messages, `kern` to `local7`.
        facility: Facility = "local0",
    }
}

/// The type of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SinkType {
    Stdout,
    File,
    UnixSocket,
    Tcp,
    Syslog,
}

/// The way to a syslog server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Transport {
    #[default]
    Unix,
    Udp,
    Tcp,
}

words!(SinkType {
    "stdout" => Self::Stdout,
    "file" => Self::File,
    "unix_socket" => Self::UnixSocket,
    "tcp" => Self::Tcp,
    "syslog" => Self::Syslog,
});
words!(Transport { "unix" => Self::Unix, "udp" => Self::Udp, "tcp" => Self::Tcp });
words!(Backend { "auto" => Self::Auto, "ebpf" => Self::Ebpf, "pcap" => Self::Pcap });
words!(Attach { "auto" => Self::Auto, "tcx" => Self::Tcx, "clsact" => Self::Clsact });
words!(Order { "first" => Self::First, "last" => Self::Last });
words!(LogLevel {
    "error" => Self::Error,
    "warn" => Self::Warn,
    "info" => Self::Info,
    "debug" => Self::Debug,
    "trace" => Self::Trace,
});
words!(LogTarget { "auto" => Self::Auto, "stderr" => Self::Stderr, "journald" => Self::Journald });
words!(ProxyProtocol { "off" => Self::Off, "accept" => Self::Accept, "require" => Self::Require });
words!(Format { "flat" => Self::Flat, "eve" => Self::Eve, "ecs" => Self::Ecs });
words!(SocketType { "auto" => Self::Auto, "stream" => Self::Stream, "datagram" => Self::Datagram });
words!(Compression { "none" => Self::None, "gzip" => Self::Gzip, "zstd" => Self::Zstd });

/// The list of outputs, each with its index as typed.
#[derive(Debug, Clone)]
pub(super) struct Outputs(pub(super) Vec<(usize, Typed<Output>)>);

impl Value for Outputs {
    fn allowed() -> String {
        "a list of outputs, each with its type".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        let Yaml::List(nodes) = &node.value else { return reading.refuse(node) };
        let read =
            |(i, node)| reading.under(format!("[{i}]"), |reading| Some((i, reading.value(node)?)));
        Some(Self(nodes.iter().enumerate().filter_map(read).collect()))
    }

    fn schema() -> serde_json::Value {
        let branch = |sink: &str, params, wanted: serde_json::Value| {
            json!({
                "if": { "properties": { "type": { "const": sink } } },
                "then": { "properties": { "params": params }, "required": wanted },
            })
        };
        let params = |sink: &str, schema| branch(sink, schema, json!([]));
        let required = |sink: &str, mut schema: serde_json::Value, key: &str| {
            if let Some(fields) = schema.as_object_mut() {
                fields.insert("required".into(), json!([key]));
            }
            branch(sink, schema, json!(["params"]))
        };
        let mut item = Output::schema();
        if let Some(fields) = item.as_object_mut() {
            fields.insert("required".into(), json!(["type"]));
            fields.insert(
                "allOf".into(),
                json!([
                    params("stdout", StdoutParams::schema()),
                    required("file", FileParams::schema(), "path"),
                    required("unix_socket", UnixSocketParams::schema(), "socket_path"),
                    required("tcp", TcpParams::schema(), "address"),
                    params("syslog", SyslogParams::schema()),
                ]),
            );
        }
        json!({ "type": "array", "items": item })
    }
}

/// What standard output needs: nothing.
#[derive(Debug, Default)]
pub(super) struct StdoutParams;

impl Value for StdoutParams {
    fn allowed() -> String {
        "nothing".to_owned()
    }

    fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
        reading.section(node)?.finish(reading, |_| None);
        Some(Self)
    }

    fn schema() -> serde_json::Value {
        object("Standard output has no parameters.", &[])
    }
}

/// `type` is a Rust word, and is written `r#type` there.
fn name_of(key: &'static str) -> &'static str {
    key.strip_prefix("r#").unwrap_or(key)
}

/// Where a key belongs that was typed in the wrong section, maybe with a slip.
fn elsewhere(key: &str) -> Option<String> {
    let schema = Raw::schema();
    let keys = |pointer: &str| -> Vec<String> {
        let section = schema.pointer(pointer).and_then(serde_json::Value::as_object);
        section.into_iter().flat_map(|section| section.keys().cloned()).collect()
    };
    let sections = ["core", "limits"].map(|name| (name, format!("/properties/{name}/properties")));
    let types = SinkType::allowed().split(", ").count();
    let params = (0..types).map(|number| {
        let branch = format!("/properties/outputs/items/allOf/{number}/then/properties/params");
        ("params", branch + "/properties")
    });
    let known: Vec<(&str, String)> = sections
        .into_iter()
        .chain(params)
        .flat_map(|(name, pointer)| keys(&pointer).into_iter().map(move |key| (name, key)))
        .collect();
    let meant = near(key, known.iter().map(|(_, key)| key.as_str()))?;
    let (section, key) = known.iter().find(|(_, key)| key == meant)?;
    Some(format!("{section}.{key}"))
}
