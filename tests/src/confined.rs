//! Programs as a service manager or a container starts them: as some user, in some root, with some
//! capabilities and no way to any other.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::netns::Namespace;
use crate::process::find_program;

/// Gives the root `$1` the kernel's file systems, as containers have them, and goes on with the rest.
/// Nobody else sees them, and nobody has to unmount them.
const WITH_KERNEL: &str = "
root=$1
shift
mkdir -p \"$root/proc\" \"$root/sys\"
mount -t proc proc \"$root/proc\"
mount -t sysfs sysfs \"$root/sys\"
exec \"$@\"
";

/// What a program is confined to.
#[derive(Debug)]
pub struct Confinement<'a> {
    /// User and group. Who is not root gets the capabilities as ambient ones.
    pub user: u32,
    /// Names as in capabilities(7), of any case.
    pub capabilities: &'a [&'a str],
    /// The folder that is its root; `None` for the machine's own.
    pub root: Option<&'a Path>,
}

impl Confinement<'_> {
    /// A command that runs `program`, a path below the root, inside the namespace.
    pub fn command(&self, namespace: &Namespace, program: &str) -> Result<Command> {
        let capsh = find_program("capsh").context("no `capsh` program: install libcap2-bin")?;
        let wanted: Vec<String> =
            self.capabilities.iter().map(|name| name.to_ascii_lowercase()).collect();
        let known = known(&capsh)?;
        for name in &wanted {
            ensure!(known.contains(name), "this machine does not give {name}");
        }
        let others = known.iter().filter(|name| !wanted.contains(name));

        let mut command = match self.root {
            None => namespace.command(capsh),
            Some(root) => {
                let mut command = namespace.command("unshare");
                command.args(["--mount", "sh", "-e", "-c", WITH_KERNEL, "sh"]).arg(root);
                command.arg(capsh).arg(format!("--chroot={}", root.display()));
                command
            }
        };
        if self.user == 0 {
            let others: Vec<&str> = others.map(String::as_str).collect();
            command.arg(format!("--drop={}", others.join(",")));
        } else {
            // Others leave the bounding set; what is wanted becomes ambient.
            let kept = wanted.iter().map(|name| format!("^{name}"));
            let vectors: Vec<String> = others.map(|name| format!("!{name}")).chain(kept).collect();
            command.args(["--groups=", &format!("--gid={}", self.user)]);
            command.arg(format!("--cap-uid={}", self.user));
            command.arg(format!("--iab={}", vectors.join(",")));
        }
        command.arg("--no-new-privs").arg(format!("--shell={program}")).arg("--");
        Ok(command)
    }
}

/// The capabilities that this process could pass on.
fn known(capsh: &Path) -> Result<Vec<String>> {
    let output = Command::new(capsh).arg("--print").output().context("cannot start capsh")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("Bounding set ="));
    Ok(line.context("capsh shows no bounding set")?.split(',').map(str::to_owned).collect())
}
