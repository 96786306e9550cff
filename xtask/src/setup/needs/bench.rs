//! What `bench` alone measures with, and whom it measures beside the agent.

use super::super::Purpose;
use super::super::packages::Names;
use super::{Need, Presence, Source};

pub(super) const NEEDS: &[Need] = &[
    Need {
        name: "taskset",
        why: "keeps a server, its client and the agent on one CPU",
        from: &[Purpose::Bench],
        required: &[Purpose::Bench],
        present: Presence::Program(&["taskset"]),
        source: Source::Packages(Names::everywhere("util-linux")),
    },
    Need {
        name: "go",
        why: "compiles a rival that uses gopacket",
        from: &[Purpose::Bench],
        required: &[],
        present: Presence::Program(&["go"]),
        source: Source::Packages(Names {
            apt: "golang-go",
            pacman: "go",
            ..Names::everywhere("golang")
        }),
    },
    Need {
        name: "gopacket",
        why: "a rival's library",
        from: &[Purpose::Bench],
        required: &[],
        present: Presence::File("/usr/share/gocode/src/github.com/google/gopacket/packet.go"),
        source: Source::Packages(Names {
            apt: "golang-github-google-gopacket-dev",
            ..Names::everywhere("golang-github-google-gopacket-devel")
        }),
    },
    Need {
        name: "golang.org/x/net",
        why: "a library of gopacket's",
        from: &[Purpose::Bench],
        required: &[],
        present: Presence::File("/usr/share/gocode/src/golang.org/x/net/bpf/doc.go"),
        source: Source::Packages(Names {
            apt: "golang-golang-x-net-dev",
            ..Names::everywhere("golang-x-net-devel")
        }),
    },
    Need {
        name: "golang.org/x/sys",
        why: "a library of gopacket's",
        from: &[Purpose::Bench],
        required: &[],
        present: Presence::File("/usr/share/gocode/src/golang.org/x/sys/unix/constants.go"),
        source: Source::Packages(Names {
            apt: "golang-golang-x-sys-dev",
            ..Names::everywhere("golang-x-sys-devel")
        }),
    },
];
