//! A scenario: one situation that an answer is put into, and the judge of what it did there.
//!
//! Invariant: input is drawn twice from the same seed, once in the cage and once in the judge, so it never travels; the value
//! that the answer returned travels as JSON. The types of input and value are known here alone; behind [`Scenario`] they are
//! erased. It does not know how a run is made.

use std::any::Any;
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cage::Deaths;
use crate::inject::Fault;
use crate::{Budget, Draw, Evidence, Findings};

/// One situation that an answer is put into.
pub struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) subject: Subject,
    judge: Judge,
    pub(crate) faults: Vec<Fault>,
    pub(crate) shaken: Shaken,
    pub(crate) deaths: Deaths,
    pub(crate) budget: Option<Budget>,
}

/// What is run in the cage.
pub(crate) enum Subject {
    /// The answer's function on a drawn input; gives its value as JSON.
    Function(Function),
    /// The answer's `main`; what is drawn first is what [`input`] returns.
    Program {
        draw: Box<dyn Fn(&mut Draw)>,
        main: fn(),
    },
}

type Function = Box<dyn Fn(&mut Draw) -> Result<Vec<u8>, String>>;
type Judge = Box<dyn Fn(&mut Draw, Evidence<Vec<u8>>, &mut Findings) -> Result<(), String>>;

/// Whether the library's operations are delayed at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shaken {
    No,
    Yes,
}

impl Scenario {
    /// The answer's function, called as `act(input)` in a process of its own, after `core_process::init()`.
    ///
    /// `judge` sees the same input, and what is known about the run.
    pub fn new<I, R>(
        name: &'static str,
        draw: fn(&mut Draw) -> I,
        act: impl Fn(I) -> R + 'static,
        judge: fn(&I, &Evidence<R>, &mut Findings),
    ) -> Scenario
    where
        I: 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let function = move |source: &mut Draw| {
            let value = act(draw(source));
            serde_json::to_vec(&value).map_err(|error| format!("the value has no JSON: {error}"))
        };
        let judge = move |source: &mut Draw, raw: Evidence<Vec<u8>>, found: &mut Findings| {
            let value =
                match &raw.value {
                    Some(json) => Some(serde_json::from_slice::<R>(json).map_err(|error| {
                        format!("the value is no {}: {error}", std::any::type_name::<R>())
                    })?),
                    None => None,
                };
            judge(&draw(source), &raw.with_value(value), found);
            Ok(())
        };
        Scenario::of(name, Subject::Function(Box::new(function)), Box::new(judge))
    }

    /// The answer's whole program: its `main` is called without `core_process::init()` before it, in every process that
    /// executes the binary. What was drawn is there as [`input`].
    pub fn program<I>(
        name: &'static str,
        draw: fn(&mut Draw) -> I,
        main: fn(),
        judge: fn(&I, &Evidence<()>, &mut Findings),
    ) -> Scenario
    where
        I: Send + Sync + 'static,
    {
        let provide = move |source: &mut Draw| {
            // A second call would be a second scenario in one process, which no role makes.
            let _ = INPUT.set(Box::new(draw(source)));
        };
        let judge = move |source: &mut Draw, raw: Evidence<Vec<u8>>, found: &mut Findings| {
            judge(&draw(source), &raw.with_value(Some(())), found);
            Ok(())
        };
        Scenario::of(
            name,
            Subject::Program {
                draw: Box::new(provide),
                main,
            },
            Box::new(judge),
        )
    }

    fn of(name: &'static str, subject: Subject, judge: Judge) -> Scenario {
        Scenario {
            name,
            subject,
            judge,
            faults: Vec::new(),
            shaken: Shaken::No,
            deaths: Deaths::Prompt,
            budget: None,
        }
    }

    /// Lets things go wrong: a process is killed or stopped, or a system call fails, at a chosen place.
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Scenario {
        self.faults.extend(faults);
        self
    }

    /// Delays the library's operations at random, by the seed, so that rare orders become common.
    pub fn shake(mut self) -> Scenario {
        self.shaken = Shaken::Yes;
        self
    }

    /// Whoever is killed takes a while to end, as long as somebody else acts: so an answer that does not wait for the end of
    /// what it killed is always ahead of it.
    pub fn slow_deaths(mut self) -> Scenario {
        self.deaths = Deaths::Slow;
        self
    }

    /// A budget of its own in place of the lesson's.
    pub fn budget(mut self, budget: Budget) -> Scenario {
        self.budget = Some(budget);
        self
    }

    /// Judges a run.
    pub(crate) fn judge(
        &self,
        seed: u64,
        evidence: Evidence<Vec<u8>>,
        found: &mut Findings,
    ) -> Result<(), String> {
        (self.judge)(&mut Draw::from_seed(seed), evidence, found)
    }
}

static INPUT: OnceLock<Box<dyn Any + Send + Sync>> = OnceLock::new();

/// The input of a program scenario, inside the cage: the same in every process of it.
///
/// # Panics
/// Outside of a program scenario, or if `I` is not the type that the scenario draws.
#[track_caller]
pub fn input<I: Send + Sync + 'static>() -> &'static I {
    let Some(input) = INPUT.get() else {
        panic!("grader::input: there is no program scenario in this process")
    };
    match input.downcast_ref() {
        Some(input) => input,
        None => panic!(
            "grader::input: the scenario does not draw a {}",
            std::any::type_name::<I>()
        ),
    }
}
