//! Whether an agent that runs here sees nothing of an interface's hellos: it knows best.

use std::path::Path;

use serde_json::Value;

use super::Check;
use crate::agent::control::{Request, ask};

/// Asks the agent at this control socket, if one is there.
pub(super) fn check(socket: Option<&Path>) -> Vec<Check> {
    const NAME: &str = "hellos of the running agent";
    // Without an agent there is nothing to ask.
    let Some(Ok(stats)) = socket.map(|socket| ask(socket, &Request::Stats)) else {
        return Vec::new();
    };
    let all = stats.get("interfaces").and_then(Value::as_array).map(Vec::as_slice);
    let is_bypassed = |one: &&Value| one.get("bypassed") == Some(&Value::Bool(true));
    let bypassed = all.unwrap_or_default().iter().filter(is_bypassed);
    let names: Vec<&str> =
        bypassed.filter_map(|one| one.get("name").and_then(Value::as_str)).collect();
    if names.is_empty() {
        return vec![Check::ok(NAME, "they are not taken away before it on any interface")];
    }
    let found = format!(
        "they come in on {}, and another program takes them away before the agent's",
        names.join(", ")
    );
    let remedy = "start the agent after the other program, so that it goes first; with \
                  core.tcx_order: first or a core.tc_priority below the other's. The lines \
                  `traffic control` name what is there";
    vec![Check::warning(NAME, found, remedy)]
}
