//! Kernel modules: found in an unpacked kernel, decompressed, in the order in which they load.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::{Object as _, ObjectSection as _};

use crate::process;

/// One module, ready for `insmod`.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The named modules and all that they need, each after what it needs. A module that is built
/// into the kernel is left out.
pub(crate) fn load_order(folder: &Path, wanted: &[&str]) -> Result<Vec<Module>> {
    let mut order = Vec::new();
    for name in wanted {
        add(folder, name, &mut order)?;
    }
    Ok(order)
}

fn add(folder: &Path, name: &str, order: &mut Vec<Module>) -> Result<()> {
    if order.iter().any(|module| module.name == name) {
        return Ok(());
    }
    let Some(path) = find(&folder.join("kernel"), name)? else {
        let builtin = std::fs::read_to_string(folder.join("modules.builtin")).unwrap_or_default();
        if builtin.lines().any(|line| line.ends_with(&format!("/{name}.ko"))) {
            return Ok(());
        }
        bail!("the kernel in {} has no module {name}", folder.display());
    };
    let bytes = read(&path)?;
    for needed in depends(&bytes).with_context(|| format!("{} is no module", path.display()))? {
        add(folder, &needed, order)?;
    }
    order.push(Module { name: name.to_owned(), bytes });
    Ok(())
}

/// The file of a module, which may be compressed. Names take `_` for `-`.
fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name)? {
                return Ok(Some(found));
            }
            continue;
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
        if file.strip_prefix(name).is_some_and(|rest| rest == ".ko" || rest.starts_with(".ko.")) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => return std::fs::read(path).with_context(|| format!("cannot read {}", path.display())),
    };
    process::output_bytes(Command::new(program).arg("-dc").arg(path))
}

/// The modules that this one's `.modinfo` section names.
fn depends(module: &[u8]) -> Result<Vec<String>> {
    let elf = object::File::parse(module)?;
    let info = elf.section_by_name(".modinfo").context("no .modinfo section")?.data()?;
    Ok(info
        .split(|byte| *byte == 0)
        .filter_map(|field| field.strip_prefix(b"depends="))
        .flat_map(|list| list.split(|byte| *byte == b','))
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).replace('-', "_"))
        .collect())
}

#[cfg(test)]
mod tests {
    use object::write::Object;
    use object::{Architecture, BinaryFormat, Endianness, SectionKind};

    use super::*;

    #[test]
    fn a_module_names_what_it_needs() {
        let mut elf = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let id = elf.add_section(Vec::new(), b".modinfo".to_vec(), SectionKind::Other);
        elf.append_section_data(id, b"license=GPL\0depends=llc,ip6-tunnel\0name=x\0", 1);
        assert_eq!(depends(&elf.write().unwrap()).unwrap(), ["llc", "ip6_tunnel"]);
        assert!(depends(b"no module").is_err());
    }
}
