//! Runs what a fuzz target runs on the inputs that are committed for it.

use std::path::Path;

/// Runs `body` on every input of `target`, in the order of their names; says which one it was if it panics.
pub(crate) fn replay(target: &str, body: impl Fn(&[u8])) {
    /// Names an input if the body panics.
    struct Named<'a>(&'a Path);
    impl Drop for Named<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("the input is {}", self.0.display());
            }
        }
    }

    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = crate_directory.join("../fuzz/corpus").join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(&corpus)
        .expect("the corpus is committed")
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    assert!(inputs.len() > 10, "no corpus in {}", corpus.display());
    for input in &inputs {
        let named = Named(input);
        body(&std::fs::read(input).unwrap());
        drop(named);
    }
    body(&[]);
}
