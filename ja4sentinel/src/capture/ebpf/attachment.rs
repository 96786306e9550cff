//! Where the classifier is attached. Nothing of others is ever removed: no filter, no qdisc.

use std::collections::BTreeMap;
use std::io;

use aya::Ebpf;
use aya::programs::tc::{
    NlOptions, SchedClassifierLink, TcAttachOptions, TcError, qdisc_add_clsact,
    qdisc_detach_program,
};
use aya::programs::{LinkOrder, ProgramError, SchedClassifier, TcAttachType};

use super::error::{EbpfError, os_error};
use super::lease::Lease;
use super::link_type::program_for;
use super::object::PROGRAMS;
use crate::capture::Interface;

/// Which way the watched packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// What the interface receives: connections to this host.
    #[default]
    Ingress,
    /// What it sends: connections from this host.
    Egress,
    /// Both.
    Both,
}

impl Direction {
    fn attach_types(self) -> &'static [TcAttachType] {
        match self {
            Self::Ingress => &[TcAttachType::Ingress],
            Self::Egress => &[TcAttachType::Egress],
            Self::Both => &[TcAttachType::Ingress, TcAttachType::Egress],
        }
    }
}

/// How the classifier is attached to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By TCX links, before all other programs: Linux 6.6 and later. The kernel removes them when
    /// the process ends, however that comes.
    Tcx,
    /// By filters of a clsact qdisc.
    Clsact,
}

/// One interface with the classifier on it.
#[derive(Debug, Clone, Copy)]
pub struct Attached<'a> {
    /// The interface.
    pub interface: &'a Interface,
    /// How it is attached.
    pub how: How,
}

/// All attachments. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Attachments {
    /// By index of the interface. Dropped before the object that they belong to.
    present: BTreeMap<u32, Attachment>,
    object: Ebpf,
    direction: Direction,
}

#[derive(Debug)]
struct Attachment {
    interface: Interface,
    how: How,
    /// Detach when dropped; in vain when the interface is gone already.
    _links: Vec<SchedClassifierLink>,
    /// Given back after that.
    _lease: Option<Lease>,
}

impl Attachments {
    pub(super) fn new(object: Ebpf, direction: Direction) -> Self {
        Self { present: BTreeMap::new(), object, direction }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Attached<'_>> {
        self.present
            .values()
            .map(|attachment| Attached { interface: &attachment.interface, how: attachment.how })
    }

    pub(super) fn program(&self, name: &'static str) -> Result<&SchedClassifier, EbpfError> {
        Ok(self.object.program(name).ok_or(EbpfError::Object(name))?.try_into()?)
    }

    /// Attaches to what is new in the list and detaches from what is not in it. `announce` is told
    /// of each that is new, or has a new name. The first error is given when all was tried.
    pub(super) fn watch(
        &mut self,
        interfaces: &[Interface],
        announce: &mut dyn FnMut(&Interface),
    ) -> Result<(), EbpfError> {
        self.present.retain(|index, _| interfaces.iter().any(|wanted| wanted.index == *index));
        let mut attached = Ok(());
        for wanted in interfaces {
            match self.present.get_mut(&wanted.index) {
                Some(attachment) if attachment.interface == *wanted => {}
                Some(attachment) => {
                    attachment.interface = wanted.clone();
                    announce(wanted);
                }
                None => match self.attach(wanted) {
                    Ok(attachment) => {
                        announce(wanted);
                        self.present.insert(wanted.index, attachment);
                    }
                    Err(error) => attached = attached.and(Err(error)),
                },
            }
        }
        attached
    }

    fn attach(&mut self, interface: &Interface) -> Result<Attachment, EbpfError> {
        let program = program_for(&interface.name)?;
        let classifier: &mut SchedClassifier =
            self.object.program_mut(program).ok_or(EbpfError::Object(program))?.try_into()?;
        let lease = Lease::take(interface.index);
        if lease.is_some() {
            remove_leftovers(&interface.name);
        }
        let (how, links) = attach(classifier, &interface.name, self.direction)
            .map_err(|error| EbpfError::attaching(&interface.name, error))?;
        Ok(Attachment { interface: interface.clone(), how, _links: links, _lease: lease })
    }
}

/// Attaches in all directions asked for; a failure leaves nothing attached.
fn attach(
    classifier: &mut SchedClassifier,
    name: &str,
    direction: Direction,
) -> Result<(How, Vec<SchedClassifierLink>), ProgramError> {
    let mut link = |attach_type: TcAttachType, options: TcAttachOptions| {
        let id = classifier.attach_with_options(name, attach_type, options)?;
        classifier.take_link(id)
    };
    let types = direction.attach_types().iter();
    // First of all, so that no other program redirects packets before we saw them.
    let tcx = types.clone().map(|way| link(*way, TcAttachOptions::TcxOrder(LinkOrder::first())));
    match tcx.collect::<Result<Vec<_>, _>>() {
        Ok(links) => return Ok((How::Tcx, links)),
        Err(error) if lacks_tcx(&error) => {}
        Err(error) => return Err(error),
    }
    match qdisc_add_clsact(name) {
        Err(error) if os_error(&error) != Some(libc::EEXIST) => return Err(error.into()),
        _ => {}
    }
    // The kernel chooses a priority before all others.
    let clsact = types.map(|way| link(*way, TcAttachOptions::Netlink(NlOptions::default())));
    Ok((How::Clsact, clsact.collect::<Result<_, _>>()?))
}

/// Whether the kernel has no TCX links: before 6.6, or built without.
fn lacks_tcx(error: &ProgramError) -> bool {
    matches!(os_error(error), Some(libc::EINVAL | libc::EOPNOTSUPP | libc::ENOSYS))
}

/// Removes filters that a crashed agent left behind. TCX links never stay behind.
fn remove_leftovers(name: &str) {
    for program in PROGRAMS {
        for way in [TcAttachType::Ingress, TcAttachType::Egress] {
            match qdisc_detach_program(name, way, program) {
                Ok(()) => tracing::info!(interface = name, "removed a crashed agent's filter"),
                Err(TcError::IoError(error)) if error.kind() == io::ErrorKind::NotFound => {}
                // There is no qdisc, or nothing can be done about it now: a filter that stays
                // behind lets every packet go on, as ours does.
                Err(error) => tracing::trace!(interface = name, %error, "no leftovers found"),
            }
        }
    }
}
