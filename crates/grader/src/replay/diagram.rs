//! A run as a drawing for a terminal: time goes down, each process has a column with its line of life, and behind them stands
//! what the shared words and locks are after each step.
//!
//! Invariant: no line is longer than [`WIDTH`], and every line is plain text. Nothing is decided here.

use super::failure::Failure;
use super::run::{Run, State};

/// The longest line, so that it fits in 100 columns with a margin.
const WIDTH: usize = 98;

/// A step that was done.
const DONE: char = '●';
/// A step that was tried.
const TRIED: char = '○';

/// Draws a run: the heading, a row for each step, and how it ended.
pub fn diagram(run: &Run<'_>) -> Vec<String> {
    let drawing = Drawing::of(run);
    let mut lines = vec![drawing.heading(), drawing.rule(), drawing.start()];
    for row in 0..run.rows.len() {
        lines.extend(drawing.row(row));
    }
    lines.push(drawing.end());
    lines.extend(outcome(run));
    lines
}

struct Drawing<'r> {
    run: &'r Run<'r>,
    /// Width of each process's column.
    lanes: Vec<usize>,
    /// Names and widths of what is shared.
    shared: Vec<(&'static str, usize)>,
}

impl<'r> Drawing<'r> {
    fn of(run: &'r Run<'_>) -> Drawing<'r> {
        let width = |text: &str| text.chars().count();
        let lane = |process: usize| {
            let texts = run.rows.iter().filter(|row| row.process == process);
            let longest = texts.map(|row| width(&row.text) + 2).max().unwrap_or(0);
            longest.max(width(run.program.processes[process].name)) + 2
        };
        let names = run.program.words.iter().map(|(name, _)| *name);
        let names = names.chain(run.program.locks.iter().copied());
        let now = run.shared();
        let shared = names.enumerate().map(|(at, name)| {
            let values = run.rows.iter().map(|row| width(&row.shared[at]));
            let longest = values.chain([width(&now[at])]).max().unwrap_or(0);
            (name, longest.max(width(name)))
        });
        Drawing {
            lanes: (0..run.processes.len()).map(lane).collect(),
            shared: shared.collect(),
            run,
        }
    }

    fn heading(&self) -> String {
        let names = self
            .run
            .program
            .processes
            .iter()
            .map(|process| process.name.to_owned());
        let shared: Vec<String> = self.shared.iter().map(|(name, _)| (*name).to_owned()).collect();
        self.line("step", names, &shared)
    }

    fn rule(&self) -> String {
        let lanes = self.lanes.iter().map(|width| "─".repeat(width - 2));
        let shared: Vec<String> = self.shared.iter().map(|(_, width)| "─".repeat(*width)).collect();
        self.line("────", lanes, &shared)
    }

    fn start(&self) -> String {
        let first = Run::new(self.run.program);
        let lives = self.lanes.iter().map(|_| "│".to_owned());
        self.line("", lives, &first.shared())
    }

    /// A step; its note stands beside it where there is room, else on a line of its own.
    fn row(&self, at: usize) -> Vec<String> {
        let row = &self.run.rows[at];
        let lanes = (0..self.lanes.len()).map(|process| {
            if process != row.process {
                return self.life(process, at);
            }
            format!("{} {}", if row.is_done { DONE } else { TRIED }, row.text)
        });
        let line = self.line(&(at + 1).to_string(), lanes, &row.shared);
        let Some(note) = &row.note else { return vec![line] };
        let beside = format!("{line}  ◄ {note}");
        if beside.chars().count() <= WIDTH {
            return vec![beside];
        }
        let lives = (0..self.lanes.len()).map(|process| self.life(process, at + 1));
        let below = self.line("", lives, &[]);
        let room = WIDTH.saturating_sub(note.chars().count() + 2);
        let start: String = below.chars().take(room).collect();
        vec![line, format!("{:room$}▲ {note}", start)]
    }

    /// The lines of life after the last step: a cross for those who wait for ever.
    fn end(&self) -> String {
        let over = self.run.is_over();
        let lanes = (0..self.lanes.len()).map(|process| match self.run.processes[process].state {
            State::Ended => self.life(process, self.run.rows.len()),
            _ if over => "✗".to_owned(),
            _ => "⋮".to_owned(),
        });
        self.line("", lanes, &[])
    }

    /// A process that does nothing in row `at`: as it was left by the row before.
    fn life(&self, process: usize, at: usize) -> String {
        let before = at.checked_sub(1).and_then(|before| self.run.rows.get(before));
        let state = before.map_or(State::Ready, |row| row.states[process]);
        let mark = match state {
            State::Ready | State::Woken => "│",
            State::Waiting | State::Asleep => "┊",
            State::Ended => "┴",
        };
        // An end is drawn once: where it was followed by a row.
        let ended_before = at
            .checked_sub(2)
            .and_then(|before| self.run.rows.get(before))
            .is_some_and(|row| row.states[process] == State::Ended);
        if ended_before {
            String::new()
        } else {
            mark.to_owned()
        }
    }

    fn line(&self, step: &str, lanes: impl Iterator<Item = String>, shared: &[String]) -> String {
        let mut line = format!("{step:>4}  ");
        for (text, width) in lanes.zip(&self.lanes) {
            line.push_str(&format!("{text:width$}"));
        }
        for (text, (_, width)) in shared.iter().zip(&self.shared) {
            line.push_str(&format!(" {text:>width$}"));
        }
        line.trim_end().to_owned()
    }
}

