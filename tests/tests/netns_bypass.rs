//! Another program takes the packets away before ours: the agent notices, and says so.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where it goes wrong"
)]

mod program_support;

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aya::Ebpf;
use aya::programs::tc::{SchedClassifierLink, TcAttachOptions};
use aya::programs::{LinkOrder, SchedClassifier, TcAttachType};
use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::frames::Packet;
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::injection::Injector;
use ja4sentinel_tests::netns::{
    CLIENT_INTERFACE, CLIENT_V4, CLIENT_V6, Lab, Link, SERVER_INTERFACE, SERVER_V4, SERVER_V6,
};
use ja4sentinel_tests::process::{Process, wait_until};
use ja4sentinel_tests::scrape::Figures;
use serde_json::Value;

const METRICS: &str = "127.0.0.1:9443";
/// An interface is looked at every fourteen seconds, and a busy machine is late.
const NOTICED: Duration = Duration::from_secs(60);
/// Two whole rounds of looking.
const ROUNDS: Duration = Duration::from_secs(30);
/// Between two clients.
const REST: Duration = Duration::from_millis(200);
const WARNING: &str = "the kernel program sees nothing";
const BYPASSED: &str = "ja4sentinel_interface_bypassed{interface=\"server0\"}";

/// An agent with metrics and a control socket in a lab, and clients that send hellos.
struct Watch {
    lab: Lab,
    agent: Agent,
    config: String,
    clients: u16,
    /// Whether clients speak IPv6.
    v6: bool,
}

impl Watch {
    fn new(lab: Lab, placement: &str) -> Self {
        let config = lab.directory().join("config.yml");
        let socket = lab.directory().join("control.sock");
        let core = format!("interface: {SERVER_INTERFACE}, listen_ports: 443, {placement}");
        let text = format!(
            "core: {{{core}}}\nmetrics: {{listen: '{METRICS}'}}\ncontrol: {{socket: {}}}\n",
            socket.display()
        );
        fs::write(&config, text).expect("a file");
        let config = config.display().to_string();
        let binary = built_binary().expect("the agent");
        let agent = Agent::start(&lab.server, &binary, &["--config", &config]).expect("an agent");
        Self { lab, agent, config, clients: 0, v6: false }
    }

    /// One more client sends its SYN and its hello to this port, as frames on the wire: whether
    /// anybody answers is not what is tested.
    fn hello(&mut self, port: u16) {
        self.clients += 1;
        let ends: [IpAddr; 2] = match self.v6 {
            false => [CLIENT_V4.into(), SERVER_V4.into()],
            true => [CLIENT_V6.into(), SERVER_V6.into()],
        };
        let [client, server] = ends;
        let client = SocketAddr::new(client, 20_000 + self.clients);
        let server = SocketAddr::new(server, port);
        let syn = Packet::syn(client, server, 100).frame();
        let data = Packet::data(client, server, 101, Hello::browser().record()).frame();
        let send = || {
            let injector = Injector::open(CLIENT_INTERFACE)?;
            injector.send(&syn).and_then(|()| injector.send(&data))
        };
        self.lab.client.inside(send).expect("the namespace").expect("two frames");
    }

    /// Hellos come until this holds; gives whether it did.
    fn hellos_until(
        &mut self,
        deadline: Duration,
        port: u16,
        holds: &dyn Fn(&Self) -> bool,
    ) -> bool {
        wait_until(deadline, || {
            self.hello(port);
            std::thread::sleep(REST);
            holds(self)
        })
    }

    fn warnings(&self) -> usize {
        self.agent.log().matches(WARNING).count()
    }

    fn metric(&self) -> f64 {
        Figures::scrape(&self.lab.server, METRICS).expect("metrics").get(BYPASSED)
    }

