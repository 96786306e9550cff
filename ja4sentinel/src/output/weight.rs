//! How much memory a waiting record holds.

use crate::record::Record;

/// Bytes that a record holds, its texts and lists included. A client decides how long most of them
/// are: a hello of 64 KiB makes a record of half a megabyte.
pub(super) fn weight(record: &Record) -> u64 {
    let texts = [
        record.tcp_meta_options.len(),
        record.ja4.len(),
        record.ja4_hash.len(),
        record.ja3.len(),
        record.ja3_hash.len(),
        record.ja4_r.len(),
        record.ja4_o.len(),
        record.ja4_ro.len(),
        record.sni.as_ref().map_or(0, |name| name.as_str().len()),
    ];
    let alpn = record.alpn.iter().map(|name| size_of_val(name) + name.as_str().len());
    let lists = [
        record.tcp_meta_option_kinds.len(),
        size_of_val(record.supported_versions.as_slice()),
        size_of_val(record.vlan.as_slice()),
        size_of_val(record.oddities.as_slice()),
    ];
    let variable = texts.into_iter().chain(alpn).chain(lists).sum::<usize>();
    (size_of::<Record>() + variable) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;
    use crate::record::Text;

    #[test]
    fn what_a_client_makes_long_weighs() {
        let plain = weight(&sample::record());
        let mut record = sample::record();
        record.ja3 += &"x".repeat(1000);
        record.sni = Some(Text::new(&[b'y'; 1000]));
        record.alpn.extend((0..100).map(|_| Text::new(b"0123456789")));
        assert!(weight(&record) >= plain + 2900, "{plain} {}", weight(&record));
    }
}
