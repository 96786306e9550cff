//! `ja4sentinel doctor` on hosts that are well, and on hosts that lack something.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where it goes wrong"
)]
mod program_support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::programs::tc::{NlOptions, TcAttachOptions, qdisc_add_clsact};
use aya::programs::{SchedClassifier, TcAttachType, Xdp, XdpMode};
use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE};
use ja4sentinel_tests::process::Process;
use serde_json::Value;

/// Longer than any probe may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// What the doctor said.
#[derive(Debug)]
struct Visit {
    code: Option<i32>,
    said: Value,
}

impl Visit {
    /// Asks in the lab's server, with fewer capabilities if `without` names some.
    fn new(lab: &Lab, without: &str, arguments: &[&str]) -> Self {
        let mut command = lab.server.command("setpriv");
        let bounding = if without.is_empty() { "+all" } else { without };
        command.arg(format!("--bounding-set={bounding}"));
        command.arg(built_binary().expect("the agent")).args(["doctor", "--format", "json"]);
        let finished = Process::spawn(command.args(arguments)).expect("setpriv").finish(DEADLINE);
        let said = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        Self { code: finished.status.and_then(|status| status.code()), said }
    }

    /// Asserts verdict and exit code.
    fn expect(&self, verdict: &str) -> &Self {
        let code = if verdict == "failed" { 1 } else { 0 };
        assert_eq!(
            (self.said["verdict"].as_str(), self.code),
            (Some(verdict), Some(code)),
            "{self:?}"
        );
        self
    }

    /// Asserts that there is a check of this name and status whose words contain `found`; one that
    /// is not well has a remedy, the others none.
    fn has(&self, name: &str, status: &str, found: &str) -> &Self {
        let checks = self.said["checks"].as_array().expect("checks");
        let is = |check: &&Value| {
            check["check"] == *name
                && check["status"] == *status
                && check["found"].as_str().is_some_and(|words| words.contains(found))
        };
        let check = checks.iter().find(is);
        let check = check.unwrap_or_else(|| panic!("no {name}: {status}: {found} in {self:#?}"));
        let remedy = check.get("remedy").and_then(Value::as_str).unwrap_or_default();
        assert_eq!(remedy.is_empty(), status == "ok", "{check}");
        self
    }
}

fn lab() -> Lab {
    Lab::new(&Link::default()).expect("a lab")
}

const WATCH: [&str; 2] = ["--interface", SERVER_INTERFACE];

#[test]
fn a_host_that_is_well() {
    let lab = lab();
    let before = lab.server.run("tc", &["qdisc", "show"]).unwrap();
    let visit = Visit::new(&lab, "", &WATCH);
    visit.expect("ok");
    for name in ["configuration", "kernel", "btf", "capabilities", "memlock", "ebpf", "libpcap"] {
        visit.has(name, "ok", "");
    }
    visit.has("backend", "ok", "ebpf: it works on this host");
    visit.has("interfaces", "ok", SERVER_INTERFACE);
    visit.has("traffic control", "ok", "nobody else");
    visit.has("output stdout", "ok", "a pipe");
    assert_eq!(lab.server.run("tc", &["qdisc", "show"]).unwrap(), before);
}

#[test]
fn the_text_has_a_line_a_check_and_a_verdict() {
    let lab = lab();
    let text = |interface: &str| {
        let mut command = lab.server.command(built_binary().expect("the agent"));
        command.args(["doctor", "--interface", interface]);
        Process::spawn(&mut command).expect("the doctor").finish(DEADLINE)
    };
    let well = text(SERVER_INTERFACE);
    assert!(well.success(), "{well:?}");
    let lines: Vec<&str> = well.stdout.lines().collect();
    let (verdict, checks) = lines.split_last().expect("lines");
    assert_eq!(*verdict, "The agent can run here.");
    assert!(checks.len() >= 10 && checks.iter().all(|line| line.starts_with("ok ")), "{well:?}");
    let ill = text("nothing0");
    assert_eq!(ill.status.and_then(|status| status.code()), Some(1), "{ill:?}");
    let line = ill.stdout.lines().find(|line| line.starts_with("failed ")).expect("a failure");
    assert!(line.contains("there is no interface nothing0") && line.contains(" -> "), "{line}");
    assert!(ill.stdout.ends_with("failed: 1, warnings: 0.\n"), "{ill:?}");
}

