use super::*;

fn read(text: &str) -> Result<Node, String> {
    let mut problems = Vec::new();
    match parse(&"f".into(), text, &mut problems) {
        Some(node) if problems.is_empty() => Ok(node),
        _ => Err(problems
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect()),
    }
}

/// A tree on one line, with the place of each scalar.
fn show(node: &Node) -> String {
    let place = node.origin.to_string().replace("f:", "");
    match &node.value {
        Value::Null => format!("~@{place}"),
        Value::Scalar(text) => format!("{text}@{place}"),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|entry| format!("{}={}", entry.key, show(&entry.node)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn values_keep_their_text_and_know_their_place() {
    let tree = read("a: 007 # seven\nb:\n  - 'on'\n  - {c: 1.50}\nd: \"x\\ty\"\n").unwrap();
    assert_eq!(
        show(&tree),
        "{a=007@1:4 b=[on@3:5 {c=1.50@4:9}] d=x\ty@5:4}"
    );
}

#[test]
fn columns_count_characters() {
    assert_eq!(show(&read("{ä: ö, b: c}").unwrap()), "{ä=ö@1:5 b=c@1:11}");
}

#[test]
fn null_is_written_in_several_ways_but_not_in_quotes() {
    let tree = read("a: null\nb: ~\nc:\nd: 'null'\ne: ''\n").unwrap();
    let Value::Map(entries) = tree.value else {
        panic!("a map")
    };
    let nulls: Vec<bool> = entries
        .iter()
        .map(|entry| matches!(entry.node.value, Value::Null))
        .collect();
    assert_eq!(nulls, [true, true, true, false, false]);
}

#[test]
fn an_empty_file_is_nothing() {
    for text in ["", "# only a comment\n", "---\n"] {
        assert!(matches!(read(text).unwrap().value, Value::Null), "{text:?}");
    }
}

#[test]
fn keys_given_twice_are_all_found() {
    let report = read("a: 1\nb: 2\na: 3\nb: 4\n").err().unwrap();
    assert_eq!(
        report,
        "f:3:1: \"a\" is given twice: keep one of them; the first is at f:1:1\n\
         f:4:1: \"b\" is given twice: keep one of them; the first is at f:2:1\n"
    );
}

#[test]
fn an_alias_repeats_a_value_where_it_stands() {
    let tree = read("a: &s {k: v}\nb: *s\n").unwrap();
    assert_eq!(show(&tree), "{a={k=v@1:11} b={k=v@1:11}}");
}

#[test]
fn aliases_cannot_make_a_file_explode() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for n in 1..12 {
        let aliases = vec![format!("*a{}", n - 1); 10].join(",");
        text.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
    }
    assert!(
        read(&text)
            .err()
            .unwrap()
            .contains("a file of this many values is not supported")
    );
}

#[test]
fn an_alias_inside_of_its_own_anchor_is_refused() {
    assert!(read("a: &s [*s]\n").is_err());
}

#[test]
fn nesting_is_bounded() {
    assert!(read(&"[".repeat(5000)).is_err());
    assert!(read(&format!("a: {}x{}", "[".repeat(300), "]".repeat(300))).is_err());
}

#[test]
fn what_no_configuration_needs_is_refused_with_its_place() {
    for (text, place) in [
        ("a: !mine x\n", "f:1:10"),
        ("a: 1\n---\nb: 2\n", "f:2:1"),
        ("? [a]\n: b\n", "f:1:3"),
        ("a: [1, 2\n", "f:1:4"),
        ("a: \"x\n", "f:"),
        ("a: b: c\n", "f:1:5"),
        ("a:\n\t- b\n", "f:2:"),
    ] {
        let report = read(text)
            .err()
            .unwrap_or_else(|| panic!("{text:?} was taken"));
        assert!(report.starts_with(place), "{text:?}: {report}");
    }
}
