//! Lesson 3.5, exercise: a post office. Stations in processes of their own send letters to each other, and all of them go through here.

use super::check::Station;

/// How many letters each station has got; `None` for one that did not come back.
pub fn route(stations: Vec<Station>) -> Vec<Option<u64>> {
    // For each station a pipe that its letters come by, a pipe for those to it, and a process of `live(station, out, inbox)`.
    // Then carry letters until no station can send any more, close the pipes to them, and join.
    stations.iter().map(|_| None).collect()
}
