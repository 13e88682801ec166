//! Files: a head that says what the file is, a name that says its concept, and a length that fits one.

use std::path::Path;

use crate::course::Course;
use crate::failure::Failure;
use crate::tidy::files;

/// The forms of a queue's operation that is named `get` as in Python: what they give is what was put.
const FORMS_OF_GET: &[&str] = &["get_until", "get_timeout"];

/// Names under which anything can be put.
const NAMES_OF_NOTHING: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "prelude"];
/// A longer file has two concepts.
const LONGEST: usize = 500;

/// Files that break the rule.
pub(crate) fn check(course: &Course) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for file in files::ending_with(course, ".rs")? {
        let text = files::read(course, &file)?;
        let nothing = Path::new(&file)
            .components()
            .filter_map(|part| part.as_os_str().to_str());
        for part in nothing.filter(|part| NAMES_OF_NOTHING.contains(&part.trim_end_matches(".rs"))) {
            problems.push(format!(
                "{file}: `{part}` is a name for anything; name the concept"
            ));
        }
        if !text.starts_with("//! ") {
            problems.push(format!(
                "{file}:1: begin with `//!`: what it is, its invariant, what it does not know"
            ));
        }
        let lines = text.lines().count();
        if lines > LONGEST && !text.contains("@generated") {
            problems.push(format!(
                "{file}: {lines} lines are two concepts; the limit is {LONGEST}"
            ));
        }
        for (index, line) in text.lines().enumerate() {
            if let Some(name) = name_of_public_function(line)
                && ["get_", "do_", "handle_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
                && !FORMS_OF_GET.contains(&name)
            {
                problems.push(format!(
                    "{file}:{}: `{name}`: name what it gives or does",
                    index + 1
                ));
            }
        }
    }
    Ok(problems)
}

fn name_of_public_function(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_functions_have_names_to_look_at() {
        assert_eq!(
            name_of_public_function("    pub const fn get_it(&self) {"),
            Some("get_it")
        );
        assert_eq!(name_of_public_function("pub fn map<F>(f: F) {"), Some("map"));
        assert_eq!(name_of_public_function("fn get_it() {"), None);
    }
}
