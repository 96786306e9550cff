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
mod recent;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod selection;
#[cfg(test)]
mod tunnels;

use bench::{Bench, Row};

/// As deep as the program goes at the most.
const DEEPEST: u8 = 4;

/// Runs the rows through both programs.
fn run(bench: &mut Bench, rows: impl IntoIterator<Item = Row>) {
    let mut wrong = Vec::new();
    for (number, row) in (0..).zip(rows) {
        for program in Row::PROGRAMS {
            wrong.extend(bench.run(&row, number, program));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
    bench.verdicts_add_up();
}

#[test]
fn every_row_gets_its_verdicts() {
    let tables = [rows::all(), selection::all(), fragments::all()];
    run(&mut Bench::new(0), tables.into_iter().flatten());
}

#[test]
fn tunnels_are_looked_into_as_deep_as_the_agent_says() {
    for depth in 0..=DEEPEST {
        println!("depth {depth}");
        run(&mut Bench::new(depth), tunnels::all(depth));
    }
}

#[test]
fn what_is_in_no_tunnel_is_judged_alike_at_any_depth() {
    let tables = [rows::all(), selection::all(), fragments::all()];
    run(&mut Bench::new(DEEPEST), tables.into_iter().flatten());
}

#[test]
fn runts_of_every_length_are_judged_as_the_decoder_judges_them() {
    for (depth, forms) in [(0, hostile::forms()), (DEEPEST, tunnels::forms())] {
        let mut bench = Bench::new(depth);
        let wrong = hostile::runts(&mut bench, &forms);
        assert!(wrong.is_empty(), "depth {depth}: {}", wrong.join("\n"));
        bench.verdicts_add_up();
    }
}

#[test]
fn garbage_is_judged_as_the_decoder_judges_it() {
    for (depth, forms) in [(0, hostile::forms()), (DEEPEST, tunnels::forms())] {
        let mut bench = Bench::new(depth);
        let wrong = hostile::garbage(&mut bench, &forms);
        assert!(wrong.is_empty(), "depth {depth}: {}", wrong.join("\n"));
        bench.verdicts_add_up();
    }
}
