//! The files of the repository, without what is built or ignored.

use std::fs;
use std::path::Path;

use crate::course::Course;
use crate::failure::Failure;
use crate::git;

/// The files whose names end so, relative to the repository, in order.
pub(crate) fn ending_with(course: &Course, ending: &str) -> Result<Vec<String>, Failure> {
    let mut names = match git::files(&course.root) {
        Some(names) => names,
        None => walked(course)?,
    };
    // A file that was deleted but not yet committed is still in git's list.
    names.retain(|name| name.ends_with(ending) && course.root.join(name).is_file());
    names.sort();
    names.dedup();
    Ok(names)
}

/// The text of a file of the repository.
pub(crate) fn read(course: &Course, file: &str) -> Result<String, Failure> {
    let path = course.root.join(file);
    fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, error))
}

/// Without git: everything but what is built, ignored or hidden.
fn walked(course: &Course) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    walk(&course.root, &course.root, &mut names)?;
    Ok(names)
}

fn walk(root: &Path, folder: &Path, names: &mut Vec<String>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::file("list", folder, error))?;
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name();
        let skipped = folder == root && (name == "target" || name == "learn" || name == ".git");
        if path.is_dir() && !skipped {
            walk(root, &path, names)?;
        } else if let Some(inside) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            names.push(inside.to_owned());
        }
    }
    Ok(())
}
