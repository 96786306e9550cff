//! The bounded table itself: find, add, move, expire and evict, each in constant time.
//!
//! Entries of one [`Class`] hang in one list, the least recently moved first; the list is made of
//! indices beside the entries, so that moving an entry allocates nothing and touches no other entry.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use slab::Slab;

use super::Key;

/// How far a connection has come; decides who leaves when the table is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It is over; it stays so that late copies are recognised.
    Closed,
    /// Nothing more is needed of it while it goes on.
    Done,
    /// Opened, and no payload seen yet.
    Opened,
    /// What is looked for was found, and more of it may follow.
    Found,
    /// Part of what is looked for has been received.
    Receiving,
}

impl Class {
    /// In the order in which they leave.
    const ALL: [Self; 5] = [Self::Closed, Self::Done, Self::Opened, Self::Found, Self::Receiving];
}

/// Where an entry is; valid until the entry is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(u32);

/// A key and its hash, as one table has it: to be used with that table alone.
#[derive(Debug, Clone, Copy)]
pub struct Hashed {
    /// The key.
    pub key: Key,
    hash: u64,
}

/// At most `capacity` values, found by [`Key`].
///
/// The index is hashed with the standard library's randomly keyed SipHash, so that a client that
/// chooses its ports cannot make entries collide. It holds places and no keys: four bytes an entry
/// stay in a core's cache where the entries themselves do not.
#[derive(Debug)]
pub struct Table<V> {
    index: HashTable<u32>,
    hasher: RandomState,
    entries: Slab<Entry<V>>,
    /// Of the entry at the same place.
    nodes: Vec<Node>,
    lists: [List; Class::ALL.len()],
    capacity: usize,
}

/// What is looked at to find an entry, in one cache line where the value is small.
#[derive(Debug)]
#[repr(align(64))]
struct Entry<V> {
    key: Key,
    value: V,
}

/// An entry's place in its list, and in the index.
#[derive(Debug, Clone)]
struct Node {
    /// Of the key: neither growing nor removing looks at entries that nobody has asked for.
    hash: u64,
    class: Class,
    /// When it was last moved, nanoseconds.
    moved_ns: u64,
    older: Link,
    newer: Link,
}

/// A place in `entries`, or [`NONE`].
type Link = u32;

/// No place: there are never so many entries.
const NONE: Link = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct List {
    oldest: Link,
    newest: Link,
    len: usize,
}

impl<V> Table<V> {
    /// Entries that places of 32 bits can tell apart.
    const MOST: usize = NONE as usize;

    /// With more entries than this the index gets its full size at once: to double it step by step
    /// hashes them all again at each.
    const FEW: usize = 4096;

