//! What one check came to.

use serde::Serialize;

/// How well it is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// The agent runs, but not as well as it could, or as is asked for.
    Warning,
    /// The agent cannot run, or cannot do what the configuration asks for.
    Failed,
}

impl Status {
    /// Its name in text and JSON.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: `kernel`, `capabilities`, `output stdout`.
    pub check: String,
    /// How it is.
    pub status: Status,
    /// What was found, in words, on one line.
    pub found: String,
    /// What to do about it; `None` when nothing has to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    pub(super) fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        let (check, found) = (check.into(), found.into());
        Self { check, status: Status::Ok, found, remedy: None }
    }

    /// One that is not well; `status` says how bad.
    pub(super) fn bad(
        check: impl Into<String>,
        status: Status,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        // The words of others may have several lines.
        let found = found.into().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { check: check.into(), status, found, remedy: Some(remedy.into()) }
    }

    /// One that costs something, but not the agent's work.
    pub(super) fn warning(
        check: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::bad(check, Status::Warning, found, remedy)
    }

    /// One without which the agent cannot do its work.
    pub(super) fn failed(
        check: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::bad(check, Status::Failed, found, remedy)
    }
}