#[test]
fn capabilities_decide_on_the_backend() {
    let lab = lab();
    let ask = |without: &str, backend: &str| {
        Visit::new(&lab, without, &[&WATCH[..], &["--backend", backend]].concat())
    };
    let no_ebpf = "-bpf,-net_admin,-perfmon,-sys_admin";
    ask(no_ebpf, "auto")
        .expect("warning")
        .has("capabilities", "warning", "CAP_BPF and CAP_NET_ADMIN missing")
        .has("ebpf", "warning", "does not permit")
        .has("libpcap", "ok", "")
        .has("backend", "warning", "pcap, as eBPF does not work")
        .has(&format!("traffic control {SERVER_INTERFACE}"), "warning", "cannot be asked");
    ask(no_ebpf, "ebpf").expect("failed").has("backend", "failed", "ebpf is asked for");
    ask(no_ebpf, "pcap").expect("warning").has("backend", "ok", "pcap: it is asked for");
    ask("-all", "auto")
        .expect("failed")
        .has("capabilities", "failed", "none that matter here")
        .has("libpcap", "warning", "cannot be captured")
        .has("backend", "failed", "none works");
    // What the service files grant.
    ask("-all,+bpf,+net_admin,+net_raw", "ebpf").expect("ok").has("backend", "ok", "ebpf");
}

#[test]
fn every_mistake_of_a_configuration_is_told_and_the_host_looked_at() {
    let lab = lab();
    let file = lab.directory().join("c.yml");
    fs::write(&file, "core:\n  interfce: eth0\n  listen_ports: 0\n").unwrap();
    let visit = Visit::new(&lab, "", &["--config", file.to_str().expect("a path")]);
    visit.expect("failed");
    visit.has("configuration", "failed", "c.yml:2:3: core.interfce: unknown key");
    visit.has("configuration", "failed", "did you mean interface?");
    visit.has("configuration", "failed", "c.yml:3:17: core.listen_ports: found 0");
    visit.has("ebpf", "ok", "").has("backend", "ok", "ebpf");
    let missing = Visit::new(&lab, "", &["--config", "/nowhere/c.yml"]);
    missing.expect("failed").has("configuration", "failed", "/nowhere/c.yml: cannot be read");
}

#[test]
fn interfaces_that_are_missing_down_or_of_another_kind() {
    let lab = lab();
    lab.server
        .run("ip", &["link", "add", "down0", "type", "veth", "peer", "name", "down1"])
        .unwrap();
    let ask = |interface: &str| Visit::new(&lab, "", &["--interface", interface]);
    ask("nothing0").expect("failed").has("interfaces", "failed", "there are lo, ");
    ask("nothing*").expect("warning").has("interfaces", "warning", "none fits nothing* yet");
    ask("down*").expect("warning").has("interface down0", "warning", "it is down");
    ask("any,!down*").expect("ok").has("interfaces", "ok", SERVER_INTERFACE);
}

