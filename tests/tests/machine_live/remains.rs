//! What is in the kernel of the agent's: while it runs, and afterwards.

use std::time::Duration;

use aya::maps::loaded_maps;
use aya::programs::{SchedClassifier, TcAttachType, loaded_links, loaded_programs};
use ja4sentinel::capture::ebpf::PROGRAMS;
use ja4sentinel_tests::process::wait_until;

use crate::site::{SERVER, Site};
use crate::{kernel, rtnl};

/// Since this version programs are attached by TCX links.
const TCX: (u32, u32) = (6, 6);
/// The kernel frees programs and maps when nobody can use them any more.
const FREED: Duration = Duration::from_secs(30);

/// All programs, maps and links of the machine, which has none but the agent's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Loaded {
    programs: usize,
    maps: usize,
    links: usize,
}

impl Loaded {
    pub(crate) fn now() -> Self {
        Self {
            programs: loaded_programs().map(Result::unwrap).count(),
            maps: loaded_maps().map(Result::unwrap).count(),
            links: loaded_links().map(Result::unwrap).count(),
        }
    }
}

/// The classifier sits on the interface as this kernel can do best.
pub(crate) fn is_attached(site: &Site) {
    let attached = || {
        let filters = rtnl::ingress_filters(SERVER).unwrap_or_default();
        if kernel() < TCX {
            let [filter] = &filters[..] else { panic!("filters: {filters:?}") };
            assert!(PROGRAMS[0].starts_with(filter), "{filter}");
            assert_eq!(Loaded::now().links, 0);
            return println!("\n@attached clsact");
        }
        let (_, programs) = SchedClassifier::query_tcx(SERVER, TcAttachType::Ingress).unwrap();
        let names: Vec<_> = programs.iter().filter_map(|program| program.name_as_str()).collect();
        assert_eq!(names, [PROGRAMS[0]]);
        assert_eq!((filters, Loaded::now().links), (Vec::new(), 1));
        println!("\n@attached tcx");
    };
    site.server.inside(attached).unwrap();
}

/// Nothing of the agent is left. The qdisc that filters need stays where there had to be one, since
/// nobody can tell whether others use it by now.
pub(crate) fn nothing_is_left(site: &Site, interface: &str, before: &Loaded) {
    let gone = wait_until(FREED, || Loaded::now() == *before);
    assert!(gone, "before {before:?}, now {:?}", Loaded::now());
    let (filters, qdiscs) = site
        .server
        .inside(|| {
            let filters = rtnl::ingress_filters(interface).unwrap_or_default();
            (filters, rtnl::qdiscs(interface).unwrap())
        })
        .unwrap();
    assert_eq!(filters, Vec::<String>::new());
    if kernel() >= TCX {
        assert!(!qdiscs.iter().any(|kind| kind == "clsact"), "{qdiscs:?}");
    }
}
