use std::panic::{self, catch_unwind};

use super::*;

fn said(bug: impl FnOnce() + panic::UnwindSafe) -> String {
    message(catch_unwind(bug).unwrap_err().as_ref()).to_owned()
}

#[test]
fn a_constant_message_is_shown() {
    assert_eq!(
        said(|| panic!("two answers to one packet")),
        "two answers to one packet"
    );
}

#[test]
fn a_message_about_lengths_is_shown() {
    let bytes = [0u8; 3];
    let at = std::hint::black_box(5);
    assert_eq!(
        said(move || _ = std::hint::black_box(bytes[at])),
        "index out of bounds: the len is 3 but the index is 5"
    );
}

#[test]
fn a_message_with_data_in_it_is_not_shown() {
    let secret = String::from("hunter2");
    let message = said(move || panic!("cannot use {secret}"));
    assert!(!message.contains("hunter2"), "{message}");
}
