//! Writes down in a few kilobytes how letters fold (`src/letters.rs`), as the standard library of this very compiler folds them. Its own
//! tables are 25 KB, 11 of them after gzip, and every isolate would load them.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// Letters at even distances that all become the letter at the same distance.
struct Run {
    first: u32,
    last: u32,
    step: u32,
    to: i64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut runs: Vec<Run> = Vec::new();
    let mut several = Vec::new();
    for letter in '\u{80}'..=char::MAX {
        let folded: Vec<char> = letter.to_uppercase().flat_map(char::to_lowercase).collect();
        match *folded {
            [one] if one == letter => {}
            [one] => add(&mut runs, letter.into(), one.into()),
            [one, two] => several.push((letter, [one, two, '\0'])),
            [one, two, three] => several.push((letter, [one, two, three])),
            _ => return Err(format!("{letter:?} becomes {folded:?}").into()),
        }
    }
    let mut table = String::new();
    writeln!(table, "static RUNS: [Run; {}] = [", runs.len())?;
    for Run {
        first,
        last,
        step,
        to,
    } in runs
    {
        writeln!(table, "    ({first}, {last}, {step}, {to}),")?;
    }
    writeln!(table, "];")?;
    writeln!(
        table,
        "static SEVERAL: [(char, [char; 3]); {}] = ",
        several.len()
    )?;
    writeln!(table, "{several:?};")?;
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no folder")?);
    fs::write(folder.join("letters.rs"), table)?;
    Ok(())
}

/// Prolongs the last run where it goes on, and begins another where it does not.
fn add(runs: &mut Vec<Run>, letter: u32, folded: u32) {
    let to = i64::from(folded) - i64::from(letter);
    if let Some(run) = runs.last_mut() {
        let step = letter - run.last;
        if run.to == to && (step == run.step || (run.first == run.last && step <= 2)) {
            (run.last, run.step) = (letter, step);
            return;
        }
    }
    runs.push(Run {
        first: letter,
        last: letter,
        step: 1,
        to,
    });
}
