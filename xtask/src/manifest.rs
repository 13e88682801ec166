//! What a `Cargo.toml` says about dependencies.
//!
//! Invariant: names are package names, as `[dependencies]` spells them. It reads one file and does not resolve versions.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::failure::Failure;

/// A manifest.
#[derive(Debug)]
pub(crate) struct Manifest(Table);

impl Manifest {
    /// Reads a `Cargo.toml`.
    pub(crate) fn read(path: &Path) -> Result<Manifest, Failure> {
        let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, error))?;
        let table = text
            .parse()
            .map_err(|error| Failure::file("understand", path, error))?;
        Ok(Manifest(table))
    }

    /// What the crate's own code may name: dependencies and build dependencies, those of some targets alone included.
    pub(crate) fn dependencies(&self) -> BTreeSet<String> {
        self.named_in(&["dependencies", "build-dependencies"])
    }

    /// What only its tests, examples and benchmarks may name.
    pub(crate) fn dev_dependencies(&self) -> BTreeSet<String> {
        self.named_in(&["dev-dependencies"])
    }

    /// What the crate's lessons may name beside the course's crates, serde and the standard library:
    /// `[package.metadata.lessons] dependencies`.
    pub(crate) fn lesson_dependencies(&self) -> BTreeSet<String> {
        let listed = ["package", "metadata", "lessons"]
            .iter()
            .try_fold(&self.0, |table, key| table.get(*key)?.as_table());
        let names = listed.and_then(|table| table.get("dependencies")?.as_array());
        names
            .into_iter()
            .flatten()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect()
    }

    /// The specification of a dependency in `[workspace.dependencies]`.
    pub(crate) fn workspace_dependency(&self, name: &str) -> Option<&Value> {
        self.0.get("workspace")?.get("dependencies")?.get(name)
    }

    /// True when a test target of this name is declared without libtest's harness.
    pub(crate) fn has_test_without_harness(&self, name: &str) -> bool {
        let tests = self.0.get("test").and_then(Value::as_array).into_iter().flatten();
        tests.filter_map(Value::as_table).any(|test| {
            test.get("name").and_then(Value::as_str) == Some(name)
                && test.get("harness").and_then(Value::as_bool) == Some(false)
        })
    }

    /// The names of the benchmarks that are declared.
    pub(crate) fn benchmarks(&self) -> Vec<String> {
        let benches = self
            .0
            .get("bench")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        benches
            .filter_map(|bench| Some(bench.get("name")?.as_str()?.to_owned()))
            .collect()
    }

    fn named_in(&self, sections: &[&str]) -> BTreeSet<String> {
        let targets = self
            .0
            .get("target")
            .and_then(Value::as_table)
            .into_iter()
            .flat_map(|t| t.values());
        let tables = targets.filter_map(Value::as_table).chain([&self.0]);
        tables
            .flat_map(|table| {
                sections
                    .iter()
                    .filter_map(|section| table.get(*section)?.as_table())
            })
            .flat_map(|dependencies| dependencies.iter())
            .map(|(name, spec)| {
                spec.get("package")
                    .and_then(Value::as_str)
                    .unwrap_or(name)
                    .to_owned()
            })
            .collect()
    }
}
