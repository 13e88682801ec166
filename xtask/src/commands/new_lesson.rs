//! `new-lesson`: a complete folder from the template, for an author to change.

use clap::Args;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::learn;
use crate::screen::say;
use crate::sync;
use crate::template;

/// Make a lesson's folder from the template: a small lesson that already grades itself.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cargo xtask new-lesson 2.3\n  cargo xtask new-lesson 2.3 --slug interaction"
)]
pub(crate) struct NewLesson {
    /// The lesson, such as 2.3; its titles come from docs/programme.toml.
    lesson: String,
    /// The end of the folder's name; from the English title when it is left out.
    #[arg(long)]
    slug: Option<String>,
}

impl NewLesson {
    /// Writes the folder and the generated files.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let (module, entry) = course.entry(&self.lesson)?;
        if !course.has_crate(&module.crate_name) {
            return Err(Failure::new(
                Kind::NotThereYet,
                format!(
                    "the crate {} of module {} is not there yet",
                    module.crate_name, module.number
                ),
            ));
        }
        if let Some(there) = course
            .lessons_of(&module.crate_name)?
            .into_iter()
            .find(|folder| folder.id == entry.id)
        {
            return Err(Failure::new(
                Kind::Refused,
                format!("lesson {} is there: {}", entry.id, course.shown(&there.path)),
            ));
        }
        let slug = self.slug.unwrap_or_else(|| entry.slug());
        let folder = course
            .crate_folder(&module.crate_name)
            .join("lessons")
            .join(format!("{}_{slug}", entry.id.prefix()));
        for (name, text) in template::files(entry, &slug) {
            learn::write(&folder.join(name), &text)?;
        }
        say!("Made {}", course.shown(&folder));
        for file in sync::stale(course)? {
            sync::write(&file)?;
            say!("wrote  {}", course.shown(&file.path));
        }
        say!("Change it, then: cargo xtask verify {}", entry.id);
        Ok(0)
    }
}
