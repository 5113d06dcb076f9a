use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::error::PortError;
use crate::port::{Held, HoldOutcome};
use crate::testing::trace::{TraceHash, TraceKind, TraceLine, Tracer};

/// A few calls whose hash is known.
fn story(tracer: &Tracer) {
    let held = Held { token: token(3), expires_at: noon() };
    let first = tracer.call(1, "holds", "hold", &(&hold_request(), noon()));
    let second = tracer.call(2, "users", "status", &user(7));
    tracer.answer(first, "holds", "hold", &Ok::<_, PortError>(HoldOutcome::Held(held)));
    tracer.mark("process died", 2);
    tracer.answer(second, "users", "status", &Err::<(), _>(()));
}

fn hash_of(tell: impl FnOnce(&Tracer)) -> TraceHash {
    let tracer = Tracer::new(clock());
    tell(&tracer);
    tracer.hash()
}

/// A tracer and the lines that it told.
fn listened() -> (Tracer, Arc<Mutex<Vec<TraceLine>>>) {
    let tracer = Tracer::new(clock());
    let lines = Arc::<Mutex<Vec<TraceLine>>>::default();
    let heard = Arc::clone(&lines);
    tracer.listen(move |line| heard.lock().unwrap().push(line.clone()));
    (tracer, lines)
}

/// Another hash is another encoding: traces of before compare with none of after.
#[test]
fn the_encoding_is_what_it_always_was() {
    assert_eq!(hash_of(|_| {}).to_string(), "99aa06d3014798d86001c324468d497f");
    assert_eq!(hash_of(story).to_string(), "df4f00ea5ccac638d4705d7d5f43bd81");
    let claims = changes().vacant(performance(1), seats([4, 5])).settles_money();
    assert_eq!(
        hash_of(|tracer| _ = tracer.call(0, "store", "commit", &claims)).to_string(),
        "f78d4e83deb2267c7f38f74276791a85"
    );
}

#[test]
fn a_hash_takes_in_all_that_was_said_and_in_which_order() {
    let hashes = [
        hash_of(|_| {}),
        hash_of(|tracer| _ = tracer.call(1, "holds", "hold", &1_u8)),
        hash_of(|tracer| _ = tracer.call(2, "holds", "hold", &1_u8)),
        hash_of(|tracer| _ = tracer.call(1, "holdsh", "old", &1_u8)),
        hash_of(|tracer| _ = tracer.call(1, "holds", "held", &1_u8)),
        hash_of(|tracer| _ = tracer.call(1, "holds", "hold", &2_u8)),
        hash_of(|tracer| _ = tracer.call(1, "holds", "hold", &1_u16)),
        hash_of(|tracer| tracer.answer(1, "holds", "hold", &1_u8)),
        hash_of(|tracer| tracer.answer(2, "holds", "hold", &1_u8)),
        hash_of(|tracer| tracer.mark("clock jumped", 1)),
        hash_of(|tracer| tracer.mark("clock jumped", 2)),
        hash_of(|tracer| [1, 2].into_iter().for_each(|detail| tracer.mark("clock jumped", detail))),
        hash_of(|tracer| [2, 1].into_iter().for_each(|detail| tracer.mark("clock jumped", detail))),
    ];
    let different: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(different.len(), hashes.len(), "{hashes:?}");
}

#[test]
fn the_hash_depends_on_neither_time_nor_who_listens() {
    let (listened, _) = listened();
    let late = clock();
    late.advance(Duration::from_mins(1));
    let later = Tracer::new(late);
    story(&listened);
    story(&later);
    assert_eq!(listened.hash(), hash_of(story));
    assert_eq!(later.hash(), hash_of(story));
}

#[test]
fn clones_share_one_trace_and_the_hash_can_be_asked_in_between() {
    let tracer = Tracer::new(clock());
    let clone = tracer.clone();
    assert_eq!(tracer.call(0, "users", "status", &user(1)), 1);
    let between = clone.hash();
    assert_eq!(clone.call(0, "users", "status", &user(1)), 2);
    assert_eq!((tracer.calls(), clone.calls()), (2, 2));
    assert_eq!(tracer.hash(), clone.hash());
    assert_ne!(tracer.hash(), between);
}

#[test]
fn lines_tell_who_asked_what_and_got_which_answer() {
    let (tracer, lines) = listened();
    story(&tracer);
    let lines: Vec<String> = lines.lock().unwrap().iter().map(TraceLine::to_string).collect();
    let at = "2027-03-01T12:00:00.000000Z";
    let expected = [
        format!("{at} p1 #1 holds.hold ({:?}, {NOON})", hold_request()),
        format!("{at} p2 #2 users.status {:?}", user(7)),
        format!(
            "{at} p1 #1 holds.hold -> Ok(Held(Held {{ token: {:?}, expires_at: {NOON} }}))",
            token(3)
        ),
        format!("{at} process died 2"),
        format!("{at} p2 #2 users.status -> Err(())"),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_line_is_one_json_object_and_reads_back() {
    let (tracer, lines) = listened();
    tracer.call(3, "users", "status", "two\nlines");
    tracer.mark("clock jumped", 5);
    let lines = lines.lock().unwrap();
    let json: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    assert_eq!(
        json[0],
        concat!(
            r#"{"at":"2027-03-01T12:00:00Z","process":3,"number":1,"port":"users","call":"status","#,
            r#""what":"call","text":"\"two\\nlines\""}"#
        )
    );
    assert_eq!(
        json[1],
        concat!(
            r#"{"at":"2027-03-01T12:00:00Z","process":null,"number":1,"port":"world","#,
            r#""call":"clock jumped","what":"mark","text":"5"}"#
        )
    );
    for (json, line) in json.iter().zip(&*lines) {
        assert_eq!(serde_json::from_str::<TraceLine>(json).unwrap(), *line);
    }
    assert_eq!(lines[1].what, TraceKind::Mark);
}

#[test]
fn a_hash_is_written_as_its_hex_digits() {
    let hash = TraceHash(0xab);
    assert_eq!(hash.to_string(), "000000000000000000000000000000ab");
    assert_eq!(serde_json::to_value(hash).unwrap(), hash.to_string());
}

/// A value that must not be shown.
struct Unseen;

impl Canon for Unseen {
    fn canon(&self, out: &mut Encoder) {
        out.put_u8(1);
    }

    fn show(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("nobody listens")
    }
}

#[test]
fn no_text_is_made_while_nobody_listens() {
    let tracer = Tracer::new(clock());
    let number = tracer.call(0, "users", "status", &Unseen);
    tracer.answer(number, "users", "status", &Unseen);
    assert_eq!(tracer.calls(), 1);
}

#[test]
fn calls_whose_caller_gave_up_are_forgotten() {
    let (tracer, lines) = listened();
    let call = || tracer.call(1, "users", "status", &());
    let first = call();
    let second = call();
    for _ in 0..4_095 {
        call();
    }
    tracer.answer(first, "users", "status", &());
    tracer.answer(second, "users", "status", &());
    let lines = lines.lock().unwrap();
    let askers: Vec<_> = lines[lines.len() - 2..].iter().map(|line| line.process).collect();
    assert_eq!(askers, [None, Some(1)]);
}
