//! The learner's way through a lesson, command by command, in a temporary course.

mod fixture;

use fixture::{ANSWER, Course, LESSON, answer};

#[test]
fn the_first_check_makes_the_learners_file_and_grades_it() {
    let course = Course::new();
    let said = course.xtask(&["check-lesson", "2.2"]);
    assert_eq!(said.code, Some(11), "{said:?}");
    assert!(
        said.err.contains("Made learn/l02_02_child_processes.rs"),
        "{said:?}"
    );
    assert_eq!(course.read(ANSWER), answer(7));
    let again = course.xtask(&["check-lesson", "2.2"]);
    assert!(!again.err.contains("Made"), "{again:?}");
}

#[test]
fn an_answer_that_passes_is_noted_and_nothing_but_it_is_compiled_again() {
    let course = Course::new();
    assert_eq!(course.xtask(&["start", "2.2"]).code, Some(0));
    assert_eq!(course.xtask(&["check-lesson", "2.2"]).code, Some(11));
    course.write(ANSWER, &answer(42));
    let said = course.xtask(&["check-lesson", "2.2", "--json", "--seed", "7", "--runs", "5"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["lesson"], "2.2");
    assert_eq!(report["verdict"], "PASS");
    assert_eq!(report["seed"], 7);
    assert_eq!(report["runs"], 5);
    assert_eq!(report["checks"][0]["id"], "compiles");
    assert_eq!(report["checks"][1]["passed"], true);
    assert_eq!(report["compiled"], serde_json::json!(["l02_02"]));
    let list: serde_json::Value = serde_json::from_str(&course.xtask(&["list", "--json"]).out).unwrap();
    let states: Vec<&str> = list["modules"][1]["lessons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["state"].as_str().unwrap())
        .collect();
    assert_eq!(states.len(), 11);
    assert_eq!(states[..3], ["not-there-yet", "passed", "not-there-yet"]);
    assert!(course.xtask(&["next"]).out.contains("have passed"));
}

#[test]
fn what_does_not_compile_is_a_verdict_with_the_learners_line() {
    let course = Course::new();
    course.write(
        ANSWER,
        "//! An answer.\n\npub fn answer() -> u32 {\n    \"no number\"\n}\n",
    );
    let said = course.xtask(&["check-lesson", "2.2", "--json"]);
    assert_eq!(said.code, Some(10), "{said:?}");
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["verdict"], "BUILD");
    assert_eq!(report["headline"], "mismatched types (E0308)");
    assert_eq!(report["location"], "learn/l02_02_child_processes.rs:4");
    assert_eq!(report["checks"][0]["passed"], false);
    assert_eq!(report["checks"][1]["passed"], serde_json::Value::Null);
    let lines = report["interleaving"].as_array().unwrap();
    assert!(
        lines.iter().any(|line| line
            .as_str()
            .unwrap()
            .contains("--> learn/l02_02_child_processes.rs:4:5")),
        "{lines:?}"
    );
    assert!(!said.out.contains('\x1b'), "no colours in JSON");
}

#[test]
fn a_guard_that_is_dropped_at_once_is_warned_of() {
    let course = Course::new();
    course.write(
        ANSWER,
        "//! An answer.\n\nstruct Guard;\n\nimpl Drop for Guard {\n    fn drop(&mut self) {}\n}\n\n\
         pub fn answer() -> u32 {\n    let _ = Guard;\n    42\n}\n",
    );
    let said = course.xtask(&["check-lesson", "2.2", "--json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("non-binding let on a type that has a destructor") && notes.contains(":10)"),
        "{notes}"
    );
}

#[test]
fn a_function_that_the_checks_need_is_named_when_it_is_missing() {
    let course = Course::new();
    course.write(ANSWER, "//! An answer.\npub fn reply() -> u32 {\n    42\n}\n");
    let said = course.xtask(&["check-lesson", "2.2"]);
    assert_eq!(said.code, Some(10), "{said:?}");
    assert!(said.out.contains("the checks call `answer`"), "{said:?}");
}

#[test]
fn any_file_and_the_solution_are_graded_without_a_trace_in_the_progress() {
    let course = Course::new();
    course.write("elsewhere.rs", &answer(13));
    let said = course.xtask(&["check-lesson", "2.2", "--file", "elsewhere.rs"]);
    assert_eq!(said.code, Some(13));
    assert!(
        said.out.contains("check-lesson 2.2 --file elsewhere.rs --seed 1"),
        "{said:?}"
    );
    assert_eq!(course.xtask(&["check-lesson", "2.2", "--solution"]).code, Some(0));
    assert!(!course.path(ANSWER).exists());
    assert!(!course.path("learn/progress.toml").exists());
    let missing = course.xtask(&["check-lesson", "2.2", "--file", "nowhere.rs"]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
}

#[test]
fn an_edited_stub_is_graded_and_can_be_moved() {
    let course = Course::new();
    let stub = format!("{LESSON}/exercise.rs");
    course.write(&stub, &answer(42));
    let said = course.xtask(&["check-lesson", "2.2"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("cargo xtask start 2.2 --move"), "{said:?}");
    assert!(!course.path(ANSWER).exists());
    assert_eq!(course.xtask(&["start", "2.2", "--move"]).code, Some(0));
    assert_eq!(course.read(ANSWER), answer(42));
    assert_eq!(course.read(&stub), answer(7));
    assert_eq!(course.xtask(&["start", "2.2", "--move"]).code, Some(8));
}

#[test]
fn hints_rise_and_a_solution_waits_for_a_pass() {
    let course = Course::new();
    let first = course.xtask(&["hint", "2.2"]).out;
    assert!(first.contains("a nudge") && !first.contains("a push"), "{first}");
    assert!(course.xtask(&["hint", "2.2"]).out.contains("a push"));
    assert!(!course.xtask(&["hint", "2.2", "--again"]).out.contains("nearly"));
    assert!(course.xtask(&["hint", "2.2"]).out.contains("nearly the answer"));
    let refused = course.xtask(&["solution", "2.2"]);
    assert_eq!(refused.code, Some(8), "{refused:?}");
    assert!(refused.out.is_empty());
    assert!(course.xtask(&["solution", "2.2", "--force"]).out.contains("42"));
    course.write(ANSWER, &answer(42));
    assert_eq!(course.xtask(&["check-lesson", "2.2"]).code, Some(0));
    let shown = course.xtask(&["solution", "2.2"]);
    assert_eq!(shown.code, Some(0));
    assert!(shown.out.contains("alt_other.rs"), "{shown:?}");
}

#[test]
fn a_reset_keeps_what_was_written() {
    let course = Course::new();
    assert_eq!(course.xtask(&["reset", "2.2"]).code, Some(8));
    for number in [1, 2] {
        course.write(ANSWER, &answer(number));
        assert_eq!(course.xtask(&["reset", "2.2"]).code, Some(0));
        assert_eq!(course.read(ANSWER), answer(7));
        assert_eq!(
            course.read(&format!("learn/backup/l02_02_child_processes.{number}.rs")),
            answer(number)
        );
    }
}

#[test]
fn an_unknown_lesson_names_the_nearest_and_an_unwritten_one_says_so() {
    let course = Course::new();
    let unknown = course.xtask(&["check-lesson", "2.12"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("2.11"), "{unknown:?}");
    let unwritten = course.xtask(&["check-lesson", "2.3"]);
    assert_eq!(unwritten.code, Some(3));
    assert!(unwritten.err.contains("2.2"), "{unwritten:?}");
    assert_eq!(course.xtask(&["check-lesson"]).code, Some(2));
}

#[test]
fn check_all_takes_what_was_started() {
    let course = Course::new();
    assert!(course.xtask(&["check-all"]).out.contains("Nothing is started"));
    course.write(ANSWER, &answer(13));
    let said = course.xtask(&["check-all"]);
    assert_eq!(said.code, Some(13), "{said:?}");
    assert!(said.out.contains("0 of 1 started lessons pass"), "{said:?}");
}

#[test]
fn an_example_runs_with_its_own_output() {
    let course = Course::new();
    assert_eq!(course.xtask(&["sync"]).code, Some(0));
    let said = course.xtask(&["example", "2.2"]);
    assert_eq!(said.out, "an example\n", "{said:?}");
}

#[test]
fn a_lesson_that_changes_its_stub_or_its_name_keeps_the_learners_work() {
    let course = Course::new();
    assert_eq!(course.xtask(&["check-lesson", "2.2"]).code, Some(11));
    course.write(ANSWER, &answer(42));
    course.write(&format!("{LESSON}/exercise.rs"), &answer(8));
    course.commit();
    let said = course.xtask(&["check-lesson", "2.2"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.err.contains("The lesson has changed since you began"),
        "{said:?}"
    );
    let again = course.xtask(&["check-lesson", "2.2"]);
    assert!(!again.err.contains("has changed"), "it is said once: {again:?}");

    std::fs::rename(
        course.path(LESSON),
        course.path("crates/core-process/lessons/l02_02_children"),
    )
    .unwrap();
    let said = course.xtask(&["check-lesson", "2.2"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!course.path("learn/l02_02_children.rs").exists());
}
