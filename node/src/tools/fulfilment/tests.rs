use super::*;

/// Computed with Python's `hmac` and `hashlib`; the first also with `openssl dgst -hmac`.
const VECTORS: [(&str, &[u8], &str, &str); 2] = [
    (
        "secret",
        b"hello",
        "88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b",
        "e77fa576f18bdd5b95b56486b0f9a111eb2143192bcb53b73954be2edcf4fe5c",
    ),
    (
        "kéy",
        b"",
        "c9aa0ba82c3959fb40e2be8b8e2ff5941d9964437c93114d65f2fb4b1331aff3",
        "40a55ae234b79f2961ad76c871ff7cb2b7ab331f43528add984feb12bdc45af3",
    ),
];

#[test]
fn fulfillment_and_condition_are_what_other_implementations_compute() {
    for (key, data, fulfillment, condition) in VECTORS {
        let key = Key::new(key);
        assert_eq!(hex::encode(key.fulfillment(data).0), fulfillment);
        assert_eq!(hex::encode(key.condition(data).0), condition);
    }
}

#[test]
fn a_key_longer_than_a_hash_block_is_taken() {
    let data: Vec<u8> = (0..24).collect();
    let fulfillment = Key::new(&"k".repeat(100)).fulfillment(&data);
    let expected = "22f86afbaceeaa73c5265be819263251eeb8dd7d16d74b5cd0d2205093e94adf";
    assert_eq!(hex::encode(fulfillment.0), expected);
}

#[test]
fn a_fulfillment_fulfils_its_own_condition_and_no_other() {
    let key = Key::new("secret");
    assert!(key.fulfillment(b"one").fulfills(&key.condition(b"one")));
    assert!(!key.fulfillment(b"one").fulfills(&key.condition(b"two")));
    assert!(
        !Key::new("other")
            .fulfillment(b"one")
            .fulfills(&key.condition(b"one"))
    );
}

#[test]
fn debug_does_not_show_the_key() {
    assert_eq!(format!("{:?}", Key::new("secret")), "[REDACTED]");
}
