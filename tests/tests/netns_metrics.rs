//! What a running agent says about itself over HTTP, held against what it did.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ja4sentinel::capture::ebpf::Options;
use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::load::under_load;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::scrape::{Figures, get};
use ja4sentinel_tests::servers::{Settings, TlsServer};

const DEADLINE: Duration = Duration::from_secs(15);
const METRICS: &str = "127.0.0.1:9443";

/// Starts an agent with this configuration.
fn start(lab: &Lab, text: &str) -> Agent {
    let config = lab.directory().join("config.yml");
    fs::write(&config, format!("metrics: {{ listen: {METRICS} }}\n{text}")).expect("a file");
    let arguments = ["--config", config.to_str().expect("a path")];
    Agent::start(&lab.server, &built_binary().expect("the agent"), &arguments).expect("an agent")
}

#[test]
fn the_figures_are_those_of_the_records_written() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let log = lab.directory().join("records.log");
        let agent = start(
            &lab,
            &format!(
                "core: {{ interface: {SERVER_INTERFACE}, listen_ports: 443, backend: {backend} }}\n\
                 outputs:\n  - type: stdout\n  - type: file\n    name: file\n    params: \
                 {{ path: {}, flush_interval: 100ms }}\n  - type: stdout\n    name: other\n    \
                 filter: {{ ports: 8443 }}\n",
                log.display()
            ),
        );
        let figures = || Figures::scrape(&lab.server, METRICS).expect("metrics");
        let begin = figures();
        assert_eq!(begin.get("ja4sentinel_output_given_total{output=\"stdout\"}"), 0.0);
        assert_eq!(begin.get("ja4sentinel_ready"), 1.0);

        let names = ["openssl", "curl", "wget"];
        for name in names {
            let client = clients::by_name(name).expect("a known client");
            lab.add_host(&client.host(), SERVER_V4.into()).unwrap();
            assert!(client.run(&lab, &client.host(), 443).unwrap().success());
        }
        let plain = format!("exec 3<>/dev/tcp/{SERVER_V4}/443; echo hello >&3; sleep 0.2");
        lab.client.run("bash", &["-c", &plain]).unwrap();
        let records = agent.wait_for(names.len(), DEADLINE, |_| true).unwrap();
        let written = || fs::read_to_string(&log).unwrap_or_default().lines().count();
        assert!(wait_until(DEADLINE, || written() == names.len()), "{}", agent.log());
        let count = names.len() as f64;
        let lost = "ja4sentinel_stage_lost_total{stage=\"connections\",reason=\"plain_text\"}";
        assert!(wait_until(DEADLINE, || figures().get(lost) == 1.0), "{:?}", figures());

        let end = figures();
        end.check_balance().unwrap();
        assert_eq!(records.len(), names.len());
        let interface = format!("{{interface=\"{SERVER_INTERFACE}\"}}");
        for (sample, value) in [
            ("ja4sentinel_stage_taken_total{stage=\"connections\"}", count + 1.0),
            ("ja4sentinel_stage_passed_total{stage=\"connections\"}", count),
            ("ja4sentinel_stage_in_flight{stage=\"connections\"}", 0.0),
            ("ja4sentinel_stage_passed_total{stage=\"records\"}", count),
            (&format!("ja4sentinel_interface_records_total{interface}"), count),
            ("ja4sentinel_output_given_total{output=\"stdout\"}", count),
            ("ja4sentinel_output_delivered_total{output=\"stdout\"}", count),
            ("ja4sentinel_output_delivered_total{output=\"file\"}", count),
            ("ja4sentinel_output_latency_seconds_count{output=\"stdout\"}", count),
            ("ja4sentinel_output_latency_seconds_count{output=\"file\"}", count),
            ("ja4sentinel_output_dropped_total{output=\"other\",reason=\"filtered_out\"}", count),
        ] {
            assert_eq!(end.get(sample), value, "{backend}: {sample}");
        }
        let frames = end.get("ja4sentinel_stage_taken_total{stage=\"frames\"}");
        assert_eq!(end.get(&format!("ja4sentinel_interface_frames_total{interface}")), frames);
        assert!(frames >= 2.0 * count, "{frames}");
        let quick =
            end.sum("ja4sentinel_output_latency_seconds_bucket", "output=\"stdout\",le=\"1\"");
        assert_eq!(quick, count, "records are not seconds late");
        assert_eq!(end.labels("ja4sentinel_build_info", "backend"), [backend]);
        let [size, used] =
            ["size", "used"].map(|which| end.get(&format!("ja4sentinel_ring_{which}_bytes")));
        if backend == "ebpf" {
            assert_eq!((size, used), (f64::from(Options::RING_BYTES), 0.0), "all is read");
        } else {
            assert!(size.is_nan() && used.is_nan(), "libpcap has no ring of ours");
        }
        assert_eq!(get(&lab.server, METRICS, "/healthz").unwrap(), (200, "ok\n".to_owned()));
        assert_eq!(get(&lab.server, METRICS, "/readyz").unwrap().0, 200);
        assert_eq!(agent.stop().unwrap().records.len(), names.len());
    }
}

#[test]
fn an_agent_without_an_interface_is_healthy_but_not_ready() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let agent = start(&lab, &format!("core: {{ interface: late*, backend: {backend} }}\n"));
        let status = |path| get(&lab.server, METRICS, path).expect("an answer").0;
        assert_eq!((status("/healthz"), status("/readyz")), (200, 503), "{}", agent.log());
        let add = ["link", "add", "late0", "type", "veth", "peer", "name", "peer0"];
        lab.server.run("ip", &add).unwrap();
        lab.server.run("ip", &["link", "set", "late0", "up"]).unwrap();
        assert!(wait_until(DEADLINE, || status("/readyz") == 200), "{backend}: {}", agent.log());
        lab.server.run("ip", &["link", "del", "late0"]).unwrap();
        assert!(wait_until(DEADLINE, || status("/readyz") == 503), "{backend}: {}", agent.log());
        agent.stop().unwrap();
    }
}

#[test]
fn a_busy_agent_answers() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let core = format!("core: {{ interface: serv*, listen_ports: any, backend: {backend} }}\n");
        let agent = start(&lab, &core);
        let servers: Vec<_> =
            (4000..4006).map(|port| SocketAddr::from((SERVER_V4, port))).collect();
        let (slowest, connections) = under_load(&lab, &servers, &Hello::browser().record(), || {
            let answers = (0..20).map(|_| {
                let begin = Instant::now();
                assert_eq!(get(&lab.server, METRICS, "/readyz").expect("an answer").0, 200);
                begin.elapsed()
            });
            answers.max().expect("some")
        })
        .unwrap();
        assert!(slowest < Duration::from_secs(4), "{backend}: {slowest:?}");
        assert!(connections.len() > 100, "{backend}: {}", connections.len());
        agent.stop().unwrap();
    }
}
