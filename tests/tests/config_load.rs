//! Loading a configuration: established files, layers, and every kind of mistake.

use std::path::Path;
use std::time::Duration;

use ja4sentinel::config::{Backend, Config, LogLevel, Overrides};
use ja4sentinel::output::{Format, OutputConfig, SinkConfig, SpoolConfig};
use ja4sentinel::sensor::{PortSet, ProxyProtocol};

fn load(text: &str) -> Result<Config, String> {
    load_layers(text, &[], &Overrides::default())
}

fn load_layers(text: &str, env: &[(&str, &str)], flags: &Overrides) -> Result<Config, String> {
    let env =
        |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::load(Some((Path::new("c.yml"), text)), &env, flags)
        .map_err(|mistakes| mistakes.to_string())
}

fn ports(list: &[u16]) -> PortSet {
    list.iter().copied().collect()
}

#[test]
fn nothing_typed_is_the_default() {
    for text in ["", "# nothing\n", "core:\noutputs:\n", "core: {}\n"] {
        assert_eq!(load(text), Ok(Config::default()), "{text:?}");
    }
    assert_eq!(Config::load(None, &|_| None, &Overrides::default()), Ok(Config::default()));
}

#[test]
fn an_established_file_is_read_as_ever() {
    let config = load(
        "core:\n  interface: eth0\n  listen_ports: [443, 8443]\n  bpf_filter: \"\"\n  \
         flow_timeout_sec: 30\n  log_level: INFO\n\
         outputs:\n  - type: unix_socket\n    enabled: true\n    params:\n      \
         socket_path: /var/run/logcorrelator/network.socket\n  \
         - type: file\n    enabled: false\n    params:\n      path: /var/log/ja4.log\n  \
         - type: stdout\n    enabled: false\n    params: {}\n",
    )
    .unwrap();
    assert_eq!(config.interfaces.to_string(), "eth0");
    assert_eq!(config.settings.ports, ports(&[443, 8443]));
    assert_eq!(config.bpf_filter, None, "an empty filter is none");
    assert_eq!(config.settings.limits.flow_timeout_ns, 30_000_000_000);
    assert_eq!(config.log_level, LogLevel::Info);
    let [OutputConfig { sink: SinkConfig::UnixSocket(socket), .. }] = config.outputs.as_slice()
    else {
        panic!("{:?}", config.outputs)
    };
    assert_eq!(socket.path, Path::new("/var/run/logcorrelator/network.socket"));
}

#[test]
fn later_layers_win() {
    let text = "core: {interface: eth0, listen_ports: 1, flow_timeout_sec: 5, backend: pcap}\n";
    let env = [
        ("JA4SENTINEL_INTERFACE", "eth1,en*"),
        ("JA4SENTINEL_PORTS", "2,10-12"),
        ("JA4SENTINEL_BPF_FILTER", "host 192.0.2.1"),
        ("JA4SENTINEL_FLOW_TIMEOUT", "7"),
        ("JA4SENTINEL_LOG_LEVEL", "debug"),
        ("JA4SENTINEL_BACKEND", ""),
    ];
    let flags = Overrides { ports: Some("3".into()), ..Overrides::default() };
    let config = load_layers(text, &env, &flags).unwrap();
    assert_eq!(config.interfaces.to_string(), "eth1,en*", "environment over file");
    assert_eq!(config.settings.ports, ports(&[3]), "flag over environment");
    assert_eq!(config.bpf_filter.as_deref(), Some("host 192.0.2.1"));
    assert_eq!(config.settings.limits.flow_timeout_ns, 7_000_000_000);
    assert_eq!(config.log_level, LogLevel::Debug);
    assert_eq!(config.backend, Backend::Pcap, "an empty variable is not set");
    let config = load_layers(text, &env, &Overrides::default()).unwrap();
    assert_eq!(config.settings.ports, ports(&[2, 10, 11, 12]));
}

