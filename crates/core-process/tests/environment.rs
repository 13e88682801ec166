//! A child's surroundings: directory, variables, arguments, streams, descriptors.
#![allow(clippy::unwrap_used, reason = "a test")]

mod isolated;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use core_process::{Fd, Process, StartError, StartMethod, Stdio};
use isolated::{alone, by_each_method};

core_process::divert_before_main!();

fn variable(name: String) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn p31_stdin_is_empty_unless_it_is_given() {
    fn read() -> String {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).unwrap();
        text
    }
    fn given(text: &str) -> Stdio {
        let (reader, mut writer) = pipe().unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        Stdio::from(reader)
    }
    fn case(method: StartMethod) {
        // This process has something to read itself.
        let recipe = Process::new(read, ()).method(method);
        assert_eq!(recipe.clone().start().unwrap().join().unwrap(), "");
        let child = recipe.clone().stdin(given("for the child")).start().unwrap();
        assert_eq!(child.join().unwrap(), "for the child");
        let child = recipe.stdin(Stdio::inherit()).start().unwrap();
        assert_eq!(child.join().unwrap(), "for the parent");
    }
    for method in isolated::METHODS {
        let recipe = Process::new(case, method).method(StartMethod::Spawn);
        let child = recipe.stdin(given("for the parent")).start().unwrap();
        child.join_timeout(isolated::WATCHDOG).unwrap();
    }
}

#[test]
fn streams_lead_where_the_recipe_says() {
    fn speak() {
        std::io::stdout().write_all(b"out").unwrap();
        std::io::stderr().write_all(b"err").unwrap();
    }
    fn case(method: StartMethod) {
        let ((mut out, stdout), (mut err, stderr)) = (pipe().unwrap(), pipe().unwrap());
        let recipe = Process::new(speak, ())
            .method(method)
            .stdout(stdout)
            .stderr(stderr);
        recipe.start().unwrap().join().unwrap();
        recipe.start().unwrap().join().unwrap();
        drop(recipe);
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        err.read_to_string(&mut text).unwrap();
        assert_eq!(text, "outouterrerr");
        let silent = Process::new(speak, ())
            .method(method)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        silent.start().unwrap().join().unwrap();
    }
    by_each_method(case);
}

#[test]
fn c20_the_directory_is_the_starters_at_the_start() {
    fn here() -> PathBuf {
        std::env::current_dir().unwrap()
    }
    fn case(method: StartMethod) {
        let recipe = Process::new(here, ()).method(method);
        let at = |dir: &str| {
            std::env::set_current_dir(dir).unwrap();
            recipe.start().unwrap().join().unwrap()
        };
        // A forkserver that was started in one of them has to follow.
        assert_eq!(at("/"), PathBuf::from("/"));
        assert_eq!(at("/proc"), PathBuf::from("/proc"));
        assert_eq!(at("/"), PathBuf::from("/"));
        let elsewhere = recipe.clone().current_dir("/proc/self");
        assert_eq!(
            elsewhere.start().unwrap().join().unwrap().parent().unwrap(),
            PathBuf::from("/proc")
        );
        let nowhere = recipe.current_dir("/no/such/directory");
        let why = match nowhere.start() {
            Ok(child) => child.join().unwrap_err().to_string(),
            Err(error @ StartError::Os { .. }) => error.to_string(),
            Err(other) => panic!("{other}"),
        };
        assert!(
            why.contains("working directory") && why.contains("No such file"),
            "{why}"
        );
    }
    by_each_method(case);
}

#[test]
fn c20_the_environment_is_the_starters_with_the_recipes_changes() {
    fn all() -> BTreeMap<OsString, OsString> {
        std::env::vars_os().collect()
    }
    fn case(method: StartMethod) {
        let ours = all();
        assert!(
            !ours.contains_key(&OsString::from("CORE_PROCESS_START")),
            "the marker is taken out"
        );
        let recipe = Process::new(all, ()).method(method);
        assert_eq!(recipe.start().unwrap().join().unwrap(), ours);
        let changed = recipe
            .clone()
            .env("A", "1")
            .env("B", "=2")
            .env("A", "3")
            .env_remove("B")
            .env_remove("PATH");
        let mut expected = ours.clone();
        expected.insert("A".into(), "3".into());
        expected.remove(&OsString::from("PATH"));
        assert_eq!(changed.start().unwrap().join().unwrap(), expected);
        let cleared = recipe.clone().env("GONE", "1").env_clear().env("ONLY", "щ");
        let only = BTreeMap::from([("ONLY".into(), "щ".into())]);
        assert_eq!(cleared.start().unwrap().join().unwrap(), only);
        assert_eq!(recipe.start().unwrap().join().unwrap(), ours, "nothing stuck");
    }
    by_each_method(case);
}

