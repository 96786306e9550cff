//! Small eBPF programs, as other software on a host has them.

use object::write::{Object, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};

/// An object with one program that returns `verdict`.
pub(crate) fn returning(section: &str, name: &str, verdict: i32) -> Vec<u8> {
    // r0 = verdict; exit
    let move_immediate = [&[0xb7, 0, 0, 0], &verdict.to_le_bytes()[..]].concat();
    let code = [&move_immediate[..], &[0x95, 0, 0, 0, 0, 0, 0, 0]].concat();
    let mut elf = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let mut add = |name: &str, kind, bytes: &[u8]| {
        let id = elf.add_section(Vec::new(), name.as_bytes().to_vec(), kind);
        elf.append_section_data(id, bytes, 8);
        id
    };
    add("license", SectionKind::Data, b"GPL\0");
    let text = add(section, SectionKind::Text, &code);
    elf.add_symbol(Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size: code.len() as u64,
        kind: SymbolKind::Text,
        scope: SymbolScope::Dynamic,
        weak: false,
        section: SymbolSection::Section(text),
        flags: SymbolFlags::None,
    });
    elf.write().expect("an object")
}