    /// An empty table.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            index: HashTable::new(),
            hasher: RandomState::new(),
            entries: Slab::new(),
            nodes: Vec::new(),
            lists: [List { oldest: NONE, newest: NONE, len: 0 }; Class::ALL.len()],
            capacity: capacity.min(Self::MOST),
        }
    }

    /// Changes how many entries may be there; those beyond a lower number leave one by one.
    pub fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.min(Self::MOST);
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Number of entries of a class.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        self.list(class).len
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether nothing can be added before something leaves.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.capacity
    }

    /// A key with its hash, which is good for finding and for adding it.
    #[must_use]
    #[inline]
    pub fn hashed(&self, key: Key) -> Hashed {
        Hashed { key, hash: self.hasher.hash_one(key) }
    }

    /// The entry with this key.
    #[must_use]
    pub fn find(&self, hashed: &Hashed) -> Option<Handle> {
        let is_it = |at: &u32| self.entry(*at).is_some_and(|entry| entry.key == hashed.key);
        self.index.find(hashed.hash, is_it).map(|at| Handle(*at))
    }

    /// The key of an entry.
    #[must_use]
    pub fn key(&self, handle: Handle) -> Option<Key> {
        self.entry(handle.0).map(|entry| entry.key)
    }

    /// When an entry was last moved, nanoseconds.
    #[must_use]
    pub fn moved_ns(&self, handle: Handle) -> Option<u64> {
        self.entries.get(handle.0 as usize)?;
        self.at(handle.0).map(|node| node.moved_ns)
    }

    /// The value of an entry.
    #[must_use]
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut V> {
        self.entries.get_mut(handle.0 as usize).map(|entry| &mut entry.value)
    }

    /// Adds an entry, or gives the value back when the table is full. The key must be new.
    ///
    /// # Errors
    /// The value, when the table is full.
    pub fn insert(
        &mut self,
        Hashed { key, hash }: Hashed,
        value: V,
        class: Class,
        now_ns: u64,
    ) -> Result<Handle, V> {
        if self.is_full() {
            return Err(value);
        }
        let place = self.entries.insert(Entry { key, value });
        // Fits, as the capacity does.
        let at = u32::try_from(place).unwrap_or(NONE);
        let node = Node { hash, class, moved_ns: now_ns, older: NONE, newer: NONE };
        match self.nodes.get_mut(place) {
            Some(old) => *old = node,
            // Places are handed out one by one.
            None => self.nodes.push(node),
        }
        let nodes = &self.nodes;
        let hash_of = |at: &u32| nodes.get(*at as usize).map_or(0, |node| node.hash);
        if self.entries.len() > Self::FEW && self.index.len() == self.index.capacity() {
            self.index.reserve(self.capacity.saturating_sub(self.index.len()), hash_of);
        }
        self.index.insert_unique(hash, at, hash_of);
        self.link(at);
        Ok(Handle(at))
    }

    /// Puts an entry at the young end of the list of `class`. `now_ns` must not go backwards from
    /// one call to the next.
    pub fn touch(&mut self, handle: Handle, class: Class, now_ns: u64) {
        if self.entries.contains(handle.0 as usize) {
            self.unlink(handle.0);
            if let Some(node) = self.at_mut(handle.0) {
                (node.class, node.moved_ns) = (class, now_ns);
            }
            self.link(handle.0);
        }
    }

    /// Takes an entry out.
    pub fn remove(&mut self, handle: Handle) -> Option<(Key, V)> {
        if !self.entries.contains(handle.0 as usize) {
            return None;
        }
        self.unlink(handle.0);
        let entry = self.entries.remove(handle.0 as usize);
        let hash = self.at(handle.0).map_or(0, |node| node.hash);
        if let Ok(place) = self.index.find_entry(hash, |at| *at == handle.0) {
            place.remove();
        }
        Some((entry.key, entry.value))
    }

    /// The entry of `class` that was moved longest ago, when that was at `deadline_ns` or before.
    #[must_use]
    pub fn oldest(&self, class: Class, deadline_ns: u64) -> Option<Handle> {
        let at = self.list(class).oldest;
        self.at(at).filter(|node| node.moved_ns <= deadline_ns).map(|_| Handle(at))
    }

    /// An entry of any class that was last moved at `deadline_ns` or before.
    #[must_use]
    pub fn expired(&self, deadline_ns: u64) -> Option<Handle> {
        Class::ALL.into_iter().find_map(|class| self.oldest(class, deadline_ns))
    }

    /// When the entry that was moved longest ago was moved, nanoseconds.
    #[must_use]
    pub fn moved_since_ns(&self) -> Option<u64> {
        let oldest = self.lists.iter().filter_map(|list| self.at(list.oldest));
        oldest.map(|node| node.moved_ns).min()
    }

    /// Who has to leave for a newcomer: closed entries first, then finished ones, then the oldest that
    /// was only opened, then the oldest with something found, then one that waits for bytes without
    /// progress since `stalled_ns`. An entry that is receiving now is never named.
    #[must_use]
    pub fn dispensable(&self, stalled_ns: u64) -> Option<Handle> {
        self.oldest(Class::Closed, u64::MAX)
            .or_else(|| self.oldest(Class::Done, u64::MAX))
            .or_else(|| self.oldest(Class::Opened, u64::MAX))
            .or_else(|| self.oldest(Class::Found, u64::MAX))
            .or_else(|| self.oldest(Class::Receiving, stalled_ns))
    }

    fn list(&self, class: Class) -> &List {
        let [closed, done, opened, found, receiving] = &self.lists;
        match class {
            Class::Closed => closed,
            Class::Done => done,
            Class::Opened => opened,
            Class::Found => found,
            Class::Receiving => receiving,
        }
    }

    fn list_mut(&mut self, class: Class) -> &mut List {
        let [closed, done, opened, found, receiving] = &mut self.lists;
        match class {
            Class::Closed => closed,
            Class::Done => done,
            Class::Opened => opened,
            Class::Found => found,
            Class::Receiving => receiving,
        }
    }

    /// The entry at that place, if there is one.
    fn entry(&self, at: Link) -> Option<&Entry<V>> {
        self.entries.get(at as usize)
    }

    /// The node of an entry that is there, or of none.
    fn at(&self, at: Link) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    fn at_mut(&mut self, at: Link) -> Option<&mut Node> {
        self.nodes.get_mut(at as usize)
    }

    /// Appends an entry that is in no list to the young end of its class's list.
    fn link(&mut self, at: Link) {
        let Some(class) = self.at(at).map(|node| node.class) else { return };
        let list = self.list_mut(class);
        list.len += 1;
        let older = std::mem::replace(&mut list.newest, at);
        match self.at_mut(older) {
            Some(node) => node.newer = at,
            None => self.list_mut(class).oldest = at,
        }
        if let Some(node) = self.at_mut(at) {
            (node.older, node.newer) = (older, NONE);
        }
    }

    /// Takes an entry out of its class's list.
    fn unlink(&mut self, at: Link) {
        let Some(node) = self.at(at) else { return };
        let (class, older, newer) = (node.class, node.older, node.newer);
        self.list_mut(class).len -= 1;
        match self.at_mut(older) {
            Some(node) => node.newer = newer,
            None => self.list_mut(class).oldest = newer,
        }
        match self.at_mut(newer) {
            Some(node) => node.older = older,
            None => self.list_mut(class).newest = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::Endpoint;

    fn key(port: u16) -> Key {
        let end = |port| Endpoint { addr: IpAddr::from([127, 0, 0, 1]), port };
        Key { client: end(port), server: end(443) }
    }

    #[test]
    fn leaves_in_order_of_usefulness() {
        let mut table = Table::new(5);
        table.insert(table.hashed(key(1)), 1, Class::Receiving, 0).unwrap();
        table.insert(table.hashed(key(2)), 2, Class::Found, 1).unwrap();
        table.insert(table.hashed(key(3)), 3, Class::Opened, 2).unwrap();
        table.insert(table.hashed(key(4)), 4, Class::Opened, 3).unwrap();
        let done = table.insert(table.hashed(key(5)), 5, Class::Receiving, 4).unwrap();
        table.touch(done, Class::Done, 5);
        assert_eq!(table.insert(table.hashed(key(6)), 6, Class::Opened, 6), Err(6));
        let mut order = Vec::new();
        while let Some(handle) = table.dispensable(0) {
            order.push(table.remove(handle).unwrap().1);
        }
        assert_eq!(order, [5, 3, 4, 2, 1]);
        assert!(table.is_empty());

        table.insert(table.hashed(key(1)), 1, Class::Receiving, 10).unwrap();
        assert_eq!(table.dispensable(9), None, "still receiving");
    }

    #[test]
    fn expires_by_last_move() {
        let mut table = Table::new(4);
        let first = table.insert(table.hashed(key(1)), 1, Class::Opened, 0).unwrap();
        table.insert(table.hashed(key(2)), 2, Class::Opened, 5).unwrap();
        table.touch(first, Class::Receiving, 8);
        assert_eq!(table.expired(4), None);
        assert_eq!(table.expired(5), table.find(&table.hashed(key(2))));
        let second = table.find(&table.hashed(key(2))).unwrap();
        table.remove(second);
        assert_eq!(table.expired(8), Some(first));
    }

    proptest! {
        /// Against a plain list that is searched: same order, same members, whatever is done.
        #[test]
        fn agrees_with_a_list(steps in prop::collection::vec((0u8..4, 0u16..12, 0usize..5), 0..200)) {
            let mut table = Table::new(8);
            let mut model: Vec<(u16, Class)> = Vec::new();
            for (now, (step, port, class)) in steps.into_iter().enumerate() {
                let (now, class) = (now as u64, Class::ALL[class]);
                let found = table.find(&table.hashed(key(port)));
                prop_assert_eq!(found.is_some(), model.iter().any(|(p, _)| *p == port));
                match (step, found) {
                    (0 | 1, None) => {
                        let added = table.insert(table.hashed(key(port)), port, class, now).is_ok();
                        prop_assert_eq!(added, model.len() < 8);
                        if added { model.push((port, class)) }
                    }
                    (1 | 2, Some(handle)) => {
                        table.touch(handle, class, now);
                        model.retain(|(p, _)| *p != port);
                        model.push((port, class));
                    }
                    (3, Some(handle)) => {
                        prop_assert_eq!(table.remove(handle), Some((key(port), port)));
                        model.retain(|(p, _)| *p != port);
                    }
                    _ => {}
                }
                for class in Class::ALL {
                    let oldest = model.iter().find(|(_, c)| *c == class).map(|(p, _)| key(*p));
                    let found = table.oldest(class, u64::MAX).and_then(|handle| table.key(handle));
                    prop_assert_eq!(found, oldest);
                    let count = model.iter().filter(|(_, c)| *c == class).count();
                    prop_assert_eq!(table.count(class), count);
                }
                prop_assert_eq!(table.len(), model.len());
            }
        }
    }
}
