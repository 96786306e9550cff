//! What the classifier does with each kind of packet, as the kernel itself runs it
//! (`BPF_PROG_TEST_RUN`), and that the agent's own decoder judges the same bytes alike.
//!
//! Every row goes through both programs (with and without Ethernet header) where that makes sense.
//! A row's packets share a connection of its own, so rows do not disturb each other.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod fragments;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod selection;

use bench::{Bench, Row};

#[test]
fn every_row_gets_its_verdicts() {
    let mut bench = Bench::new();
    let mut wrong = Vec::new();
    let tables = [rows::all(), selection::all(), fragments::all()];
    for (number, row) in (0..).zip(tables.into_iter().flatten()) {
        for program in Row::PROGRAMS {
            wrong.extend(bench.run(&row, number, program));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
    bench.verdicts_add_up();
}

#[test]
fn runts_of_every_length_are_judged_as_the_decoder_judges_them() {
    let mut bench = Bench::new();
    let wrong = hostile::runts(&mut bench);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    bench.verdicts_add_up();
}

#[test]
fn garbage_is_judged_as_the_decoder_judges_it() {
    let mut bench = Bench::new();
    let wrong = hostile::garbage(&mut bench);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    bench.verdicts_add_up();
}
