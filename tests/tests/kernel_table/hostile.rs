//! Bytes that nobody meant to send: the program and the agent's decoder must judge them alike.

use ja4sentinel::capture::ebpf::PROGRAMS;
use ja4sentinel_tests::frames::{CUSTOMER_TAG, SERVICE_TAG};

use crate::bench::{Bench, client4, client6, data, hello, syn};

/// Spoilt frames in one run.
const SPOILT: u32 = 8_000;

/// Frames of each form, to cut and to spoil.
pub(crate) fn forms() -> Vec<Vec<u8>> {
    let short = || data(client4(), 1, hello(40));
    let short6 = || data(client6(), 1, hello(40));
    let mut forms = vec![
        short().frame(),
        short().options([]).frame(),
        short().ip_options([1; 12]).frame(),
        short().tag(CUSTOMER_TAG, 5).frame(),
        short6().tag(SERVICE_TAG, 5).tag(CUSTOMER_TAG, 6).frame(),
        short6().frame(),
        short6()
            .extension(0, [1, 4, 0, 0, 0, 0])
            .extension(60, [1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
            .frame(),
        syn(client4(), 1).frame(),
        syn(client6(), 1).frame(),
    ];
    forms.extend(short().fragments(&[8, 32]));
    forms.extend(short6().fragments(&[8, 32]));
    forms
}

fn judge(bench: &mut Bench, bytes: &[u8], what: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (program, raw) in PROGRAMS.into_iter().zip([false, true]) {
        let bytes = if raw { bytes.get(14..).unwrap_or_default() } else { bytes };
        if bytes.len() < shortest(bytes) {
            continue;
        }
        let seen = bench.see(program, bytes);
        if let Some(fault) = bench.disagreement(bytes, raw, seen.verdict) {
            wrong.push(format!("{program}: {what}: {fault}\n    {bytes:02x?}"));
        }
    }
    wrong
}

/// The shortest frame that the kernel runs: an Ethernet header and something behind it; where this
/// is plain IP, its header. So runts inside that header have a VLAN tag, or no link header.
fn shortest(bytes: &[u8]) -> usize {
    match bytes.get(12..14) {
        Some([8, 0]) => 14 + 20,
        Some([0x86, 0xdd]) => 14 + 40,
        _ => 14 + 1,
    }
}

/// Every form, cut at every length.
pub(crate) fn runts(bench: &mut Bench, forms: &[Vec<u8>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        for len in 1..=form.len() {
            wrong.extend(judge(bench, &form[..len], &format!("form {number} cut to {len}")));
        }
    }
    wrong
}

/// Forms with some header bytes replaced, by a generator with a fixed start.
pub(crate) fn garbage(bench: &mut Bench, forms: &[Vec<u8>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut random = Random(0x6a61_3473_656e_7469);
    for round in 0..SPOILT {
        let mut bytes = forms[random.below(forms.len())].clone();
        for _ in 0..=random.below(4) {
            let at = 12 + random.below(bytes.len().min(90) - 12);
            bytes[at] = random.byte();
        }
        wrong.extend(judge(bench, &bytes, &format!("round {round}")));
        if wrong.len() > 10 {
            break;
        }
    }
    wrong
}

/// Marsaglia's xorshift64*: good enough to spoil bytes, and the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// Small numbers and interesting ones come often, as header fields hold such.
    fn byte(&mut self) -> u8 {
        const FIELDS: [u8; 16] =
            [0, 1, 4, 6, 8, 0x11, 0x2b, 0x2c, 0x33, 0x3c, 0x45, 0x60, 0x81, 0x86, 0x88, 0xdd];
        if self.next().is_multiple_of(2) {
            FIELDS[self.below(FIELDS.len())]
        } else {
            self.next().to_le_bytes()[0]
        }
    }
}
