//! What the commands need: one table, with the reason for each line.

use std::path::Path;
use std::process::Command;

use ja4sentinel_tests::process::find_program;
use ja4sentinel_tests::tshark::Tshark;

use super::Purpose;
use super::chroot::{self, Chroot};
use super::packages::Names;
use super::python::{KUBERNETES_VALIDATE, Tool};
use crate::apt::KEYS;
use crate::deny;
use crate::differential::Suricata;
use crate::ebpf::Toolchain;
use crate::process;

/// One thing that a command needs or can use.
pub(super) struct Need {
    /// What it is called in messages.
    pub(super) name: &'static str,
    /// What for.
    pub(super) why: &'static str,
    /// The least purpose that uses it.
    from: Purpose,
    /// The least purpose that cannot do without; `None` for none but continuous integration.
    required: Option<Purpose>,
    present: Presence,
    /// Where it comes from.
    pub(super) source: Source,
}

/// How to see whether a thing is there.
enum Presence {
    /// One of these programs.
    Program(&'static [&'static str]),
    /// A library that the C compiler's linker finds.
    Library(&'static str),
    /// tshark with JA4.
    Tshark,
    /// Suricata with JA4.
    Suricata,
    /// A file at this path.
    File(&'static str),
    /// Another Debian in a folder.
    Chroot(&'static Chroot),
    /// A module of Python's.
    Module(&'static str),
    /// A program from the Python package index.
    Python(&'static Tool),
    /// All that compiles the kernel program.
    EbpfToolchain,
    /// cargo-deny.
    Deny,
}

/// Where a thing comes from.
pub(super) enum Source {
    /// Nowhere: an empty file of this name will do.
    EmptyFile(&'static str),
    /// The system's package manager.
    Packages(Names),
    /// The package manager where this release's is new enough, else a chroot of a later Debian.
    Later(Names),
    /// debootstrap.
    Chroot(&'static Chroot),
    /// pip.
    Python(&'static Tool),
    /// A compiler from the package manager, and a linker that cargo builds.
    EbpfToolchain,
    /// cargo builds it.
    Cargo(fn() -> Command),
}

impl Need {
    /// What `purpose` uses and this machine lacks.
    pub(super) fn missing(purpose: Purpose) -> Vec<&'static Self> {
        let used = NEEDS.iter().filter(|need| purpose.includes(need.from));
        used.filter(|need| !need.present.holds()).collect()
    }

    /// Whether `purpose` cannot do without.
    pub(super) fn is_required(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Ci || self.required.is_some_and(|least| purpose.includes(least))
    }
}

impl Presence {
    fn holds(&self) -> bool {
        match self {
            Self::Program(names) => names.iter().any(|name| find_program(name).is_some()),
            Self::Library(file) => {
                // The compiler echoes a name that it does not find.
                let mut compiler = Command::new("cc");
                process::output(compiler.arg(format!("-print-file-name={file}")))
                    .is_ok_and(|path| path.trim() != *file)
            }
            Self::Tshark => Tshark::find().is_some(),
            Self::Suricata => Suricata::find().is_some(),
            Self::File(path) => Path::new(path).exists(),
            Self::Chroot(chroot) => chroot.exists(),
            Self::Module(name) => {
                let mut python = Command::new("python3");
                process::output(python.args(["-c", &format!("import {name}")])).is_ok()
            }
            Self::Python(tool) => tool.exists(),
            Self::EbpfToolchain => Toolchain::find().is_ok(),
            Self::Deny => deny::find().is_some(),
        }
    }
}

const PROMETHEUS: Names = Names {
    dnf: "golang-github-prometheus",
    zypper: "golang-github-prometheus-prometheus",
    ..Names::everywhere("prometheus")
};

const NEEDS: &[Need] = &[
    Need {
        name: "libpcap",
        why: "the agent links it, for its fallback without eBPF",
        from: Purpose::Run,
        required: Some(Purpose::Run),
        present: Presence::Library("libpcap.so"),
        source: Source::Packages(Names {
            apt: "libpcap-dev",
            dnf: "libpcap-devel",
            apk: "libpcap-dev",
            pacman: "libpcap",
            zypper: "libpcap-devel",
        }),
    },
    Need {
        name: "ip",
        why: "makes the throw-away network namespaces",
        from: Purpose::Demo,
        required: Some(Purpose::Demo),
        present: Presence::Program(&["ip"]),
        source: Source::Packages(Names { dnf: "iproute", ..Names::everywhere("iproute2") }),
    },
    Need {
        name: "/etc/hosts",
        why: "gives way, inside the clients' namespace, to one that knows the server",
        from: Purpose::Demo,
        required: Some(Purpose::Demo),
        present: Presence::File("/etc/hosts"),
        source: Source::EmptyFile("/etc/hosts"),
    },
    Need {
        name: "openssl",
        why: "the TLS server, and a client",
        from: Purpose::Demo,
        required: Some(Purpose::Demo),
        present: Presence::Program(&["openssl"]),
        source: Source::Packages(Names::everywhere("openssl")),
    },
    Need {
        name: "curl",
        why: "a client",
        from: Purpose::Demo,
        required: None,
        present: Presence::Program(&["curl"]),
        source: Source::Packages(Names::everywhere("curl")),
    },
    Need {
        name: "python3",
        why: "a client: Python's ssl",
        from: Purpose::Demo,
        required: None,
        present: Presence::Program(&["python3"]),
        source: Source::Packages(Names { pacman: "python", ..Names::everywhere("python3") }),
    },
    Need {
        name: "wget",
        why: "a client, with GnuTLS on most systems",
        from: Purpose::Demo,
        required: None,
        present: Presence::Program(&["wget"]),
        source: Source::Packages(Names::everywhere("wget")),
    },
    Need {
        name: "tcpdump",
        why: "captures the bytes that a second opinion is asked about",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["tcpdump"]),
        source: Source::Packages(Names::everywhere("tcpdump")),
    },
    Need {
        name: "tcpreplay",
        why: "plays captures to the kernel",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["tcpreplay"]),
        source: Source::Packages(Names::everywhere("tcpreplay")),
    },
    Need {
        name: "systemd-cat",
        why: "brings service messages to a real journal",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["systemd-cat"]),
        source: Source::Packages(Names::everywhere("systemd")),
    },
    Need {
        name: "ethtool",
        why: "switches a link's offloads off, for frames as on a wire",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["ethtool"]),
        source: Source::Packages(Names::everywhere("ethtool")),
    },
    Need {
        name: "iperf3",
        why: "sends at full rate through the classifier",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["iperf3"]),
        source: Source::Packages(Names::everywhere("iperf3")),
    },
    Need {
        name: "wireguard-go",
        why: "an interface of WireGuard's, whatever the kernel has",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["wireguard-go"]),
        source: Source::Packages(Names::everywhere("wireguard-go")),
    },
    Need {
        name: "wg",
        why: "sets up WireGuard",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["wg"]),
        source: Source::Packages(Names::everywhere("wireguard-tools")),
    },
    Need {
        name: "logrotate",
        why: "moves the files of an output away",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["logrotate"]),
        source: Source::Packages(Names::everywhere("logrotate")),
    },
    Need {
        name: "promtool",
        why: "reads the metrics, as Prometheus would",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["promtool"]),
        source: Source::Packages(PROMETHEUS),
    },
    Need {
        name: "rsyslogd",
        why: "reads what the syslog output sends",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["rsyslogd"]),
        source: Source::Packages(Names::everywhere("rsyslog")),
    },
    Need {
        name: "zstd",
        why: "reads rotated files",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["zstd"]),
        source: Source::Packages(Names::everywhere("zstd")),
    },
    Need {
        name: "gnutls-cli",
        why: "a client",
        from: Purpose::Test,
        required: None,
        present: Presence::Program(&["gnutls-cli"]),
        source: Source::Packages(Names {
            apt: "gnutls-bin",
            pacman: "gnutls",
            zypper: "gnutls",
            ..Names::everywhere("gnutls-utils")
        }),
    },
    Need {
        name: "tshark 4.4",
        why: "the second opinion on every JA4",
        from: Purpose::Test,
        required: Some(Purpose::Differential),
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
        why: "one more opinion on every fingerprint",
        from: Purpose::Differential,
        required: Some(Purpose::Differential),
        present: Presence::Suricata,
        source: Source::Later(Names::everywhere("suricata")),
    },
    Need {
        name: "node",
        why: "a client",
        from: Purpose::Ci,
        required: None,
        present: Presence::Program(&["node", "nodejs"]),
        source: Source::Packages(Names::everywhere("nodejs")),
    },
    Need {
        name: "chromium",
        why: "a client",
        from: Purpose::Ci,
        required: None,
        present: Presence::Program(&["chromium", "chromium-browser", "google-chrome"]),
        source: Source::Packages(Names::everywhere("chromium")),
    },
    Need {
        name: "firefox",
        why: "a client",
        from: Purpose::Ci,
        required: None,
        present: Presence::Program(&["firefox-esr", "firefox"]),
        source: Source::Packages(Names {
            dnf: "firefox",
            pacman: "firefox",
            zypper: "MozillaFirefox",
            ..Names::everywhere("firefox-esr")
        }),
    },
    Need {
        name: "flex",
        why: "builds a libpcap that can be linked statically",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Program(&["flex"]),
        source: Source::Packages(Names::everywhere("flex")),
    },
    Need {
        name: "bison",
        why: "builds a libpcap that can be linked statically",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Program(&["bison"]),
        source: Source::Packages(Names::everywhere("bison")),
    },
    Need {
        name: "make",
        why: "builds a libpcap that can be linked statically",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Program(&["make"]),
        source: Source::Packages(Names::everywhere("make")),
    },
    Need {
        name: "dpkg-source",
        why: "unpacks libpcap's source",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Program(&["dpkg-source"]),
        source: Source::Packages(Names {
            pacman: "dpkg",
            zypper: "dpkg",
            ..Names::everywhere("dpkg-dev")
        }),
    },
    Need {
        name: "static C library",
        why: "goes into programs that need no library",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Library("libc.a"),
        source: Source::Packages(Names {
            apt: "libc6-dev",
            dnf: "glibc-static",
            apk: "musl-dev",
            pacman: "glibc",
            zypper: "glibc-devel-static",
        }),
    },
    Need {
        name: "dpkg-deb",
        why: "makes Debian's packages, and unpacks its kernels",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Program(&["dpkg-deb"]),
        source: Source::Packages(Names::everywhere("dpkg")),
    },
    Need {
        name: "rpmbuild",
        why: "makes packages for the RHEL family",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Program(&["rpmbuild"]),
        source: Source::Packages(Names {
            apt: "rpm",
            pacman: "rpm-tools",
            ..Names::everywhere("rpm-build")
        }),
    },
    Need {
        name: "buildah",
        why: "makes the container image",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Program(&["buildah"]),
        source: Source::Packages(Names::everywhere("buildah")),
    },
    Need {
        name: "lintian",
        why: "knows the rules for Debian's packages",
        from: Purpose::DistCheck,
        required: None,
        present: Presence::Program(&["lintian"]),
        source: Source::Packages(Names::everywhere("lintian")),
    },
    Need {
        name: "rpmlint",
        why: "knows the rules for rpm packages",
        from: Purpose::DistCheck,
        required: None,
        present: Presence::Program(&["rpmlint"]),
        source: Source::Packages(Names::everywhere("rpmlint")),
    },
    Need {
        name: "Debian 11",
        why: "the oldest system that the packages are for, to install them into",
        from: Purpose::DistCheck,
        required: Some(Purpose::DistCheck),
        present: Presence::Chroot(&chroot::OLDEST),
        source: Source::Chroot(&chroot::OLDEST),
    },
    Need {
        name: "systemd-analyze",
        why: "says how exposed the service is",
        from: Purpose::Deploy,
        required: Some(Purpose::Deploy),
        present: Presence::Program(&["systemd-analyze"]),
        source: Source::Packages(Names::everywhere("systemd")),
    },
    Need {
        name: "promtool",
        why: "reads and tries the alert rules",
        from: Purpose::Deploy,
        required: Some(Purpose::Deploy),
        present: Presence::Program(&["promtool"]),
        source: Source::Packages(PROMETHEUS),
    },
    Need {
        name: "venv",
        why: "keeps programs from the Python package index to themselves",
        from: Purpose::Deploy,
        required: Some(Purpose::Deploy),
        present: Presence::Module("venv, ensurepip"),
        source: Source::Packages(Names {
            apt: "python3-venv",
            pacman: "python",
            ..Names::everywhere("python3")
        }),
    },
    Need {
        name: "kubernetes-validate",
        why: "knows the schemas of Kubernetes's manifests",
        from: Purpose::Deploy,
        required: Some(Purpose::Deploy),
        present: Presence::Python(&KUBERNETES_VALIDATE),
        source: Source::Python(&KUBERNETES_VALIDATE),
    },
    Need {
        name: "capsh",
        why: "starts the agent with the capabilities that its service has",
        from: Purpose::Test,
        required: Some(Purpose::Test),
        present: Presence::Program(&["capsh"]),
        source: Source::Packages(Names {
            apt: "libcap2-bin",
            pacman: "libcap",
            zypper: "libcap-progs",
            ..Names::everywhere("libcap")
        }),
    },
    Need {
        name: "qemu",
        why: "runs other kernels",
        from: Purpose::Vm,
        required: Some(Purpose::Vm),
        present: Presence::Program(&["qemu-system-x86_64"]),
        source: Source::Packages(Names {
            apt: "qemu-system-x86",
            dnf: "qemu-system-x86-core",
            apk: "qemu-system-x86_64",
            pacman: "qemu-system-x86",
            zypper: "qemu-x86",
        }),
    },
    Need {
        name: "qemu-system-aarch64",
        why: "runs kernels of 64-bit Arm",
        from: Purpose::VmForeign,
        required: Some(Purpose::VmForeign),
        present: Presence::Program(&["qemu-system-aarch64"]),
        source: Source::Packages(Names {
            apt: "qemu-system-arm",
            dnf: "qemu-system-aarch64-core",
            apk: "qemu-system-aarch64",
            pacman: "qemu-system-aarch64",
            zypper: "qemu-arm",
        }),
    },
    Need {
        name: "aarch64-linux-gnu-gcc",
        why: "compiles and links programs for 64-bit Arm",
        from: Purpose::VmForeign,
        required: Some(Purpose::VmForeign),
        present: Presence::Program(&["aarch64-linux-gnu-gcc"]),
        source: Source::Packages(Names {
            // With the C library, which a cross compiler merely suggests.
            apt: "crossbuild-essential-arm64",
            apk: "gcc-aarch64-none-elf",
            pacman: "aarch64-linux-gnu-gcc",
            zypper: "cross-aarch64-gcc13",
            ..Names::everywhere("gcc-aarch64-linux-gnu")
        }),
    },
    Need {
        name: "busybox",
        why: "the user space of other kernels",
        from: Purpose::Vm,
        required: Some(Purpose::Vm),
        present: Presence::Program(&["busybox"]),
        source: Source::Packages(Names {
            dnf: "busybox",
            pacman: "busybox",
            ..Names::everywhere("busybox-static")
        }),
    },
    Need {
        name: "apt-get",
        why: "downloads Debian's kernels, and libpcap's source",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::Program(&["apt-get"]),
        source: Source::Packages(Names::everywhere("apt")),
    },
    Need {
        name: "Debian's keys",
        why: "prove that those are Debian's",
        from: Purpose::Dist,
        required: Some(Purpose::Dist),
        present: Presence::File(KEYS),
        source: Source::Packages(Names {
            dnf: "debian-keyring",
            ..Names::everywhere("debian-archive-keyring")
        }),
    },
    Need {
        name: "xz",
        why: "unpacks kernel modules",
        from: Purpose::Vm,
        required: Some(Purpose::Vm),
        present: Presence::Program(&["xz"]),
        source: Source::Packages(Names { apt: "xz-utils", ..Names::everywhere("xz") }),
    },
    Need {
        name: "eBPF toolchain",
        why: "compiles the kernel program: Rust with the sources of core, and bpf-linker",
        from: Purpose::Ebpf,
        required: Some(Purpose::Ebpf),
        present: Presence::EbpfToolchain,
        source: Source::EbpfToolchain,
    },
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
    Need {
        name: "cargo-deny",
        why: "looks at licences, sources and known holes of what is built",
        from: Purpose::Deny,
        required: Some(Purpose::Deny),
        present: Presence::Deny,
        source: Source::Cargo(deny::install_command),
    },
    Need {
        name: "valgrind",
        why: "counts instructions, which are the same on a busy machine",
        from: Purpose::Instructions,
        required: Some(Purpose::Instructions),
        present: Presence::Program(&["valgrind"]),
        source: Source::Packages(Names::everywhere("valgrind")),
    },
];
