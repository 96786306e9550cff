//! A further condition on frames (`core.bpf_filter`) for a backend that cannot judge it itself.

use anyhow::Result;

#[cfg(feature = "libpcap")]
use crate::capture::pcap::Expression;
use crate::sensor::Stage;
use crate::wire::Frame;

/// An expression in libpcap's language, or none.
#[derive(Default)]
pub(super) struct Condition {
    #[cfg(feature = "libpcap")]
    expression: Option<Expression>,
    admitted: u64,
    left_out: u64,
}

impl Condition {
    /// Compiles the expression, if there is one.
    ///
    /// # Errors
    /// libpcap refuses it, or this program was built without libpcap.
    #[cfg(feature = "libpcap")]
    pub(super) fn new(text: Option<&str>) -> Result<Self> {
        Ok(Self { expression: text.map(Expression::new).transpose()?, ..Self::default() })
    }

    #[cfg(not(feature = "libpcap"))]
    pub(super) fn new(text: Option<&str>) -> Result<Self> {
        if let Some(text) = text {
            anyhow::bail!(
                "the filter \"{text}\" needs libpcap, which this program was built without"
            );
        }
        Ok(Self::default())
    }

    /// Another one from now on; the counts go on.
    pub(super) fn replace(&mut self, mut other: Self) {
        (other.admitted, other.left_out) = (self.admitted, self.left_out);
        *self = other;
    }

    /// Whether the frame meets it.
    pub(super) fn admits(&mut self, frame: &Frame<'_>) -> bool {
        #[cfg(feature = "libpcap")]
        if let Some(expression) = &mut self.expression
            && !expression.matches(frame)
        {
            self.left_out += 1;
            return false;
        }
        let _ = frame;
        self.admitted += 1;
        true
    }

    /// What it did; nothing when there is no expression.
    pub(super) fn stage(&self) -> Option<Stage> {
        (self.left_out > 0).then(|| Stage {
            name: "bpf_filter".to_owned(),
            taken: self.admitted + self.left_out,
            passed: self.admitted,
            left_out: vec![("not_matched", self.left_out)],
            ..Stage::default()
        })
    }
}
