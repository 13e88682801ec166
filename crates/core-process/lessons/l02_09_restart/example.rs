//! Lesson 2.9, worked example: a recipe that is started again, and a process that has ended and stays so.

use std::path::PathBuf;

use core_process::{Process, Stdio};

// region fragile
/// Fails until the file is there; makes it in the last moment, so that the next attempt finds it.
fn fragile(file: PathBuf) -> String {
    if file.exists() {
        return "done".to_owned();
    }
    std::fs::write(&file, "half done").expect("the folder is ours");
    panic!("not yet")
}
// end region

pub fn main() {
    core_process::init();
    let file = std::env::temp_dir().join(format!("restart-{}", std::process::id()));

    // region restart
    let recipe = Process::new(fragile, file.clone()).stderr(Stdio::null());
    let first = recipe.start().expect("a process can be started");
    println!(
        "first: {}",
        first
            .join()
            .expect_err("it panics")
            .to_string()
            .contains("not yet")
    );

    let second = recipe.start().expect("a process can be started");
    println!("second: {}", second.join().expect("it returns"));
    println!("two processes: {}", first.pid() != second.pid());
    // end region

    // region ended
    println!("the first one {}", first.status());
    println!(
        "and will never be anything else: {}",
        first.wait() == first.wait()
    );
    // end region
    std::fs::remove_file(file).expect("it was made");
}