#[test]
fn ports_networks_and_limits_in_every_notation() {
    let config = load(
        "core:\n  listen_ports: [443, \"8000-8002\", \"9443\"]\n  \
         allow_clients: [192.0.2.0/24, \"2001:db8::1\"]\n  deny_clients: 192.0.2.7\n  \
         proxy_protocol: require\n  proxy_protocol_ports: 9443\n  tunnel_depth: 2\n  starttls: true\n  \
         report_incomplete: true\n  promiscuous: true\n\
         limits:\n  flows: 5\n  segments_per_hello: 7\n  bytes_per_hello: 16KiB\n  \
         reassembly_bytes: 1000000\n",
    )
    .unwrap();
    let settings = &config.settings;
    assert_eq!(settings.ports, ports(&[443, 8000, 8001, 8002, 9443]));
    assert!(settings.clients.permit("192.0.2.8".parse().unwrap()));
    assert!(!settings.clients.permit("192.0.2.7".parse().unwrap()));
    assert!(settings.clients.permit("2001:db8::1".parse().unwrap()));
    assert!(!settings.clients.permit("2001:db8::2".parse().unwrap()));
    assert_eq!(settings.proxy_protocol_on(9443), ProxyProtocol::Require);
    assert_eq!(settings.proxy_protocol_on(443), ProxyProtocol::Off);
    assert_eq!((settings.tunnel_depth, settings.starttls), (2, true));
    assert!(settings.report_incomplete && config.promiscuous);
    assert_eq!((settings.limits.flows, settings.limits.bytes_per_hello), (5, 16 * 1024));
    assert_eq!(settings.limits.segments_per_hello, 7);
    assert_eq!(settings.limits.reassembly_bytes, 1_000_000);
    assert_eq!(load("core: {listen_ports: any}\n").unwrap().settings.ports, PortSet::any());
}

#[test]
fn every_type_of_output() {
    let config = load(
        "outputs:\n\
         - {type: file, params: {path: /a, rotate_size: 1MiB, rotate_age: 1d, rotate_keep: 3, \
         compression: gzip, flush_interval: 100ms}}\n\
         - {type: tcp, queue: 5, params: {address: 'h:1', tls: true, tls_ca: /ca, spool_dir: /s}}\n\
         - {type: syslog, format: ecs}\n\
         - {type: syslog, params: {transport: udp, address: '[::1]:514', facility: daemon}}\n",
    )
    .unwrap();
    let [file, tcp, local, udp] = config.outputs.as_slice() else { panic!("{config:?}") };
    let SinkConfig::File(file) = &file.sink else { panic!("{file:?}") };
    assert_eq!((file.rotation.size, file.rotation.keep), (Some(1 << 20), 3));
    assert_eq!(file.rotation.age, Some(Duration::from_secs(86_400)));
    assert_eq!(file.flush_interval, Duration::from_millis(100));
    assert_eq!((tcp.name.as_str(), tcp.queue), ("tcp:h:1", 5));
    let SinkConfig::Tcp(tcp) = &tcp.sink else { panic!("{tcp:?}") };
    assert_eq!(tcp.tls.as_ref().unwrap().ca_file.as_deref(), Some(Path::new("/ca")));
    assert_eq!(tcp.spool.as_ref().unwrap().size, SpoolConfig::SIZE);
    assert_eq!((local.name.as_str(), local.format), ("syslog:/dev/log", Format::Ecs));
    assert_eq!(udp.name, "syslog:udp:[::1]:514");
    let SinkConfig::Syslog(udp) = &udp.sink else { panic!("{udp:?}") };
    assert_eq!(udp.facility.number(), 3);
}

