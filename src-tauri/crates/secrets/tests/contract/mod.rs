//! What every store must do, whatever it is made of.

use tandem_secrets::{Secret, SecretError, SecretRef, SecretStore, StoreState};
use uuid::Uuid;

/// Runs the whole contract on a store that is ready.
pub fn keeps_the_contract(store: &dyn SecretStore) {
    assert_eq!(store.state(), StoreState::Ready);
    a_new_key_is_not_found(store);
    what_is_put_comes_back_exactly_and_is_replaced(store);
    keys_do_not_mix(store);
    many_are_read_each_in_its_place(store);
    removing_can_be_repeated(store);
    a_long_secret_comes_back_whole_or_is_refused(store);
}

fn new_key() -> SecretRef {
    SecretRef::mailbox_password(Uuid::new_v4())
}

fn a_new_key_is_not_found(store: &dyn SecretStore) {
    let key = new_key();
    assert_eq!(store.get(&key).unwrap_err(), SecretError::NotFound { store: store.name(), key });
}

fn what_is_put_comes_back_exactly_and_is_replaced(store: &dyn SecretStore) {
    let key = new_key();
    // Composed and decomposed accents differ; line ends, a NUL and an emoji of several code points stay.
    for text in ["hunter2", "hünter2 ✓", "u\u{308}ber", "über", " a\r\n\0b\t ", "👩‍👩‍👧‍👦", "密码", ""]
    {
        store.put(&key, Secret::new(text)).unwrap();
        assert_eq!(store.get(&key).unwrap().expose(), text);
    }
    store.delete(&key).unwrap();
}

fn keys_do_not_mix(store: &dyn SecretStore) {
    let longest = SecretRef::parse("k".repeat(SecretRef::MAX_LEN)).unwrap();
    let keys = [longest, SecretRef::parse("a/b").unwrap(), SecretRef::parse("a/b/c").unwrap(), new_key()];
    for key in &keys {
        store.put(key, Secret::new(format!("of {key}"))).unwrap();
    }
    for key in &keys {
        assert_eq!(store.get(key).unwrap().expose(), format!("of {key}"));
        store.delete(key).unwrap();
    }
}

fn many_are_read_each_in_its_place(store: &dyn SecretStore) {
    let [here, missing, there] = [new_key(), new_key(), new_key()];
    store.put(&here, Secret::new("one")).unwrap();
    store.put(&there, Secret::new("two")).unwrap();
    let found = store.get_all(&[there.clone(), missing.clone(), here.clone(), there.clone()]);
    let found: Vec<_> = found.into_iter().map(|one| one.map(|secret| secret.expose().to_owned())).collect();
    let not_found = SecretError::NotFound { store: store.name(), key: missing };
    assert_eq!(found, [Ok("two".into()), Err(not_found), Ok("one".into()), Ok("two".into())]);
    assert!(store.get_all(&[]).is_empty());
    store.delete(&here).unwrap();
    store.delete(&there).unwrap();
}

fn removing_can_be_repeated(store: &dyn SecretStore) {
    let key = new_key();
    store.put(&key, Secret::new("gone soon")).unwrap();
    store.delete(&key).unwrap();
    assert!(matches!(store.get(&key), Err(SecretError::NotFound { .. })));
    store.delete(&key).unwrap();
}

fn a_long_secret_comes_back_whole_or_is_refused(store: &dyn SecretStore) {
    let key = new_key();
    store.put(&key, Secret::new("before")).unwrap();
    let mut kept = "before".to_owned();
    // Around Windows' limit, in one-byte and in three-byte characters, and around the others'.
    let texts = [2559, 2560, 2561, 65_536, 65_537].map(|length| "x".repeat(length));
    for text in texts.into_iter().chain(["✓".repeat(854)]) {
        match store.put(&key, Secret::new(text.as_str())) {
            Ok(()) => kept = text,
            Err(SecretError::TooLong { length, limit, .. }) => {
                assert_eq!(length, text.len());
                assert!(limit >= 2560 && length > limit, "refused {length} with a limit of {limit}");
            }
            Err(other) => panic!("{} bytes: {other}", text.len()),
        }
        assert_eq!(store.get(&key).unwrap().expose(), kept);
    }
    store.delete(&key).unwrap();
}
