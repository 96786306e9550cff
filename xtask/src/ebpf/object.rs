//! The compiled object, without what only a debugger reads.

use anyhow::{Context, Result, bail};
use object::build::elf::{Builder, SectionData};
use object::elf;

/// Removes the DWARF sections. What the kernel reads stays: code, maps, BTF and its line table.
pub(crate) fn strip(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object).context("the linker's output is no ELF object")?;
    for section in &mut builder.sections {
        let name = section.name.to_string();
        if name.starts_with(".debug") || name.starts_with(".rel.debug") {
            section.delete = true;
        }
    }
    builder.delete_orphans();
    // LLVM keeps section names and symbol names in one table; the writer wants two.
    if !builder.sections.iter().any(|section| matches!(section.data, SectionData::SectionString)) {
        let names = builder.sections.add();
        names.name = ".shstrtab".into();
        names.sh_type = elf::SHT_STRTAB;
        names.data = SectionData::SectionString;
    }
    if !builder.sections.iter().any(|section| section.name.to_string() == ".BTF") {
        bail!("the linker's output has no BTF");
    }
    let mut stripped = Vec::new();
    builder.write(&mut stripped).context("cannot write the object")?;
    Ok(stripped)
}

#[cfg(test)]
mod tests {
    use object::write::Object;
    use object::{
        Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _, SectionKind,
    };

    use super::*;

    fn elf_with(sections: &[&str]) -> Vec<u8> {
        let mut elf = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
        for name in sections {
            let id = elf.add_section(Vec::new(), name.as_bytes().to_vec(), SectionKind::Other);
            elf.append_section_data(id, b"data", 1);
        }
        elf.write().unwrap()
    }

    #[test]
    fn dwarf_goes_and_btf_stays() {
        let stripped = strip(&elf_with(&["maps", ".BTF", ".debug_info", ".debug_str"])).unwrap();
        let read = object::File::parse(&*stripped).unwrap();
        assert_eq!(read.section_by_name(".BTF").unwrap().data().unwrap(), b"data");
        assert!(read.section_by_name("maps").is_some());
        assert!(read.section_by_name(".debug_info").is_none());
        assert!(!stripped.windows(6).any(|window| window == b".debug"));
    }

    #[test]
    fn an_object_without_btf_is_refused() {
        assert!(strip(&elf_with(&["maps"])).is_err());
        assert!(strip(b"no ELF").is_err());
    }
}
