//! A capture file for several readers: it is read once, and taken apart once.

use std::ops::Range;
use std::sync::Arc;

use super::{CaptureFile, FileError};
use crate::capture::{Captured, Source};
use crate::wire::{Frame, LinkType, shard};

/// A capture file that is read block by block.
pub struct Blocks {
    file: CaptureFile,
    /// How many share each block.
    readers: usize,
    /// The first frame of the next block and whose it is, where the last one has shown that it ends.
    next: Option<(usize, Item)>,
}

/// What lies in one piece of memory of a file, each frame for one of the readers.
#[derive(Default)]
pub struct Block {
    memory: Vec<u8>,
    /// Of each reader, in the order of the file.
    parts: Vec<Vec<Item>>,
}

#[derive(Clone)]
enum Item {
    Frame(Place),
    Interface { index: u32, name: Arc<str> },
}

/// A frame whose bytes lie in its block's memory: what a file can say of it.
#[derive(Clone)]
struct Place {
    timestamp_ns: u64,
    bytes: Range<usize>,
    interface: u32,
    original_len: u32,
    link: LinkType,
}

impl Blocks {
    /// Shares out what is left of `file` by [`shard`].
    #[must_use]
    pub fn of(file: CaptureFile, readers: usize) -> Self {
        Self { file, readers, next: None }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &CaptureFile {
        &self.file
    }

    /// Reads on, over what is in `block`. False says that the file has ended: nothing follows.
    ///
    /// # Errors
    /// Those of the file; the block then holds what comes before the fault.
    pub fn read(&mut self, block: &mut Block) -> Result<bool, FileError> {
        block.parts.resize_with(self.readers, Vec::new);
        block.parts.iter_mut().for_each(Vec::clear);
        self.file.window.go_on_in(std::mem::take(&mut block.memory));
        let read = self.fill(block);
        block.memory = self.file.window.leave();
        read
    }

    fn fill(&mut self, block: &mut Block) -> Result<bool, FileError> {
        if let Some((reader, first)) = self.next.take() {
            block.push(reader, first);
        }
        while let Some(captured) = self.file.next()? {
            let frame = match captured {
                Captured::Frame(frame) => frame,
                Captured::Interface { index, name } => {
                    let item = Item::Interface { index, name };
                    block.parts.iter_mut().for_each(|part| part.push(item.clone()));
                    continue;
                }
            };
            let Frame { timestamp_ns, interface, original_len, link, bytes, .. } = frame;
            let (reader, bytes) = (shard(&frame, self.readers), bytes.as_ptr_range());
            let bytes = self.file.window.place(bytes);
            let item = Item::Frame(Place { timestamp_ns, bytes, interface, original_len, link });
            if self.file.window.has_left() {
                self.next = Some((reader, item));
                return Ok(true);
            }
            block.push(reader, item);
        }
        Ok(false)
    }
}

impl Block {
    /// What is in it for one of the readers.
    pub fn part(&self, reader: usize) -> impl Iterator<Item = Captured<'_>> {
        self.parts.get(reader).into_iter().flatten().map(|item| match item {
            Item::Frame(place) => Captured::Frame(Frame {
                timestamp_ns: place.timestamp_ns,
                interface: place.interface,
                link: place.link,
                vlan: None,
                bytes: self.memory.get(place.bytes.clone()).unwrap_or_default(),
                original_len: place.original_len,
                skipped_payload: 0,
                unverified: false,
            }),
            Item::Interface { index, name } => {
                Captured::Interface { index: *index, name: Arc::clone(name) }
            }
        })
    }

    fn push(&mut self, reader: usize, item: Item) {
        if let Some(part) = self.parts.get_mut(reader) {
            part.push(item);
        }
    }
}
