use core_process::{Process, StartMethod};
fn main() {
    core_process::init();
    let a: Vec<String> = std::env::args().collect();
    let m: StartMethod = a[1].parse().unwrap();
    let n: usize = a[2].parse().unwrap();
    for _ in 0..n {
        Process::new(|| {}, ()).method(m).start().unwrap().join().unwrap();
    }
}
