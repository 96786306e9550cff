//! Where the classifier stands among the programs of others, and how it gets there.

use aya::programs::tc::{
    NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle, qdisc_add_clsact,
};
use aya::programs::{LinkOrder, ProgramError, SchedClassifier, TcAttachType};

use super::error::os_error;
use super::lease::Lease;

/// Where the classifier is put, on every interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// By what means.
    pub attach: Attach,
    /// The place among TCX programs.
    pub order: Order,
    /// The priority of filters; those with a lower one come first.
    pub priority: u16,
}

impl Placement {
    /// Before all other filters, so that none redirects or drops packets that we did not see. Others
    /// that want the first place for themselves share it: the filter that came last goes first.
    pub const PRIORITY: u16 = 1;
}

impl Default for Placement {
    fn default() -> Self {
        Self { attach: Attach::default(), order: Order::default(), priority: Self::PRIORITY }
    }
}

/// By what means the classifier is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attach {
    /// TCX where the kernel has it, clsact where not.
    #[default]
    Auto,
    /// TCX or nothing.
    Tcx,
    /// Clsact or nothing.
    Clsact,
}

/// The place among TCX programs, at the time of attaching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Before all others: no other program redirects or drops packets that we did not see.
    #[default]
    First,
    /// Behind all others: only what they let pass is seen.
    Last,
}

/// How the classifier is attached to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By TCX links: Linux 6.6 and later. The kernel removes them when the process ends, however
    /// that comes.
    Tcx,
    /// By filters of a clsact qdisc.
    Clsact {
        /// Of one way; 0 if there is none.
        priority: u16,
    },
}

/// Priorities that are tried, should those before be taken: each is for one kind of filters and one
/// protocol only.
const PRIORITIES: u16 = 16;

/// What is put onto an interface: all of its links, or none when something fails.
pub(super) fn attach(
    classifier: &mut SchedClassifier,
    name: &str,
    ways: &[TcAttachType],
    placement: Placement,
    lease: Option<&Lease>,
) -> Result<(How, Vec<SchedClassifierLink>), ProgramError> {
    if placement.attach != Attach::Clsact {
        let links = ways.iter().map(|way| tcx(classifier, name, *way, placement.order));
        match links.collect::<Result<Vec<_>, _>>() {
            Ok(links) => return Ok((How::Tcx, links)),
            Err(error) if placement.attach == Attach::Auto && lacks_tcx(&error) => {}
            Err(error) => return Err(error),
        }
    }
    match qdisc_add_clsact(name) {
        Err(error) if os_error(&error) != Some(libc::EEXIST) => return Err(error.into()),
        _ => {}
    }
    let links = ways.iter().map(|way| filter(classifier, name, *way, placement.priority, lease));
    let links = links.collect::<Result<Vec<_>, _>>()?;
    let priority = links.first().map_or(Ok(0), SchedClassifierLink::priority)?;
    Ok((How::Clsact { priority }, links))
}

fn tcx(
    classifier: &mut SchedClassifier,
    name: &str,
    way: TcAttachType,
    order: Order,
) -> Result<SchedClassifierLink, ProgramError> {
    let order = match order {
        Order::First => LinkOrder::first(),
        Order::Last => LinkOrder::last(),
    };
    let id = classifier.attach_with_options(name, way, TcAttachOptions::TcxOrder(order))?;
    classifier.take_link(id)
}

/// A filter at the wanted priority, or at the next one that can be had.
fn filter(
    classifier: &mut SchedClassifier,
    name: &str,
    way: TcAttachType,
    priority: u16,
    lease: Option<&Lease>,
) -> Result<SchedClassifierLink, ProgramError> {
    let last = priority.saturating_add(PRIORITIES - 1);
    let handle = lease.map_or(TcHandle::AUTO_ASSIGN, |lease| {
        let (upper, lower) = lease.handle();
        TcHandle::new(upper, lower)
    });
    let mut at = priority;
    loop {
        let options = NlOptions { priority: at, handle, classid: None };
        match classifier.attach_with_options(name, way, TcAttachOptions::Netlink(options)) {
            Ok(id) => {
                if at != priority {
                    tracing::warn!(
                        interface = name,
                        wanted = priority,
                        priority = at,
                        "filters of another kind have the priority: ours goes behind them"
                    );
                }
                return classifier.take_link(id);
            }
            Err(error) if is_taken(&error) && at < last => at += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Whether the kernel has no TCX links: before 6.6, or built without.
fn lacks_tcx(error: &ProgramError) -> bool {
    matches!(os_error(error), Some(libc::EINVAL | libc::EOPNOTSUPP | libc::ENOSYS))
}

/// Whether filters of another kind or another protocol, or one with our handle, stand there.
fn is_taken(error: &ProgramError) -> bool {
    matches!(os_error(error), Some(libc::EINVAL | libc::ENOSPC | libc::EEXIST))
}
