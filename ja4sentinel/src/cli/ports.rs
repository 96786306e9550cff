//! Lists of ports as they are typed.

use ja4sentinel::sensor::PortSet;

/// Reads `any`, or ports and ranges of ports between commas: `443,8443,9000-9010`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<PortSet, String> {
    if text.trim() == "any" {
        return Ok(PortSet::any());
    }
    let mut set = PortSet::none();
    for item in text.split(',').map(str::trim) {
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        match (port(from), port(to)) {
            (Some(from), Some(to)) if from <= to => (from..=to).for_each(|port| set.insert(port)),
            _ => return Err(format!("\"{item}\" is no port (1 to 65535) and no range of ports")),
        }
    }
    Ok(set)
}

fn port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_ranges_and_any() {
        let set = parse("443, 9000-9002").unwrap();
        let ports: Vec<u16> = (1..=u16::MAX).filter(|port| set.contains(*port)).collect();
        assert_eq!(ports, [443, 9000, 9001, 9002]);
        assert_eq!(parse("any").unwrap(), PortSet::any());
        for wrong in ["", "0", "65536", "443,", "9-8", "https", "443;8443"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
