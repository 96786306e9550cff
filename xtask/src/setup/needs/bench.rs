//! What `bench` measures with, and whom it measures beside the agent.

use super::super::Purpose;
use super::super::packages::Names;
use super::{Need, Presence, Source};

pub(super) const NEEDS: &[Need] = &[
    Need {
        name: "ip",
        why: "makes the throw-away network namespaces",
        from: Purpose::Bench,
        required: Some(Purpose::Bench),
        present: Presence::Program(&["ip"]),
        source: Source::Packages(Names { dnf: "iproute", ..Names::everywhere("iproute2") }),
    },
    Need {
        name: "/etc/hosts",
        why: "gives way, inside a namespace, to one that knows the server",
        from: Purpose::Bench,
        required: Some(Purpose::Bench),
        present: Presence::File("/etc/hosts"),
        source: Source::EmptyFile("/etc/hosts"),
    },
    Need {
        name: "ethtool",
        why: "switches a link's offloads off, for frames as on a wire",
        from: Purpose::Bench,
        required: Some(Purpose::Bench),
        present: Presence::Program(&["ethtool"]),
        source: Source::Packages(Names::everywhere("ethtool")),
    },
    Need {
        name: "taskset",
        why: "keeps a server, its client and the agent on one CPU",
        from: Purpose::Bench,
        required: Some(Purpose::Bench),
        present: Presence::Program(&["taskset"]),
        source: Source::Packages(Names::everywhere("util-linux")),
    },
    Need {
        name: "iperf3",
        why: "the server whose throughput is measured",
        from: Purpose::Bench,
        required: Some(Purpose::Bench),
        present: Presence::Program(&["iperf3"]),
        source: Source::Packages(Names::everywhere("iperf3")),
    },
    Need {
        name: "tcpreplay",
        why: "plays generated traffic to an interface",
        from: Purpose::Bench,
        required: Some(Purpose::Bench),
        present: Presence::Program(&["tcpreplay"]),
        source: Source::Packages(Names::everywhere("tcpreplay")),
    },
    Need {
        name: "tcpdump",
        why: "the least that a program costs which reads packets",
        from: Purpose::Bench,
        required: Some(Purpose::Bench),
        present: Presence::Program(&["tcpdump"]),
        source: Source::Packages(Names::everywhere("tcpdump")),
    },
    Need {
        name: "tshark 4.4",
        why: "a rival",
        from: Purpose::Bench,
        required: None,
        present: Presence::Tshark,
        source: Source::Later(Names {
            apt: "tshark",
            apk: "tshark",
            zypper: "wireshark",
            ..Names::everywhere("wireshark-cli")
        }),
    },
    Need {
        name: "suricata",
        why: "a rival",
        from: Purpose::Bench,
        required: None,
        present: Presence::Suricata,
        source: Source::Later(Names::everywhere("suricata")),
    },
    Need {
        name: "go",
        why: "compiles a rival that uses gopacket",
        from: Purpose::Bench,
        required: None,
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
        from: Purpose::Bench,
        required: None,
        present: Presence::File("/usr/share/gocode/src/github.com/google/gopacket/packet.go"),
        source: Source::Packages(Names {
            apt: "golang-github-google-gopacket-dev",
            ..Names::everywhere("golang-github-google-gopacket-devel")
        }),
    },
    Need {
        name: "golang.org/x/net",
        why: "a library of gopacket's",
        from: Purpose::Bench,
        required: None,
        present: Presence::File("/usr/share/gocode/src/golang.org/x/net/bpf/doc.go"),
        source: Source::Packages(Names {
            apt: "golang-golang-x-net-dev",
            ..Names::everywhere("golang-x-net-devel")
        }),
    },
    Need {
        name: "golang.org/x/sys",
        why: "a library of gopacket's",
        from: Purpose::Bench,
        required: None,
        present: Presence::File("/usr/share/gocode/src/golang.org/x/sys/unix/constants.go"),
        source: Source::Packages(Names {
            apt: "golang-golang-x-sys-dev",
            ..Names::everywhere("golang-x-sys-devel")
        }),
    },
];
