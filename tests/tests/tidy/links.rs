//! Links in the documents lead somewhere: to a file of the checkout, and to a heading that is there.

use std::path::{Component, Path, PathBuf};

use crate::tree::{files, is_kind, none, text};

#[test]
fn links_between_documents_resolve() {
    let documents: Vec<_> = files()
        .into_iter()
        .filter(|path| is_kind(path, &["md"]))
        .collect();
    assert!(
        documents.iter().any(|path| path.ends_with("README.md")),
        "there is a README"
    );
    let mut offences = Vec::new();
    for document in &documents {
        let source = text(document).unwrap_or_default();
        for (line, target) in links(&source) {
            if target.starts_with("http:")
                || target.starts_with("https:")
                || target.starts_with("mailto:")
            {
                continue;
            }
            let (path, heading) = target
                .split_once('#')
                .map_or((target.as_str(), None), |(path, heading)| {
                    (path, Some(heading))
                });
            let file = if path.is_empty() {
                document.clone()
            } else {
                resolve(document, path)
            };
            if !xtask::workspace::root().join(&file).exists() {
                offences.push(format!(
                    "{}:{line}: {target} leads nowhere",
                    document.display()
                ));
            } else if let Some(heading) = heading.filter(|_| is_kind(&file, &["md"])) {
                let there = text(&file).unwrap_or_default();
                if !headings(&there).iter().any(|slug| slug == heading) {
                    offences.push(format!(
                        "{}:{line}: {} has no heading #{heading}",
                        document.display(),
                        file.display()
                    ));
                }
            }
        }
    }
    none("a link leads somewhere", &offences);
}

/// `[text](target)` outside code, with its line.
fn links(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(source) {
        for piece in line.split("](").skip(1) {
            if let Some((target, _)) = piece.split_once(')') {
                let target = target.split_whitespace().next().unwrap_or_default();
                found.push((number, target.to_owned()));
            }
        }
    }
    found
}

/// The headings as the addresses by which they are linked.
fn headings(source: &str) -> Vec<String> {
    let is_kept = |c: &char| c.is_alphanumeric() || *c == '-' || *c == '_' || *c == ' ';
    let slug = |title: &str| -> String {
        title
            .trim()
            .to_lowercase()
            .chars()
            .filter(is_kept)
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    let lines = prose(source).into_iter().map(|(_, line)| line);
    lines
        .filter(|line| line.starts_with('#'))
        .map(|line| slug(line.trim_start_matches('#')))
        .collect()
}

/// The lines outside fenced code.
fn prose(source: &str) -> Vec<(usize, &str)> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for (index, line) in source.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            lines.push((index + 1, line));
        }
    }
    lines
}

fn resolve(document: &Path, target: &str) -> PathBuf {
    let base = if target.starts_with('/') {
        Path::new("")
    } else {
        document.parent().unwrap_or(Path::new(""))
    };
    let mut path = PathBuf::new();
    for part in base.join(target.trim_start_matches('/')).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::Normal(name) => path.push(name),
        }
    }
    path
}

#[test]
fn links_and_headings_are_read_as_a_forge_reads_them() {
    let source = "# A `b`, c!\n[x](y.md#z) and [w](v)\n```\n[no](no)\n# no\n```\n";
    assert_eq!(
        links(source),
        [(2, "y.md#z".to_owned()), (2, "v".to_owned())]
    );
    assert_eq!(headings(source), ["a-b-c"]);
    assert_eq!(
        resolve(Path::new("docs/A.md"), "../core/src"),
        PathBuf::from("core/src")
    );
}