#[test]
fn outputs_are_probed_without_a_trace() {
    let lab = lab();
    let here = lab.directory();
    let config = |outputs: &str| {
        let file = here.join("c.yml");
        let text = format!("core: {{interface: {SERVER_INTERFACE}}}\noutputs:\n{outputs}");
        fs::write(&file, text).expect("a file");
        file.to_str().expect("a path").to_owned()
    };
    let at = |name: &str| here.join(name).display().to_string();
    let _reader = UnixListener::bind(here.join("reader")).unwrap();
    let (server, port) = lab
        .server
        .inside(|| {
            let server = TcpListener::bind("127.0.0.1:0").expect("a server");
            let port = server.local_addr().expect("an address").port();
            (server, port)
        })
        .unwrap();
    let well = config(&format!(
        "- {{name: f, type: file, params: {{path: {}}}}}\n\
         - {{name: u, type: unix_socket, params: {{socket_path: {}, spool_dir: {}}}}}\n\
         - {{name: t, type: tcp, params: {{address: '127.0.0.1:{port}'}}}}\n",
        at("a.log"),
        at("reader"),
        at("spool/deep"),
    ));
    Visit::new(&lab, "", &["--config", &well])
        .expect("ok")
        .has("output f", "ok", "can be made")
        .has("output u", "ok", "a reader of a stream is there")
        .has("output u spool", "ok", "can be used")
        .has("output t", "ok", "the server takes connections");
    assert!(!Path::new(&at("a.log")).exists() && !Path::new(&at("spool")).exists());

    drop(server);
    // Nobody has this address, so that not even a refusal comes.
    let ill = config(&format!(
        "- {{name: f, type: file, params: {{path: {}}}}}\n\
         - {{name: u, type: unix_socket, params: {{socket_path: {}, spool_dir: /proc/x}}}}\n\
         - {{name: t, type: tcp, params: {{address: '127.0.0.1:{port}'}}}}\n\
         - {{name: silent, type: tcp, params: {{address: '192.0.2.77:1'}}}}\n",
        at("missing/a.log"),
        at("nobody"),
    ));
    let begin = Instant::now();
    Visit::new(&lab, "", &["--config", &ill])
        .expect("failed")
        .has("output f", "failed", "No such file or directory")
        .has("output u", "warning", "No such file or directory")
        .has("output u spool", "failed", "/proc/x cannot be used")
        .has("output t", "warning", "refused")
        .has("output silent", "warning", "")
        .has("outputs", "failed", "no output can take a record now");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());

    let one = config(&format!(
        "- {{type: stdout}}\n- {{name: u, type: unix_socket, params: {{socket_path: {}}}}}\n",
        at("nobody")
    ));
    Visit::new(&lab, "", &["--config", &one]).expect("warning").has("output u", "warning", "");
}

#[test]
fn programs_of_others_are_named_and_stay() {
    let lab = lab();
    let traffic = format!("traffic control {SERVER_INTERFACE}");
    lab.server.run("tc", &["qdisc", "add", "dev", SERVER_INTERFACE, "clsact"]).unwrap();
    let ingress = ["dev", SERVER_INTERFACE, "ingress"];
    let everything = ["protocol", "all", "u32", "match", "u32", "0", "0", "flowid", "1:1"];
    let add = [&["filter", "add"], &ingress[..], &everything].concat();
    lab.server.run("tc", &add).unwrap();
    Visit::new(&lab, "", &WATCH).expect("warning").has(&traffic, "warning", "u32 (clsact)");

    let mut theirs =
        Ebpf::load(&program_support::returning("classifier", "their_filter", -1)).unwrap();
    lab.server
        .inside(|| {
            // There already.
            let _ = qdisc_add_clsact(SERVER_INTERFACE);
            let filter = theirs.program_mut("their_filter").expect("a program");
            let filter: &mut SchedClassifier = filter.try_into().expect("a classifier");
            filter.load().expect("a valid program");
            let options = TcAttachOptions::Netlink(NlOptions::default());
            filter
                .attach_with_options(SERVER_INTERFACE, TcAttachType::Ingress, options)
                .expect("attached");
        })
        .unwrap();
    let agent = Agent::start(&lab.server, &built_binary().unwrap(), &WATCH).unwrap();
    let show = [&["filter", "show"], &ingress[..]].concat();
    let before = lab.server.run("tc", &show).unwrap();
    assert!(before.contains("their_filter"), "{before}");
    let visit = Visit::new(&lab, "", &WATCH);
    visit.expect("warning");
    for name in ["u32 (clsact)", "their_filter (clsact)", "ja4sentinel_eth (TCX)"] {
        visit.has(&traffic, "warning", name);
    }
    assert_eq!(lab.server.run("tc", &show).unwrap(), before);
    agent.stop().unwrap();
}

#[test]
fn an_xdp_program_that_comes_first_is_named() {
    const XDP_PASS: i32 = 2;
    let lab = lab();
    let mut theirs = Ebpf::load(&program_support::returning("xdp", "their_xdp", XDP_PASS)).unwrap();
    lab.server
        .inside(|| {
            let xdp: &mut Xdp =
                theirs.program_mut("their_xdp").expect("a program").try_into().expect("for XDP");
            xdp.load().expect("a valid program");
            xdp.attach(SERVER_INTERFACE, XdpMode::Skb).expect("attached");
        })
        .unwrap();
    let visit = Visit::new(&lab, "", &WATCH);
    let traffic = format!("traffic control {SERVER_INTERFACE}");
    visit.expect("warning").has(&traffic, "warning", "their_xdp");
}