#[test]
fn c20_a_variable_that_cannot_be_is_refused() {
    fn case(method: StartMethod) {
        let recipe = Process::new(|| (), ()).method(method);
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")] {
            let started = recipe.clone().env(name, value).start();
            let why = started.map(drop).unwrap_err().to_string();
            assert!(
                why.contains("environment") && why.contains(&format!("{name:?}")),
                "{why}"
            );
        }
        recipe.env("A", "b=c").start().unwrap().join().unwrap();
    }
    by_each_method(case);
}

/// A name that `execve` takes and `setenv` refuses.
#[test]
fn c20_a_variable_with_an_odd_name_harms_nobody() {
    let here = std::env::current_exe().unwrap();
    let ended = std::process::Command::new(here)
        .args(["--exact", "c20_a_variable_that_cannot_be_is_refused"])
        .env_clear()
        .env("=odd", "1")
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
}

/// A process may change its environment, in Rust only while it is alone in it: a process that was started with one stands for
/// one that has changed it.
#[test]
fn c20_a_grandchild_sees_its_parents_environment() {
    fn middle(method: StartMethod) -> Option<String> {
        let child = Process::new(variable, "SET_BY_MAIN".to_owned())
            .method(method)
            .start()
            .unwrap();
        child.join().unwrap()
    }
    fn case(method: StartMethod) {
        let recipe = Process::new(middle, method)
            .method(method)
            .env("SET_BY_MAIN", "yes");
        assert_eq!(recipe.start().unwrap().join().unwrap().as_deref(), Some("yes"));
        let ours = Process::new(variable, "SET_BY_MAIN".to_owned()).method(method);
        assert_eq!(ours.start().unwrap().join().unwrap(), None);
    }
    by_each_method(case);
}

#[test]
fn c20_the_command_line_is_the_same() {
    fn arguments() -> Vec<OsString> {
        std::env::args_os().collect()
    }
    fn case(method: StartMethod) {
        let child = Process::new(arguments, ()).method(method).start().unwrap();
        assert_eq!(child.join().unwrap(), arguments());
    }
    by_each_method(case);
    assert_eq!(alone(arguments, ()), arguments());
}

#[test]
fn c08_a_child_gets_the_descriptors_it_is_given_and_no_other() {
    /// What lies open above the standard streams, by name; the reading of the directory itself is left out.
    fn open() -> Vec<String> {
        let directory = std::fs::read_dir("/proc/self/fd").unwrap();
        let numbers: Vec<i32> = directory
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().parse().unwrap())
            .collect();
        let links = numbers.into_iter().filter(|number| *number > 2);
        links
            .filter_map(|number| std::fs::read_link(format!("/proc/self/fd/{number}")).ok())
            .map(|link| link.into_os_string().into_string().unwrap())
            .collect()
    }
    fn child(_given: Fd<PipeWriter>) -> Vec<String> {
        open()
    }
    fn case(method: StartMethod) {
        // Left open on purpose, one of them without close-on-exec: neither is the child's business.
        let secret = File::open("/proc/self/status").unwrap();
        let leaky = File::open("/proc/self/limits").unwrap();
        rustix::io::fcntl_setfd(&leaky, rustix::io::FdFlags::empty()).unwrap();
        let (_reader, writer) = pipe().unwrap();
        let name = std::fs::read_link(format!("/proc/self/fd/{}", writer.as_raw_fd())).unwrap();
        let child = Process::new(child, Fd::from(writer))
            .method(method)
            .start()
            .unwrap();
        let mut seen = child.join().unwrap();
        seen.sort();
        // The argument, the start block, the way home for results.
        assert_eq!(seen.len(), 3, "{seen:?}");
        assert!(
            seen.contains(&name.into_os_string().into_string().unwrap()),
            "{seen:?}"
        );
        assert!(
            seen.iter().any(|link| link.starts_with("/memfd:start-block")),
            "{seen:?}"
        );
        assert!(seen.iter().any(|link| link.starts_with("socket:")), "{seen:?}");
        drop((secret, leaky));
    }
    alone(case, StartMethod::Spawn);
    alone(case, StartMethod::ForkServer);
}