/// How it ended, in a line or two.
fn outcome(run: &Run<'_>) -> Vec<String> {
    if !run.is_over() {
        return vec![format!("… not over: {} can be done", run.ready().join(" or "))];
    }
    let Some(failure) = run.failure() else {
        let goals = run
            .program
            .goals
            .iter()
            .map(|(word, value)| format!("{word} is {value}"));
        let goals: Vec<String> = goals.collect();
        return vec![format!("✓ all have ended, and {}", goals.join(", "))];
    };
    let mut lines = vec![format!("✗ {failure}")];
    if let Failure::Deadlock(ring) = &failure {
        let mut drawn = String::from("  ");
        for wait in ring {
            drawn.push_str(&format!("{} ──{}──▶ ", wait.process, wait.lock));
        }
        drawn.push_str(ring.first().map_or("", |wait| wait.process));
        lines.push(drawn);
    }
    lines.iter().flat_map(|line| folded(line)).collect()
}

/// A long line as several.
fn folded(line: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match lines.last_mut() {
            None => lines.push(word.to_owned()),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= WIDTH => {
                last.push(' ');
                last.push_str(word);
            }
            Some(_) => lines.push(format!("  {word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::{Act, Program};
    use super::*;

    fn drawn(program: &Program, schedule: &[&str]) -> String {
        diagram(&Run::replay(program, schedule.iter().copied()).unwrap()).join("\n")
    }

    fn two_locks() -> Program {
        Program::new("two locks")
            .lock("left")
            .lock("right")
            .process("A", &[("a1", Act::Take("left")), ("a2", Act::Take("right"))])
            .process("B", &[("b1", Act::Take("right")), ("b2", Act::Take("left"))])
    }

    #[test]
    fn a_lost_update_is_drawn_as_the_lesson_shows_it() {
        let program = Program::new("counter")
            .word("counter", 0)
            .process(
                "A",
                &[("a1", Act::Read("counter")), ("a2", Act::WriteRead("counter", 1))],
            )
            .process(
                "B",
                &[("b1", Act::Read("counter")), ("b2", Act::WriteRead("counter", 1))],
            )
            .ends_with("counter", 2);
        let expected = "\
step  A                     B                      counter
────  ────────────────────  ────────────────────   ───────
      │                     │                            0
   1  ● a1 read counter: 0  │                            0
   2  │                     ● b1 read counter: 0         0
   3  ● a2 counter = 0 + 1  │                            1
   4  ┴                     ● b2 counter = 0 + 1         1  ◄ what A wrote in 3 is lost
                            ┴
✗ counter is 1 at the end, and should be 2";
        assert_eq!(drawn(&program, &["a1", "b1", "a2", "b2"]), expected);
        let right = drawn(&program, &["a1", "a2", "b1", "b2"]);
        assert!(right.ends_with("✓ all have ended, and counter is 2"), "{right}");
        let early = drawn(&program, &["a1", "a2", "b1"]);
        assert!(early.ends_with("… not over: b2 can be done"), "{early}");
    }

    #[test]
    fn a_deadlock_is_drawn_with_its_ring() {
        let expected = "\
step  A                B                 left right
────  ───────────────  ───────────────   ──── ─────
      │                │                 free  free
   1  ● a1 take left   │                    A  free
   2  │                ● b1 take right      A     B
   3  ○ a2 take right  │                    A     B  ◄ B has right
   4  ┊                ○ b2 take left       A     B  ◄ A has left
      ✗                ✗
✗ deadlock: A waits for right, which B has; B waits for left, which A has
  A ──right──▶ B ──left──▶ A";
        assert_eq!(drawn(&two_locks(), &["a1", "b1"]), expected);
    }

    #[test]
    fn no_line_is_too_long_however_long_a_note_is() {
        const LONG: &str = "a_word_with_a_name_that_nobody_would_give";
        let program = Program::new("wide")
            .word(LONG, 0)
            .process("A", &[("a1", Act::Read(LONG)), ("a2", Act::Add(LONG, 1))])
            .process("B", &[("b1", Act::Add(LONG, 1)), ("b2", Act::Await(LONG, 7))])
            .ends_with(LONG, 1);
        let run = Run::replay(&program, ["a1", "b1", "a2"]).unwrap();
        let lines = diagram(&run);
        assert!(
            lines
                .iter()
                .any(|line| line.ends_with("▲ it was 0 when this was decided, in 1"))
        );
        // The columns are as wide as their texts; only what is added to them is kept in bounds.
        let notes = lines.iter().filter(|line| line.contains(['▲', '◄', '✗']));
        assert!(notes.clone().count() >= 2);
        for line in notes.filter(|line| !line.contains('●')) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}
