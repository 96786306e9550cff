//! Where the classifier sits, and that it leaves as it came.

use std::net::SocketAddr;
use std::time::Duration;

use aya::programs::tc::{NlOptions, TcAttachOptions, TcHandle, qdisc_add_clsact};
use aya::programs::{SchedClassifier, TcAttachType};
use ja4sentinel::capture::Live;
use ja4sentinel::capture::ebpf::{EbpfError, How, OBJECT, PROGRAMS};
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::wait_until;

use crate::support::{drain, hello, named, open, send, with_payload};

#[test]
fn ports_change_while_it_runs() {
    let lab = Lab::new(&Link::default()).unwrap();
    lab.server
        .inside(|| {
            let mut source = open(&[SERVER_INTERFACE], [443]);
            let mut frames = |ports: &[u16], port: u16| {
                source.set_ports(&ports.iter().copied().collect()).unwrap();
                send(&lab, SocketAddr::new(SERVER_V4.into(), port), &hello(500));
                with_payload(&drain(&mut source))
            };
            assert_eq!(frames(&[443], 443), 1);
            assert_eq!(frames(&[443], 8443), 0);
            assert_eq!(frames(&[8443], 8443), 1);
            assert_eq!(frames(&[8443], 443), 0);
            assert_eq!(frames(&[], 8443), 0);
        })
        .unwrap();
}

#[test]
fn interfaces_come_and_go() {
    let lab = Lab::new(&Link::default()).unwrap();
    let address = SocketAddr::new(SERVER_V4.into(), 443);
    lab.server
        .inside(|| {
            let mut source = open(&["lo"], [443]);
            send(&lab, address, &hello(500));
            assert_eq!(with_payload(&drain(&mut source)), 0, "the veth is not watched");
            source.watch(&named(&["lo", SERVER_INTERFACE])).unwrap();
            send(&lab, address, &hello(500));
            assert_eq!(with_payload(&drain(&mut source)), 1);

            lab.server.run("ip", &["link", "add", "gone0", "type", "veth"]).unwrap();
            let three = named(&["lo", SERVER_INTERFACE, "gone0"]);
            source.watch(&three).unwrap();
            lab.server.run("ip", &["link", "del", "gone0"]).unwrap();
            source.watch(&named(&["lo", SERVER_INTERFACE])).unwrap();
            assert_eq!(source.attached().count(), 2);
            match source.watch(&three) {
                Err(EbpfError::NoInterface(name)) => assert_eq!(&*name, "gone0"),
                other => panic!("{other:?}"),
            }
            send(&lab, address, &hello(500));
            assert_eq!(with_payload(&drain(&mut source)), 1, "an error takes nothing away");

            source.watch(&[]).unwrap();
            send(&lab, address, &hello(500));
            assert_eq!(with_payload(&drain(&mut source)), 0);
        })
        .unwrap();
}

#[test]
fn nothing_stays_behind_and_nothing_of_others_goes() {
    let lab = Lab::new(&Link::default()).unwrap();
    let filters =
        || lab.server.run("tc", &["filter", "show", "dev", "server0", "ingress"]).unwrap();
    let programs = || {
        lab.server
            .inside(|| {
                SchedClassifier::query_tcx(SERVER_INTERFACE, TcAttachType::Ingress).unwrap().1
            })
            .unwrap()
            .len()
    };
    // What another test starts meanwhile holds our descriptors until its program begins.
    let become_few = |few| wait_until(Duration::from_secs(10), || programs() == few);
    // What another program has there, and what a crashed agent of a kernel without TCX left there.
    let other = ["bpf", "bytecode", "1,6 0 0 0,", "flowid", "1:1"];
    lab.server.run("tc", &["qdisc", "add", "dev", "server0", "clsact"]).unwrap();
    let add = ["filter", "add", "dev", "server0", "ingress", "prio", "7"];
    lab.server.run("tc", &[&add[..], &other[..]].concat()).unwrap();
    lab.server.inside(leave_a_filter_behind).unwrap();
    assert!(filters().contains("ja4sentinel_eth"), "{}", filters());

    lab.server
        .inside(|| {
            let source = open(&[SERVER_INTERFACE], [443]);
            assert!(source.attached().all(|one| one.how == How::Tcx));
            assert!(!filters().contains("ja4sentinel"), "{}", filters());
            assert!(filters().contains("bytecode"), "{}", filters());
            assert_eq!(programs(), 1);

            // A second agent may watch the same interface; it finds no leftovers in the first.
            let second = open(&[SERVER_INTERFACE], [443]);
            assert_eq!(programs(), 2);
            drop(second);
            assert!(become_few(1), "the second one stays");
        })
        .unwrap();
    assert!(become_few(0), "the first one stays");
    assert!(filters().contains("bytecode"), "{}", filters());
    let qdiscs = lab.server.run("tc", &["qdisc", "show", "dev", "server0"]).unwrap();
    assert!(qdiscs.contains("clsact"), "{qdiscs}");
    send(&lab, SocketAddr::new(SERVER_V4.into(), 443), &hello(500));
}

/// A filter as an agent leaves it that was killed on a kernel without TCX.
fn leave_a_filter_behind() {
    let mut object = aya::EbpfLoader::new().load(OBJECT).unwrap();
    let program: &mut SchedClassifier =
        object.program_mut(PROGRAMS[0]).unwrap().try_into().unwrap();
    program.load().unwrap();
    // It may be there already.
    let _ = qdisc_add_clsact(SERVER_INTERFACE);
    // "ja", and the number of an agent: none is there yet, so the next one has the first.
    let handle = TcHandle::new(0x6a61, 1);
    let options = NlOptions { priority: 1, handle, classid: None };
    let options = TcAttachOptions::Netlink(options);
    let link =
        program.attach_with_options(SERVER_INTERFACE, TcAttachType::Ingress, options).unwrap();
    std::mem::forget(program.take_link(link).unwrap());
}
