//! What this kernel lets the agent use. The virtual machines of `cargo xtask vm` name what their kernel
//! lacks; any other must take the program.

use std::process::Command;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::fallback::{Obstacle, check, hello};
use ja4sentinel_tests::known::HELLO_JA4;
use ja4sentinel_tests::process::Process;
use ja4sentinel_tests::unnamed::Unnamed;

#[test]
fn auto_takes_the_best_that_the_kernel_has() {
    let binary = built_binary().unwrap();
    if let Ok(why) = std::env::var("JA4SENTINEL_KERNEL_LACKS") {
        let remedy = "Linux 5.8 or later is needed";
        let obstacle = Obstacle { prepare: &|_| {}, why: &why, remedy };
        return check(&binary, &obstacle).unwrap();
    }
    let namespace = Unnamed::new().unwrap();
    let watch = ["--interface", "lo", "--ports", "443", "--backend", "auto"];
    let works = || {
        let agent = Agent::spawn(Command::new(&binary).arg("run").args(watch)).unwrap();
        let record = hello(&agent).unwrap();
        assert_eq!(record["backend"], "ebpf", "{}", agent.log());
        assert_eq!(record["ja4"], HELLO_JA4);
        agent.stop().unwrap();
        let mut doctor = Command::new(&binary);
        let doctor = Process::spawn(doctor.arg("doctor").args(watch)).unwrap();
        doctor.finish(std::time::Duration::from_secs(60))
    };
    let doctor = namespace.inside(works).unwrap();
    assert!(doctor.success(), "{doctor:?}");
    assert!(doctor.stdout.contains("ebpf: it works on this host"), "{}", doctor.stdout);
}
