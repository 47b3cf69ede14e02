//! Reads the `console` blocks of a runbook, and compares what they show with what was printed.
//!
//! A line that begins with `$ ` is a command, lines with `> ` after it continue it, and what follows is its output. `…` stands
//! for anything in a line, and a line of nothing else for any number of lines. How wide a column is does not matter.

/// A command of a runbook, and what it is said to print.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) command: String,
    pub(super) shown: Vec<String>,
}

/// The steps of a page; where `part` names a heading, only those below it.
pub(super) fn steps(page: &str, part: Option<&str>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut in_block, mut in_part) = (false, part.is_none());
    for (index, line) in page.lines().enumerate() {
        if let (Some(part), Some(heading)) = (part, line.strip_prefix("## ")) {
            in_part = heading == part;
        }
        if line.starts_with("```") {
            in_block = line == "```console";
        } else if in_block && in_part {
            let last = steps.last_mut();
            let more = if line == ">" {
                Some("")
            } else {
                line.strip_prefix("> ")
            };
            match (line.strip_prefix("$ "), more, last) {
                (Some(command), ..) => steps.push(Step {
                    line: index + 1,
                    command: command.to_owned(),
                    shown: Vec::new(),
                }),
                (_, Some(more), Some(step)) if step.shown.is_empty() => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                (.., Some(step)) => step.shown.push(line.trim_end().to_owned()),
                (.., None) => panic!("line {}: output of no command: {line}", index + 1),
            }
        }
    }
    steps
}

/// Whether these lines are what a runbook shows.
pub(super) fn is_shown(shown: &[String], printed: &[&str]) -> bool {
    match (shown, printed) {
        ([], printed) => printed.is_empty(),
        ([any, rest @ ..], printed) if any == "…" => {
            (0..=printed.len()).any(|skipped| is_shown(rest, &printed[skipped..]))
        }
        (_, []) => false,
        ([line, shown @ ..], [first, printed @ ..]) => {
            is_line(&narrow(line), &narrow(first)) && is_shown(shown, printed)
        }
    }
}

fn narrow(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_line(shown: &str, printed: &str) -> bool {
    match shown.split_once('…') {
        None => shown == printed,
        Some((start, rest)) => printed.strip_prefix(start).is_some_and(|printed| {
            let places = printed.char_indices().map(|(at, _)| at);
            let mut places = places.chain([printed.len()]);
            places.any(|at| is_line(rest, &printed[at..]))
        }),
    }
}

#[test]
fn blocks_are_read_and_compared_line_by_line() {
    let page = "## One\n```console\n$ a\n$ b \\\n> c\nout …\n```\n## Two\n```sh\n$ no\n```\n```console\n$ d\n```\n";
    let step = |line, command: &str, shown: &[&str]| Step {
        line,
        command: command.to_owned(),
        shown: shown.iter().map(|line| (*line).to_owned()).collect(),
    };
    let (first, second) = (step(3, "a", &[]), step(4, "b \\\nc", &["out …"]));
    assert_eq!(steps(page, Some("One")), [first, second]);
    assert_eq!(steps(page, Some("Two")), [step(13, "d", &[])]);
    assert_eq!(steps(page, None).len(), 3);

    for (shown, printed, is) in [
        ("", "", true),
        ("a", "a", true),
        ("a", "a b", false),
        ("a", "", false),
        ("", "a", false),
        ("a … c", "a b c", true),
        ("a …", "a b c", true),
        ("… b …", "a b c", true),
        ("a b", "a   b", true),
        ("… d …", "a b c", false),
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a\n…", "a", true),
        ("…\nd", "a\nb", false),
    ] {
        let lines = |text: &'static str| text.lines().collect::<Vec<_>>();
        let owned: Vec<String> = lines(shown).into_iter().map(str::to_owned).collect();
        assert_eq!(
            is_shown(&owned, &lines(printed)),
            is,
            "{shown:?} {printed:?}"
        );
    }
}