    /// The doctor's check of the running agent: its status and what was found.
    fn doctor(&self) -> (String, String) {
        let mut command = self.lab.server.command(built_binary().expect("the agent"));
        command.args(["doctor", "--format", "json", "--config", &self.config]);
        let finished = Process::spawn(&mut command).expect("the doctor").finish(NOTICED);
        let said: Value = serde_json::from_str(&finished.stdout).expect("JSON");
        let checks = said["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["check"] == "hellos of the running agent");
        let check = check.expect("the check");
        let word = |name: &str| check[name].as_str().expect("a word").to_owned();
        (word("status"), word("found"))
    }
}

/// A TCX program that comes first, and lets everything pass to the host: no other one sees it.
struct First {
    _link: SchedClassifierLink,
    _object: Ebpf,
}

impl First {
    fn attach(lab: &Lab) -> Self {
        const TC_ACT_OK: i32 = 0;
        let object = program_support::returning("classifier", "their_first", TC_ACT_OK);
        let mut object = Ebpf::load(&object).expect("an object");
        let program: &mut SchedClassifier =
            object.program_mut("their_first").expect("it").try_into().expect("a classifier");
        program.load().expect("a valid program");
        let options = TcAttachOptions::TcxOrder(LinkOrder::first());
        let ingress = TcAttachType::Ingress;
        let attach = || program.attach_with_options(SERVER_INTERFACE, ingress, options);
        let id = lab.server.inside(attach).expect("the namespace").expect("attached");
        Self { _link: program.take_link(id).expect("a link"), _object: object }
    }
}

fn lab() -> Lab {
    Lab::new(&Link::default()).expect("a lab")
}

#[test]
fn a_program_before_ours_is_noticed_and_so_is_its_end() {
    for (placement, v6) in
        [("tcx_order: last", false), ("attach: tcx", true), ("attach: clsact", true)]
    {
        let mut watch = Watch { v6, ..Watch::new(lab(), placement) };
        watch.hello(443);
        assert_eq!(watch.agent.wait_for(1, NOTICED, |_| true).unwrap().len(), 1, "{placement}");
        assert_eq!(watch.metric().to_bits(), 0_f64.to_bits());
        assert_eq!(watch.doctor().0, "ok");

        let first = First::attach(&watch.lab);
        let noticed = watch.hellos_until(NOTICED, 443, &|watch| watch.warnings() > 0);
        assert!(noticed, "{placement}: {}", watch.agent.log());
        // The figures are made once a second.
        assert!(wait_until(NOTICED, || watch.metric() > 0.0), "{placement}");
        let (status, found) = watch.doctor();
        assert_eq!(status, "warning");
        assert!(found.contains(SERVER_INTERFACE), "{found}");

        drop(first);
        let over = |watch: &Watch| watch.agent.log().contains("hellos are seen again");
        assert!(watch.hellos_until(NOTICED, 443, &over), "{placement}: {}", watch.agent.log());
        assert!(wait_until(NOTICED, || watch.metric() < 1.0), "{placement}");
        assert_eq!(watch.doctor().0, "ok");
        assert_eq!(watch.warnings(), 1, "{placement}: said once: {}", watch.agent.log());
        watch.agent.stop().unwrap();
    }
}

#[test]
fn a_rule_that_redirects_before_ours_is_noticed() {
    let lab = lab();
    lab.server.run("ip", &["link", "add", "their0", "type", "veth"]).unwrap();
    lab.server.run("ip", &["link", "set", "their0", "up"]).unwrap();
    lab.server.run("tc", &["qdisc", "add", "dev", SERVER_INTERFACE, "clsact"]).unwrap();
    let rule = "prio 5 protocol ip u32 match ip dport 443 0xffff action mirred egress redirect dev \
                their0";
    let add = ["filter", "add", "dev", SERVER_INTERFACE, "ingress"];
    let rule: Vec<&str> = add.into_iter().chain(rule.split(' ')).collect();
    lab.server.run("tc", &rule).unwrap();
    let mut watch = Watch::new(lab, "attach: clsact, tc_priority: 50");
    let noticed = watch.hellos_until(NOTICED, 443, &|watch| watch.warnings() > 0);
    assert!(noticed, "{}", watch.agent.log());
    let ended = watch.agent.stop().unwrap();
    assert_eq!(ended.records.len(), 0);
}

/// Nothing is wrong where other ports are spoken to, nobody speaks TLS, or few do.
#[test]
fn no_false_alarm() {
    let mut watch = Watch::new(lab(), "attach: auto");
    let over = std::time::Instant::now() + ROUNDS;
    let is_over = move |_: &Watch| std::time::Instant::now() > over;
    // Hellos to a port that is not watched, and now and then one that is.
    watch.hello(443);
    watch.hellos_until(2 * ROUNDS, 8443, &is_over);
    watch.hello(443);
    assert_eq!(watch.agent.wait_for(2, NOTICED, |_| true).unwrap().len(), 2);
    assert_eq!(watch.warnings(), 0, "{}", watch.agent.log());
    assert_eq!(watch.metric().to_bits(), 0_f64.to_bits());
    watch.agent.stop().unwrap();
}