#[test]
fn parameters_that_do_not_go_together() {
    let report = load(
        "outputs:\n\
         - {type: tcp, params: {address: 'h:1', tls_ca: /ca, spool_size: 1MiB}}\n\
         - {type: syslog, params: {address: 'h:1'}}\n\
         - {type: syslog, params: {transport: tcp, facility: locl0}}\n\
         - {type: file, params: {path: /a, compression: gzip}}\n\
         - {type: unix_socket, params: {socket_path: /b, spool_dir: /s}}\n\
         - {type: unix_socket, params: {socket_path: /c, spool_dir: /s}}\n\
         - {type: tcp, params: {address: 'h:0'}}\n",
    )
    .unwrap_err();
    for expected in [
        "c.yml:2:48: outputs[0].params.tls_ca: has no meaning without tls: true",
        "c.yml:2:65: outputs[0].params.spool_size: has no meaning without spool_dir",
        "c.yml:3:36: outputs[1].params.address: has no meaning without transport: udp or tcp",
        "c.yml:4:3: outputs[2].params.address: missing; allowed: host:port",
        "facility: found \"locl0\"",
        "did you mean local0?",
        "outputs[3].params.compression: has no meaning without rotate_size or rotate_age",
        "outputs[5].params.spool_dir: another output uses this directory",
        "outputs[6].params.address: found \"h:0\"; allowed: host:port",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    assert_eq!(report.lines().count(), 8, "{report}");
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let text = "\
core:
  interfaec: eth0
  listen_ports: [443, 70000, \"9-8\"]
  log_level: inf
  log_level: info
  flow_timeout_sec: 0
  deny_clients: [10.0.0.0/99]
  bpf_filter: tcp prt 443
listen_ports: 1
limits:
  flows: many
  bytes_per_hello: 64K
outputs:
  - type: fil
  - type: file
  - enabled: true
  - type: unix_socket
    params: {socket_path: /s, path: /p, spool_size: 1MiB}
  - type: stdout
    params: 5
  - type: stdout
    sample: 0
    filter: {fields: [ja4, src_pi]}
  - 7
";
    let env = [("JA4SENTINEL_PORTS", "0"), ("JA4SENTINEL_LOG_LEVEL", "loud")];
    let flags = Overrides { backend: Some("epbf".into()), ..Overrides::default() };
    let report = load_layers(text, &env, &flags).unwrap_err();
    let expected = [
        "c.yml:2:3: core.interfaec: unknown key; allowed: interface, listen_ports,",
        "c.yml:3:23: core.listen_ports: found 70000; allowed: ports from 1 to 65535",
        "c.yml:3:30: core.listen_ports: found \"9-8\"; allowed: ports from 1 to 65535",
        "c.yml:4:14: core.log_level: found \"inf\"; allowed: error, warn, info, debug, trace; did \
         you mean info?",
        "c.yml:5:3: core.log_level: duplicate key, first on line 4; allowed: each key once",
        "c.yml:6:21: core.flow_timeout_sec: found 0; allowed: a whole number from 1 to 3600",
        "c.yml:7:18: core.deny_clients: found \"10.0.0.0/99\"; allowed: a network such as",
        "c.yml:8:15: core.bpf_filter: found \"tcp prt 443\": libpcap error: ",
        "c.yml:9:1: listen_ports: unknown key; allowed: core, limits, metrics, control, privileges, outputs; \
         did you mean core.listen_ports?",
        "c.yml:11:10: limits.flows: found \"many\"; allowed: a whole number from 1 to 10000000",
        "c.yml:12:20: limits.bytes_per_hello: found \"64K\"; allowed: bytes, or a number with",
        "c.yml:14:11: outputs[0].type: found \"fil\"; allowed: stdout, file, unix_socket, tcp, syslog; did you \
         mean file?",
        "c.yml:15:5: outputs[1].params.path: missing; allowed: a path",
        "c.yml:16:5: outputs[2].type: missing; allowed: stdout, file, unix_socket, tcp, syslog",
        "c.yml:18:31: outputs[3].params.path: unknown key; allowed: socket_path, socket_type,",
        "c.yml:18:53: outputs[3].params.spool_size: has no meaning without spool_dir; allowed:",
        "c.yml:20:13: outputs[4].params: found 5; allowed: a mapping",
        "c.yml:21:5: outputs[5]: another output is also called \"stdout\"; allowed: a name of its",
        "c.yml:22:13: outputs[5].sample: found 0; allowed: a whole number from 1 to 1000000",
        "c.yml:23:28: outputs[5].filter.fields: found \"src_pi\"; allowed: names of a record's \
         fields, such as src_ip or ja4; did you mean src_ip?",
        "c.yml:24:5: outputs[6]: found 7; allowed: a mapping",
        "environment variable JA4SENTINEL_LOG_LEVEL: core.log_level: found \"loud\"; allowed:",
        "environment variable JA4SENTINEL_PORTS: core.listen_ports: found \"0\"; allowed: ports",
        "flag --backend: core.backend: found \"epbf\"; allowed: auto, ebpf, pcap; did you mean \
         ebpf?",
    ];
    let lines: Vec<&str> = report.lines().collect();
    for (line, start) in lines.iter().zip(expected) {
        assert!(line.starts_with(start), "\n got: {line}\nwant: {start}");
    }
    assert_eq!(lines.len(), expected.len(), "\n{report}");
}

#[test]
fn a_key_in_the_wrong_place_is_told_its_own_also_with_a_slip() {
    let text = "listen_port: 443\nlog-level: warning\ncore: {log_level: warning, flow: 5}\n\
                outputs: [{type: file, path: /a, params: {pth: /a}}]\n";
    let report = load(text).unwrap_err();
    for (key, meant) in [
        ("1:1: listen_port: unknown key", "did you mean core.listen_ports?"),
        ("2:1: log-level: unknown key", "did you mean core.log_level?"),
        ("3:19: core.log_level: found \"warning\"", "did you mean warn?"),
        ("3:28: core.flow: unknown key", "did you mean limits.flows?"),
        ("4:24: outputs[0].path: unknown key", "did you mean params.path?"),
        ("4:43: outputs[0].params.pth: unknown key", "did you mean path?"),
    ] {
        let line = report.lines().find(|line| line.contains(key));
        assert!(line.is_some_and(|line| line.ends_with(meant)), "{key} {meant}\n{report}");
    }
}

#[test]
fn values_in_each_form_that_they_had() {
    let same = |forms: &[&str]| {
        let load = |form: &&str| load(form).unwrap_or_else(|report| panic!("{form}\n{report}"));
        let loaded: Vec<Config> = forms.iter().map(load).collect();
        assert!(loaded.windows(2).all(|two| two[0] == two[1]), "{forms:?}");
        loaded[0].clone()
    };
    let config = same(&[
        "core: {listen_ports: [443, 8443]}",
        "core: {listen_ports: [\"443\", \"8443\"]}",
        "core: {listen_ports: \"443,8443\"}",
        "core: {listen_ports: \"443, 8443\"}",
        "core:\n  listen_ports:\n    - 443\n    - \"8443\"\n",
    ]);
    assert_eq!(config.settings.ports, ports(&[443, 8443]));
    same(&["core: {listen_ports: 443}", "core: {listen_ports: \"443\"}"]);
    same(&["core: {interface: eth0}", "core: {interface: [eth0]}", "core: {interface: \"eth0\"}"]);
    same(&["core: {interface: \"eth0, en*\"}", "core: {interface: [eth0, \"en*\"]}"]);
    same(&["core: {log_level: warn}", "core: {log_level: WARN}", "core: {log_level: Warn}"]);
    same(&["core: {flow_timeout_sec: 7}", "core: {flow_timeout_sec: \"7\"}"]);
    same(&[
        "core: {}",
        "core: {bpf_filter: \"\"}",
        "core: {bpf_filter: }",
        "core: {bpf_filter: null}",
    ]);
    same(&[
        "",
        "outputs: [{type: stdout}]",
        "outputs: [{type: stdout, enabled: true, params: {}}]",
    ]);
    same(&["core: {starttls: true}", "core: {starttls: yes}", "core: {starttls: On}"]);
    same(&["core: {}", "core: {starttls: no}", "core: {starttls: \"false\"}"]);
    same(&["", "\u{feff}core: {}\r\n", "%YAML 1.2\n---\ncore: {}\n"]);
}

#[test]
fn a_file_that_is_no_yaml_still_leaves_the_other_layers_judged() {
    let flags = Overrides { backend: Some("x".into()), ..Overrides::default() };
    let report = load_layers("core: [\n", &[], &flags).unwrap_err();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines.len(), 2, "{report}");
    assert!(lines[0].starts_with("c.yml:"), "{report}");
    assert!(lines[1].starts_with("flag --backend: core.backend: found \"x\""), "{report}");
}

#[test]
fn nothing_to_watch_and_nowhere_to_write_are_mistakes() {
    let text = "core: {interface: ['!lo'], listen_ports: []}\n\
                outputs: [{type: stdout, enabled: false}]\n";
    let report = load(text).unwrap_err();
    assert!(report.contains("core.interface: found no interface to watch"), "{report}");
    assert!(report.contains("core.listen_ports: found an empty list"), "{report}");
    assert!(report.contains("outputs: found no enabled output"), "{report}");
}
