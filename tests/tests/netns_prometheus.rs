//! A real Prometheus scrapes the agent.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where it goes wrong"
)]
use std::fs;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::{Process, find_program, wait_until};
use ja4sentinel_tests::scrape::get;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use serde_json::Value;

const METRICS: &str = "127.0.0.1:9443";
const PROMETHEUS: &str = "127.0.0.1:9090";
const DEADLINE: Duration = Duration::from_secs(60);

/// The value of a query's only sample; NaN when there is none, or no answer yet.
fn query(lab: &Lab, expression: &str) -> f64 {
    let path = format!("/api/v1/query?query={expression}");
    let Ok((200, body)) = get(&lab.server, PROMETHEUS, &path) else { return f64::NAN };
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    let value = &answer["data"]["result"][0]["value"][1];
    value.as_str().and_then(|value| value.parse().ok()).unwrap_or(f64::NAN)
}

#[test]
fn what_prometheus_keeps_is_what_the_agent_did() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let file = |name: &str, text: &str| {
        let path = lab.directory().join(name);
        fs::write(&path, text).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    let config = file(
        "config.yml",
        &format!("core: {{interface: {SERVER_INTERFACE}}}\nmetrics: {{listen: '{METRICS}'}}\n"),
    );
    let agent =
        Agent::start(&lab.server, &built_binary().unwrap(), &["--config", &config]).unwrap();
    let scrape = file(
        "prometheus.yml",
        &format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs:\n\
             - job_name: ja4sentinel\n  static_configs: [{{targets: ['{METRICS}']}}]\n"
        ),
    );
    let program = find_program("prometheus").expect("cargo xtask setup --for test");
    let mut command = lab.server.command(program);
    command
        .arg(format!("--config.file={scrape}"))
        .arg(format!("--storage.tsdb.path={}", lab.directory().join("tsdb").display()))
        .arg(format!("--web.listen-address={PROMETHEUS}"));
    let prometheus = Process::spawn(&mut command).unwrap();
    let reaches = |expression: &str, value: f64| {
        let holds = wait_until(DEADLINE, || {
            std::thread::sleep(Duration::from_millis(100));
            query(&lab, expression) == value
        });
        assert!(holds, "{expression} is {}\n{}", query(&lab, expression), prometheus.stderr());
    };
    reaches("up", 1.0);
    reaches("ja4sentinel_build_info", 1.0);
    reaches("ja4sentinel_output_delivered_total", 0.0);
    for _ in 0..3 {
        let openssl = clients::by_name("openssl").expect("a known client");
        assert!(openssl.run(&lab, &SERVER_V4.to_string(), 443).unwrap().success());
    }
    reaches("ja4sentinel_output_delivered_total", 3.0);
    agent.stop().unwrap();
    reaches("up", 0.0);
}
