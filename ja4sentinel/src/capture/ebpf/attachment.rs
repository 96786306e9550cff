//! Where the classifier is attached. Nothing of others is ever removed: no filter, no qdisc.

use std::collections::BTreeMap;

use aya::Ebpf;
use aya::programs::tc::SchedClassifierLink;
use aya::programs::{Link, ProgramError, SchedClassifier, TcAttachType};
use netlink_packet_route::tc::TcHandle;

use super::error::EbpfError;
use super::lease::Lease;
use super::link_type::program_for;
use super::object::PROGRAMS;
use super::placement::{self, How, Placement};
use crate::capture::Interface;
use crate::capture::netlink::{self, Filter};

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
    placement: Placement,
    /// Given back after the attachments.
    lease: Option<Lease>,
}

#[derive(Debug)]
struct Attachment {
    interface: Interface,
    how: How,
    /// Detach when dropped; in vain when the interface is gone already.
    links: Vec<SchedClassifierLink>,
}

impl Attachments {
    pub(super) fn new(object: Ebpf, direction: Direction, placement: Placement) -> Self {
        Self { present: BTreeMap::new(), object, direction, placement, lease: Lease::take() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Attached<'_>> {
        self.present
            .values()
            .map(|attachment| Attached { interface: &attachment.interface, how: attachment.how })
    }

    pub(super) fn program(&self, name: &'static str) -> Result<&SchedClassifier, EbpfError> {
        Ok(self.object.program(name).ok_or(EbpfError::Object(name))?.try_into()?)
    }

    /// Whether filters of ours are missing on this interface.
    pub(super) fn is_stripped(&self, interface: u32) -> bool {
        let Some(attachment) = self.present.get(&interface) else { return false };
        let How::Clsact { .. } = attachment.how else { return false };
        let handles: Vec<u32> =
            attachment.links.iter().filter_map(|link| link.handle().ok().map(u32::from)).collect();
        let ways = self.direction.attach_types().iter();
        let there = ways.flat_map(|way| filters(interface, *way));
        there.filter(|filter| handles.contains(&filter.handle)).count() < handles.len()
    }

    /// Attaches to what is new in the list and detaches from what is not in it. `announce` is told
    /// of each that is new, or has a new name. The first error is given when all was tried.
    pub(super) fn watch(
        &mut self,
        interfaces: &[Interface],
        announce: &mut dyn FnMut(&Interface),
    ) -> Result<(), EbpfError> {
        let stays = |index: &u32| interfaces.iter().any(|wanted| wanted.index == *index);
        // Let go in the end: a new interface's first hello may be on its way.
        let _gone: Vec<_> = self.present.extract_if(.., |index, _| !stays(index)).collect();
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
        let lease = self.lease.as_ref();
        if let Some(lease) = lease {
            remove_leftovers(interface, lease);
        }
        let ways = self.direction.attach_types();
        let (how, links) =
            placement::attach(classifier, &interface.name, ways, self.placement, lease)
                .map_err(|error| EbpfError::attaching(&interface.name, error))?;
        Ok(Attachment { interface: interface.clone(), how, links })
    }
}

/// Removes filters that crashed agents left behind. TCX links never stay behind.
fn remove_leftovers(interface: &Interface, lease: &Lease) {
    for way in [TcAttachType::Ingress, TcAttachType::Egress] {
        for filter in filters(interface.index, way) {
            if !lease.is_leftover(filter.handle) {
                continue;
            }
            let name = &*interface.name;
            let handle = filter.handle.into();
            let removed = SchedClassifierLink::attached(name, way, filter.priority, handle, None)
                .map_err(ProgramError::from)
                .and_then(SchedClassifierLink::detach);
            match removed {
                Ok(()) => tracing::info!(interface = name, "removed a crashed agent's filter"),
                // A filter that stays behind lets every packet go on, as ours does.
                Err(error) => {
                    tracing::debug!(interface = name, %error, "a crashed agent's filter stays");
                }
            }
        }
    }
}

/// The filters with our programs. Without a qdisc there are none.
fn filters(interface: u32, way: TcAttachType) -> Vec<Filter> {
    let parent = match way {
        TcAttachType::Egress => TcHandle::MIN_EGRESS,
        _ => TcHandle::MIN_INGRESS,
    };
    let mut filters = netlink::filters(interface, parent).unwrap_or_default();
    filters.retain(|filter| PROGRAMS.contains(&&*filter.name));
    filters
}
