//! IEEE 802.11 data frames.

use super::WireError;
use super::span::Span;

/// The LLC header and payload of a data frame: IEEE 802.11-2020, sections 9.2 and 9.3.2.
pub(super) fn read(span: Span<'_>) -> Result<Span<'_>, WireError> {
    const TYPE: u8 = 0x0c;
    const TYPE_DATA: u8 = 0x08;
    const NO_DATA: u8 = 0x40;
    const QOS: u8 = 0x80;
    const BOTH_SYSTEMS: u8 = 0x03;
    const MORE_FRAGMENTS: u8 = 0x04;
    const PROTECTED: u8 = 0x40;
    const HT_CONTROL: u8 = 0x80;
    const AGGREGATE: u8 = 0x80;

    let ([kind, flags], _) = span.take::<2>(WireError::LinkRunt)?;
    if kind & TYPE != TYPE_DATA || kind & NO_DATA != 0 {
        return Err(WireError::NotIp);
    }
    if flags & PROTECTED != 0 {
        return Err(WireError::Encrypted);
    }
    let (header, mut rest) = span.take::<24>(WireError::LinkRunt)?;
    let [.., sequence_low, _] = header;
    if flags & MORE_FRAGMENTS != 0 || sequence_low & 0x0f != 0 {
        return Err(WireError::UnsupportedForm);
    }
    if flags & BOTH_SYSTEMS == BOTH_SYSTEMS {
        rest = rest.skip(6, WireError::LinkRunt)?;
    }
    if kind & QOS != 0 {
        let ([qos, _], behind) = rest.take::<2>(WireError::LinkRunt)?;
        if qos & AGGREGATE != 0 {
            return Err(WireError::UnsupportedForm);
        }
        rest = behind;
        if flags & HT_CONTROL != 0 {
            rest = rest.skip(4, WireError::LinkRunt)?;
        }
    }
    Ok(rest)
}
