use super::*;

fn words(port: Port, origin: &Origin, error: ErrorKind) -> String {
    let (setting, fix) = port.blame(origin, error);
    format!("{setting}; {fix}")
}

#[test]
fn a_port_in_use_names_the_place_of_the_port() {
    let given = words(BTP, &Origin::env("BTP_SERVER_PORT"), ErrorKind::AddrInUse);
    assert!(
        given.starts_with(
            "btpServerPort, environment variable BTP_SERVER_PORT; another program has it"
        ),
        "{given}"
    );
    for default in [Origin::Default, Origin::file(&"a.yaml".into())] {
        let words = words(HEALTH, &default, ErrorKind::AddrInUse);
        assert!(
            words.starts_with("healthCheckPort, the default; ")
                && words.ends_with("HEALTH_CHECK_PORT"),
            "{words}"
        );
    }
}

#[test]
fn an_address_of_another_machine_names_the_host() {
    let words = words(HEALTH, &Origin::Default, ErrorKind::AddrNotAvailable);
    assert!(
        words.starts_with("healthCheckHost; this machine has no such address")
            && words.contains("HEALTH_CHECK_HOST"),
        "{words}"
    );
}

#[test]
fn a_port_for_the_privileged_says_which_are_for_all() {
    let words = words(BTP, &Origin::Default, ErrorKind::PermissionDenied);
    assert!(words.contains("above 1023"), "{words}");
}
