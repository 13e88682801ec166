//! A report on the screen.

use crate::course::Course;
use crate::folder::Folder;
use crate::judge::Judged;
use crate::screen::say;

/// Draws a report.
pub(crate) fn show(_course: &Course, _folder: &Folder, judged: &Judged) {
    say!("{}  {}", judged.report.verdict, judged.report.headline);
}
