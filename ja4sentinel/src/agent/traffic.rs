//! What came in on each interface.

use std::sync::Arc;

use crate::metrics;
use crate::record::Record;

/// Counts by interface; there are few of them, and the next frame mostly comes from the same.
#[derive(Default)]
pub(super) struct Traffic {
    interfaces: Vec<Counted>,
    last: usize,
}

struct Counted {
    index: u32,
    name: Arc<str>,
    frames: u64,
    records: u64,
    bypassed: bool,
}

impl Traffic {
    /// The interface with this index has this name from now on.
    pub(super) fn name(&mut self, index: u32, name: &Arc<str>) {
        match self.interfaces.iter_mut().find(|known| known.index == index) {
            Some(known) => known.name = Arc::clone(name),
            None => {
                self.interfaces.push(Counted {
                    index,
                    name: Arc::clone(name),
                    frames: 0,
                    records: 0,
                    bypassed: false,
                });
            }
        }
    }

    /// A frame came from this interface.
    pub(super) fn frame(&mut self, index: u32) {
        if self.interfaces.get(self.last).is_none_or(|last| last.index != index) {
            let found = self.interfaces.iter().position(|known| known.index == index);
            let Some(found) = found else { return };
            self.last = found;
        }
        if let Some(counted) = self.interfaces.get_mut(self.last) {
            counted.frames += 1;
        }
    }

    /// Frames of the interface with this index.
    pub(super) fn frames(&self, index: u32) -> u64 {
        let known = self.interfaces.iter().find(|known| known.index == index);
        known.map_or(0, |known| known.frames)
    }

    /// Whether hellos pass this interface unseen. Gives whether that is new.
    pub(super) fn set_bypassed(&mut self, index: u32, bypassed: bool) -> bool {
        match self.interfaces.iter_mut().find(|known| known.index == index) {
            Some(known) => std::mem::replace(&mut known.bypassed, bypassed) != bypassed,
            None => false,
        }
    }

    /// The interface with this index is not watched any more.
    pub(super) fn leave(&mut self, index: u32) {
        self.set_bypassed(index, false);
    }

    /// A record was made.
    pub(super) fn record(&mut self, record: &Record) {
        let Some(name) = &record.interface else { return };
        if let Some(counted) = self.interfaces.iter_mut().find(|known| known.name == *name) {
            counted.records += 1;
        }
    }

    /// For the metrics. Interfaces that had one name one after the other are one.
    pub(super) fn counts(&self) -> Vec<metrics::Interface> {
        let mut counts: Vec<metrics::Interface> = Vec::new();
        for Counted { name, frames, records, bypassed, .. } in &self.interfaces {
            match counts.iter_mut().find(|known| *known.name == **name) {
                Some(known) => {
                    known.frames += frames;
                    known.records += records;
                    known.bypassed |= bypassed;
                }
                None => counts.push(metrics::Interface {
                    name: name.to_string(),
                    frames: *frames,
                    records: *records,
                    bypassed: *bypassed,
                }),
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_comes_back_goes_on() {
        let mut traffic = Traffic::default();
        for (index, name) in [(1, "lo"), (2, "eth0"), (7, "eth0")] {
            traffic.name(index, &Arc::from(name));
        }
        [1, 2, 2, 7, 1, 9].into_iter().for_each(|index| traffic.frame(index));
        let counts = traffic.counts();
        let seen: Vec<_> = counts.iter().map(|c| (c.name.as_str(), c.frames)).collect();
        assert_eq!(seen, [("lo", 2), ("eth0", 3)]);
    }
}
