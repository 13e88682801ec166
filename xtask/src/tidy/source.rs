//! A Rust source with its comments and strings blanked, for rules that look at code alone.
//!
//! Invariant: line and column stay what they are in the file. It is no parser: it knows where comments, strings and
//! characters begin and end, nothing more.

/// The source with a space for every character inside a comment, a string or a character literal.
pub(crate) fn code(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < letters.len() {
        let end = end_of_text(&letters, at);
        if end == at {
            code.push(letters[at]);
            at += 1;
        } else {
            code.extend(
                letters[at..end]
                    .iter()
                    .map(|&letter| if letter == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    code
}

/// Where the comment or literal that begins at `at` ends; `at` when there is none.
fn end_of_text(letters: &[char], at: usize) -> usize {
    let next = letters.get(at + 1).copied();
    let in_word = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
    match letters[at] {
        '/' if next == Some('/') => position(letters, at, |rest| rest[0] == '\n').unwrap_or(letters.len()),
        '/' if next == Some('*') => end_of_block_comment(letters, at),
        '"' => end_of_quoted(letters, at + 1, '"'),
        'r' | 'b' | 'c' if !in_word => end_of_prefixed(letters, at),
        '\'' => match (next, letters.get(at + 2)) {
            (Some('\\'), _) => end_of_quoted(letters, at + 1, '\''),
            (Some(_), Some('\'')) => at + 3,
            _ => at,
        },
        _ => at,
    }
}

/// `r"..."`, `r#"..."#`, `b"..."`, `br"..."`, `c"..."`, `b'x'`; `at` for a plain word.
fn end_of_prefixed(letters: &[char], at: usize) -> usize {
    let mut open = at;
    while open < letters.len() && open < at + 2 && matches!(letters[open], 'r' | 'b' | 'c') {
        open += 1;
    }
    let raw = letters[at..open].contains(&'r');
    let hashes = letters[open..]
        .iter()
        .take_while(|&&letter| letter == '#')
        .count();
    match letters.get(open + hashes) {
        Some('"') if raw => position(letters, open + hashes + 1, |rest| {
            rest[0] == '"'
                && rest[1..]
                    .iter()
                    .take(hashes)
                    .filter(|&&letter| letter == '#')
                    .count()
                    == hashes
        })
        .map_or(letters.len(), |end| end + 1 + hashes),
        Some('"') if hashes == 0 => end_of_quoted(letters, open + 1, '"'),
        Some('\'') if hashes == 0 && letters[at] == 'b' && open == at + 1 => {
            end_of_quoted(letters, open + 1, '\'')
        }
        _ => at,
    }
}

fn end_of_quoted(letters: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < letters.len() && letters[at] != quote {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(letters.len())
}

fn end_of_block_comment(letters: &[char], from: usize) -> usize {
    let mut open = 0;
    let mut at = from;
    while at < letters.len() {
        match (letters[at], letters.get(at + 1)) {
            ('/', Some('*')) => (open, at) = (open + 1, at + 2),
            ('*', Some('/')) => (open, at) = (open - 1, at + 2),
            _ => at += 1,
        }
        if open == 0 {
            return at;
        }
    }
    letters.len()
}

fn position(letters: &[char], from: usize, is_end: impl Fn(&[char]) -> bool) -> Option<usize> {
    (from..letters.len()).find(|&at| is_end(&letters[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_characters_are_blanked_and_lines_stay() {
        let source = "let a = \"unsafe \\\" x\"; // unsafe\nlet b = 'u'; /* unsafe /* y */ z */ let c = r#\"unsafe \" \"#;\n\
                      fn f<'a>(x: &'a str) { unsafe { g(b\"unsafe\", b'\\'') } }";
        let code = code(source);
        assert_eq!(code.lines().count(), source.lines().count());
        assert_eq!(code.matches("unsafe").count(), 1);
        assert!(code.contains("fn f<'a>(x: &'a str) { unsafe { g("), "{code}");
        assert!(code.contains("let c = "));
    }
}
