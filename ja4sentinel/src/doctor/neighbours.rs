//! Programs of others that see an interface's packets, beside ours or before it.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use aya::programs::{ProgramInfo, SchedClassifier, TcAttachType, loaded_programs};

use netlink_packet_route::tc::TcHandle;

use super::Check;
use crate::capture::Interface;
use crate::capture::ebpf::PROGRAMS;
use crate::capture::netlink::{self, Filter, Link};

/// Names them, interface by interface.
pub(super) fn check(interfaces: &io::Result<Vec<Interface>>) -> Vec<Check> {
    const NAME: &str = "traffic control";
    let none = Vec::new();
    let interfaces = interfaces.as_ref().unwrap_or(&none);
    let links = netlink::links().unwrap_or_default();
    let mut checks = Vec::new();
    for interface in interfaces {
        let name = format!("{NAME} {}", interface.name);
        match beside(interface) {
            Ok(others) if others.is_empty() => {}
            Ok(others) => checks.push(others_there(&name, &others)),
            Err(error) => checks.push(Check::warning(
                &name,
                format!("cannot be asked who uses it: {error}"),
                "run the doctor with CAP_BPF and CAP_NET_ADMIN, or look by `tc filter show` and `bpftool net`",
            )),
        }
        let xdp = before(interface, &links);
        if !xdp.is_empty() {
            checks.push(Check::warning(
                &name,
                format!("XDP programs have each packet first: {}", xdp.join(", ")),
                "nothing, if they let the connections to the configured ports pass; those that \
                 they redirect or drop are not seen",
            ));
        }
    }
    if checks.is_empty() && !interfaces.is_empty() {
        let names: Vec<&str> = interfaces.iter().map(|interface| &*interface.name).collect();
        checks.push(Check::ok(NAME, format!("nobody else uses it on {}", names.join(", "))));
    }
    checks
}

fn others_there(name: &str, programs: &[Neighbour]) -> Check {
    let names: Vec<String> = programs.iter().map(ToString::to_string).collect();
    let found = format!("in use by others too, in this order: {}", names.join(", "));
    let ours = programs.iter().position(|program| PROGRAMS.contains(&&*program.name));
    let remedy = match ours {
        Some(1..) => {
            "nothing, if those before ours let the connections to the configured ports pass; what \
             they redirect or drop is not seen: see core.tcx_order and core.tc_priority, and start \
             the agent last"
        }
        _ => {
            "nothing, if they only look; ours goes first and lets every packet go on. If records \
             are missing, see whether one of them was put before ours"
        }
    };
    Check::warning(name, found, remedy)
}

/// A program or filter at traffic control.
struct Neighbour {
    name: String,
    how: &'static str,
}

impl fmt::Display for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.how)
    }
}

/// What has each packet that the interface receives, in this order.
fn beside(interface: &Interface) -> io::Result<Vec<Neighbour>> {
    let mut all = Vec::new();
    match SchedClassifier::query_tcx(&interface.name, TcAttachType::Ingress) {
        Ok((_, programs)) => {
            all.extend(programs.iter().map(|one| Neighbour { name: called(one), how: "TCX" }));
        }
        Err(error) if is_refusal(&error) => return Err(ErrorKind::PermissionDenied.into()),
        // A kernel before 6.6 has none.
        Err(_) => {}
    }
    let mut filters = netlink::filters(interface.index, TcHandle::MIN_INGRESS)?;
    // A u32 filter is several: its tables, and what is in them.
    filters.dedup_by(|one, other| (&one.name, one.priority) == (&other.name, other.priority));
    all.extend(filters.into_iter().map(|Filter { name, .. }| Neighbour { name, how: "clsact" }));
    Ok(all)
}

fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    let system = error.downcast_ref::<io::Error>();
    system.is_some_and(|error| error.kind() == ErrorKind::PermissionDenied)
        || error.source().is_some_and(is_refusal)
}

/// XDP programs on the interface.
fn before(interface: &Interface, links: &[Link]) -> Vec<String> {
    let link = links.iter().find(|link| link.index == interface.index);
    let ids = link.map(|link| &*link.xdp).unwrap_or_default();
    let name = |id: &u32| {
        let mut programs = loaded_programs().filter_map(Result::ok);
        programs.find(|program| program.id() == *id).map_or(format!("id {id}"), |one| called(&one))
    };
    ids.iter().map(name).collect()
}

fn called(program: &ProgramInfo) -> String {
    match program.name_as_str() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("id {}", program.id()),
    }
}
