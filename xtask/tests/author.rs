//! The author's commands, in a temporary course.

mod fixture;

use fixture::{Course, LESSON, answer};

#[test]
fn verify_ends_with_its_count_and_fails_when_a_declaration_is_missed() {
    let course = Course::new();
    assert_eq!(course.xtask(&["sync"]).code, Some(0));
    let said = course.xtask(&["verify", "2"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let last = said.out.lines().last().unwrap();
    assert_eq!(
        last,
        "1 lessons, 2 right answers passed, 3 wrong answers rejected as declared"
    );

    course.write(
        &format!("{LESSON}/wrong/a.rs"),
        &format!("//! expect: HANG\n{}", answer(1)),
    );
    let said = course.xtask(&["verify", "2.2"]);
    assert_eq!(said.code, Some(6), "{said:?}");
    assert!(
        said.out.contains("wrong_a") && said.out.contains("must get HANG, got WRONG"),
        "{said:?}"
    );
    let said = course.xtask(&["verify", "2.2", "--json"]);
    let counts: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(counts["missed"], 1);
}

#[test]
fn a_stub_that_passes_and_a_variant_that_sync_has_not_seen_are_noticed() {
    let course = Course::new();
    assert_eq!(course.xtask(&["sync"]).code, Some(0));
    course.write(&format!("{LESSON}/exercise.rs"), &answer(42));
    assert_eq!(course.xtask(&["verify", "2.2"]).code, Some(6));
    course.write(&format!("{LESSON}/exercise.rs"), &answer(7));
    course.write(
        &format!("{LESSON}/wrong/d.rs"),
        &format!("//! expect: WRONG\n{}", answer(4)),
    );
    let said = course.xtask(&["verify", "2.2"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.contains("wrong_d") && said.err.contains("cargo xtask sync"),
        "{said:?}"
    );
}

#[test]
fn sync_writes_once_and_its_check_tells_what_is_stale() {
    let course = Course::new();
    let stale = course.xtask(&["sync", "--check"]);
    assert_eq!(stale.code, Some(4), "{stale:?}");
    assert!(
        stale.out.contains("crates/core-process/tests/lessons.rs"),
        "{stale:?}"
    );
    assert!(!course.path("crates/core-process/tests/lessons.rs").exists());
    assert_eq!(course.xtask(&["sync"]).code, Some(0));
    assert_eq!(course.xtask(&["sync", "--check"]).code, Some(0));
    assert!(
        course
            .read("crates/core-process/Cargo.toml")
            .contains("harness = false")
    );
    assert!(
        course
            .read("docs/PROGRAMME.md")
            .contains("lessons/l02_02_child_processes/README.md")
    );
    course.write(
        "crates/core-process/tests/process.rs",
        "//! Tests.\n#[test]\nfn p01_a_recipe_starts_nothing() {}\n",
    );
    assert_eq!(course.xtask(&["sync"]).code, Some(0));
    assert!(
        course
            .read("docs/parity.md")
            .contains("| met | core-process: `p01_a_recipe_starts_nothing` |")
    );
}

#[test]
fn a_text_shows_what_the_compiled_file_says() {
    let course = Course::new();
    course.write(
        &format!("{LESSON}/example.rs"),
        "//! Example.\npub fn main() {\n    // region hello\n    println!(\"hello\");\n    // end region\n}\n",
    );
    let readme = format!("{LESSON}/README.md");
    course.write(
        &readme,
        "# Text\n<!-- region example.rs#hello -->\n```rust\n```\n",
    );
    assert_eq!(course.xtask(&["sync"]).code, Some(0));
    assert!(
        course
            .read(&readme)
            .contains("```rust\nprintln!(\"hello\");\n```\n")
    );
    course.write(&readme, "# Text\n<!-- region example.rs#bye -->\n```rust\n```\n");
    let said = course.xtask(&["sync", "--check"]);
    assert_eq!(said.code, Some(5), "{said:?}");
    assert!(
        said.err.contains("README.md:2: example.rs: no region `bye`"),
        "{said:?}"
    );
}

#[test]
fn tidy_names_every_broken_rule_with_its_place() {
    let course = Course::new();
    course.write(
        "crates/core-process/src/utils.rs",
        "fn f() {\n    unsafe { g() }\n}\n",
    );
    course.write("docs/TEXT.md", "[a](nowhere.md)\n");
    course.write(
        "crates/core-process/Cargo.toml",
        "[package]\nname = \"core-process\"\nversion = \"0.0.0\"\n[dependencies]\ngrader = { path = \"../grader\" }\n",
    );
    let said = course.xtask(&["tidy"]);
    assert_eq!(said.code, Some(5), "{said:?}");
    for problem in [
        "crates/core-process uses grader, which is not below it",
        "crates/core-process/src/utils.rs:2: unsafe without a `// SAFETY:` comment above it",
        "crates/core-process/src/utils.rs:1: begin with `//!`",
        "`utils.rs` is a name for anything",
        "docs/TEXT.md:1: nowhere.md is not there",
        "l02_02_child_processes: example.stdout is missing",
        "README.md has 2 words; 600 to 1500 are asked for",
        "wrong/a.rs: say after the first line why a learner writes it",
        "docs/PROGRAMME.md: out of date",
    ] {
        assert!(said.out.contains(problem), "{problem}\n{}", said.out);
    }
}

#[test]
fn a_new_lesson_has_every_part_and_the_programmes_titles() {
    let course = Course::new();
    let said = course.xtask(&["new-lesson", "2.3"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let folder = "crates/core-process/lessons/l02_03_interaction_of_main_and_child_processes";
    assert!(
        course
            .read(&format!("{folder}/lesson.toml"))
            .contains("title_ru = \"Взаимодействие главного и дочерних процессов\"")
    );
    assert!(
        course
            .read("crates/core-process/tests/lessons.rs")
            .contains("wrong_in_the_parent")
    );
    let tidy = course.xtask(&["tidy"]).out;
    assert!(!tidy.contains("l02_03"), "{tidy}");
    assert_eq!(course.xtask(&["new-lesson", "2.3"]).code, Some(8));
    assert_eq!(course.xtask(&["new-lesson", "3.4"]).code, Some(3));
}

#[test]
fn stress_counts_what_changed_under_load() {
    let course = Course::new();
    assert_eq!(course.xtask(&["sync"]).code, Some(0));
    let said = course.xtask(&["stress", "2", "--seeds", "2"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out.lines().last().unwrap().ends_with("0 verdicts changed"),
        "{said:?}"
    );
}
