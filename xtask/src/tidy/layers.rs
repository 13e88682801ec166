//! The layers: which crate of the workspace may use which.
//!
//! Invariant: a crate uses crates to its left in the picture of docs/ARCHITECTURE.md and nothing else; `grader` serves
//! lessons, so a library may name it among its dev-dependencies alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::course::Course;
use crate::failure::Failure;
use crate::manifest::Manifest;

/// Each crate, and what its code may use. `intro`, `advanced` and `practice` stand above all others.
const LAYERS: &[(&str, &[&str])] = &[
    ("core-process-derive", &[]),
    ("core-process", &["core-process-derive"]),
    ("sync", &["core-process"]),
    ("ipc", &["core-process", "sync"]),
    ("kill", &["core-process"]),
    ("executor", &["core-process", "sync", "ipc", "kill"]),
    ("pool", &["core-process", "sync", "ipc", "kill", "executor"]),
    ("manager", &["core-process", "sync", "ipc"]),
    ("intro", LIBRARY),
    ("advanced", LIBRARY),
    ("practice", LIBRARY),
    ("grader", &["core-process"]),
    ("xtask", &["grader"]),
];

const LIBRARY: &[&str] = &[
    "core-process",
    "sync",
    "ipc",
    "kill",
    "executor",
    "pool",
    "manager",
];

/// What must not be used, and why; `deny.toml` says the same to cargo-deny.
const BANNED: &[(&str, &str)] = &[
    ("bincode", "RUSTSEC-2025-0141; postcard is the codec here"),
    ("raw_sync", "unmaintained; sync stands on robust pthread mutexes"),
    ("inventory", "its entries are not all seen before main"),
    ("serde-pickle", "loses classes without a word"),
    ("bitcode", "panics on a flattened field"),
];

/// Dependencies that go the wrong way.
pub(crate) fn check(course: &Course) -> Result<Vec<String>, Failure> {
    let known: BTreeSet<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    let mut problems = Vec::new();
    for name in crates_there(course)? {
        let manifest = Manifest::read(&folder_of(course, &name).join("Cargo.toml"))?;
        let Some((_, allowed)) = LAYERS.iter().find(|(known, _)| *known == name) else {
            problems.push(format!(
                "crates/{name}: no layer is named so; see xtask/src/tidy/layers.rs"
            ));
            continue;
        };
        let ours = |names: BTreeSet<String>| names.into_iter().filter(|name| known.contains(name.as_str()));
        for used in ours(manifest.dependencies()).filter(|used| !allowed.contains(&used.as_str())) {
            problems.push(format!("crates/{name} uses {used}, which is not below it"));
        }
        let only_in_tests =
            |used: &String| used == "grader" || *used == name || allowed.contains(&used.as_str());
        for used in ours(manifest.dev_dependencies()).filter(|used| !only_in_tests(used)) {
            problems.push(format!(
                "the tests of crates/{name} use {used}, which is not below it"
            ));
        }
    }
    Ok(problems)
}

/// Crates in `Cargo.lock` that must not be there.
pub(crate) fn banned(course: &Course) -> Result<Vec<String>, Failure> {
    let path = course.root.join("Cargo.lock");
    let text = fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, error))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error| Failure::file("understand", &path, error))?;
    let packages = table
        .get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten();
    let names: BTreeSet<&str> = packages
        .filter_map(|package| package.get("name")?.as_str())
        .collect();
    let found = BANNED.iter().filter(|(name, _)| names.contains(name));
    Ok(found
        .map(|(name, why)| format!("Cargo.lock: {name}: {why}"))
        .collect())
}

/// Where a crate is: in `crates`, and the macros of a crate inside it.
fn folder_of(course: &Course, name: &str) -> PathBuf {
    match name.strip_suffix(DERIVE) {
        _ if name == "xtask" => course.root.join("xtask"),
        Some(owner) => course.crate_folder(owner).join("derive"),
        None => course.crate_folder(name),
    }
}

/// How a crate of macros is named, after the crate that it is for.
const DERIVE: &str = "-derive";

/// The crates of the workspace.
pub(crate) fn crates_there(course: &Course) -> Result<Vec<String>, Failure> {
    let folder = course.root.join("crates");
    let entries = fs::read_dir(&folder).map_err(|error| Failure::file("list", &folder, error))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let macros = names.iter().map(|name| format!("{name}{DERIVE}"));
    let macros = macros.filter(|name| folder_of(course, name).join("Cargo.toml").is_file());
    names.extend(macros.collect::<Vec<_>>());
    names.push("xtask".into());
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_layers_has_no_circle_and_every_crate_of_the_programme() {
        let below = |name: &str| {
            LAYERS
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, below)| *below)
        };
        for (name, uses) in LAYERS {
            for used in *uses {
                assert!(
                    !below(used).unwrap().contains(name),
                    "{name} and {used} use each other"
                );
            }
        }
        for module in &crate::programme::Programme::of_the_course().modules {
            assert!(below(&module.crate_name).is_some(), "{}", module.crate_name);
        }
    }
}
