//! The lessons that somebody may have meant.
//!
//! Invariant: at most three, the likeliest first, and all of them exist in the programme. It does not know whether a
//! lesson is written.

use similar::TextDiff;

use crate::lesson_id::LessonId;
use crate::programme::{Entry, Programme};

/// How many are named.
const NAMED: usize = 3;

/// The lessons nearest to `text`, which may be a number that does not exist or a word of a title.
pub(crate) fn lessons<'p>(programme: &'p Programme, text: &str) -> Vec<&'p Entry> {
    let mut scored: Vec<(f32, &Entry)> = programme
        .lessons()
        .map(|(_, entry)| match text.parse::<LessonId>() {
            Ok(id) => (-distance(id, entry.id), entry),
            Err(_) => (likeness(text, entry), entry),
        })
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(NAMED).map(|(_, entry)| entry).collect()
}

/// How far apart two numbers stand: another module costs more than any lesson of the same one, digits in the other
/// order (`11.2` for `2.11`) next to nothing.
fn distance(wanted: LessonId, other: LessonId) -> f32 {
    if wanted.module == other.number && wanted.number == other.module {
        return 0.5;
    }
    let modules = f32::from(wanted.module.abs_diff(other.module));
    let numbers = f32::from(wanted.number.abs_diff(other.number));
    modules * 20.0 + numbers
}

/// How like a lesson's number or titles the text is, from 0 to 2.
fn likeness(text: &str, entry: &Entry) -> f32 {
    let text = text.trim().to_lowercase();
    [
        entry.id.to_string(),
        entry.title.to_lowercase(),
        entry.title_ru.to_lowercase(),
    ]
    .iter()
    .map(|candidate| {
        let whole = TextDiff::from_chars(text.as_str(), candidate.as_str()).ratio();
        let words = candidate
            .split_whitespace()
            .map(|word| TextDiff::from_chars(text.as_str(), word).ratio());
        let best = words.fold(whole, f32::max);
        if candidate.contains(&text) && !text.is_empty() {
            best + 1.0
        } else {
            best
        }
    })
    .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        lessons(Programme::of_the_course(), text)
            .iter()
            .map(|entry| entry.id.to_string())
            .collect()
    }

    #[test]
    fn a_number_beyond_the_module_gets_its_last_lessons() {
        assert_eq!(ids("2.12"), ["2.11", "2.10", "2.9"]);
        assert_eq!(ids("0.1"), ["1.1", "1.2", "1.3"]);
        assert_eq!(ids("11.2")[0], "2.11");
    }

    #[test]
    fn a_word_gets_the_lessons_with_that_word_or_one_like_it() {
        assert_eq!(ids("barrier")[0], "4.7");
        assert_eq!(ids("bariier")[0], "4.7");
        assert_eq!(ids("очеред")[0], "6.2");
        assert_eq!(ids("nonsense").len(), NAMED);
    }
}
