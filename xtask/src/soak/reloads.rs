//! Other configurations, right ones and wrong ones, one after the other.

use std::time::Duration;

use anyhow::{Result, ensure};
use ja4sentinel_tests::process::wait_until;

use super::configuration::Variant;
use super::phase::Step;
use super::stage::Stage;

/// Between two of them.
const PAUSE: Duration = Duration::from_secs(5);
/// How soon the agent has to answer.
const ANSWERED: Duration = Duration::from_secs(60);
/// What it says.
const TAKEN: &str = "configuration taken over";
const REFUSED: &str = "the configuration stays as it was";

/// Reloads until the load ends, and goes back to the first one then. Gives how often it did.
pub(super) fn run(stage: &Stage) -> Result<u64> {
    let mut times = 0;
    for variant in Variant::ALL.into_iter().cycle() {
        if !stage.phase.rest(Step::Load, PAUSE) {
            break;
        }
        reload(stage, variant)?;
        times += 1;
    }
    reload(stage, Variant::Plain)?;
    Ok(times + 1)
}

fn reload(stage: &Stage, variant: Variant) -> Result<()> {
    let said = |text: &str| stage.agent.log().matches(text).count();
    let (answer, other) = match variant.is_right() {
        true => (TAKEN, REFUSED),
        false => (REFUSED, TAKEN),
    };
    let (before, others) = (said(answer), said(other));
    stage.configure(variant)?;
    stage.agent.signal(libc::SIGHUP);
    let answered = wait_until(ANSWERED, || said(answer) > before);
    ensure!(answered && said(other) == others, "{variant:?}: {}", stage.agent.log());
    Ok(())
}
