//! The programs over a file: what is sold there stays, and is verified.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

/// A database of its own, whose files go away with it.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let name = format!("stampede-{name}-{}.db", std::process::id());
        Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.0.display())
    }

    /// Changes what nobody may change.
    fn tamper(&self, sql: &'static str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut session = SqliteConnection::connect(&self.url()).await.expect("the file");
            let done = sqlx::query(sql).execute(&mut session).await.expect("a statement");
            assert_eq!(done.rows_affected(), 1, "{sql}");
            session.close().await.expect("a session that ends");
        });
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            // Most of them are not there.
            drop(std::fs::remove_file(path));
        }
    }
}

fn stampede(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stampede"));
    command.args(args).output().expect("the program starts")
}

fn sell(file: &File, more: &[&str]) -> Value {
    let url = file.url();
    let small = ["--seats", "60", "--buyers", "150", "--speed", "600", "--duration", "6s"];
    let to = ["--store", url.as_str(), "--json", "-"];
    let output = stampede(&[&small[..], &to, more].concat());
    assert_status(&output, 0);
    json(&output)
}

fn verify(file: &File) -> Output {
    stampede(&["verify", "--store", &file.url(), "--json", "-"])
}

#[track_caller]
fn assert_status(output: &Output, status: i32) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
}

#[track_caller]
fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn broken(report: &Value) -> Vec<&str> {
    let invariants = report["invariants"].as_object().expect("an object").iter();
    invariants.filter(|(_, found)| found["ok"] == false).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_is_sold_into_a_file_stays_and_is_sound_and_a_second_sale_is_counted_by_itself() {
    let file = File::new("two-sales");
    let first = sell(&file, &["--seed", "3"]);
    assert_eq!((&first["store"], &first["mode"]), (&"sqlite".into(), &"load".into()));
    let sold = |report: &Value| report["sold"].as_u64().expect("a number");
    assert!((20..=60).contains(&sold(&first)), "{first}");
    // The same seed: its ids and buyers are others all the same.
    let second = sell(&file, &["--seed", "3", "--faults", "harsh"]);
    assert!((1..=60).contains(&sold(&second)), "{second}");
    assert_eq!(second["sold"], second["tickets"]);

    let output = verify(&file);
    assert_status(&output, 0);
    let report = json(&output);
    assert_eq!((&report["mode"], &report["store"]), (&"verify".into(), &"sqlite".into()));
    let checked = |name: &str| report["invariants"][name]["checked"].as_u64().expect(name);
    assert!(checked("tickets_without_money") >= sold(&first) + sold(&second), "{report}");
    assert!(checked("balances_unlike_postings") > 0 && checked("postings_unlike_entries") > 0);
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(progress.contains("rows read"), "{progress}");
}

#[test]
fn a_row_that_was_changed_by_hand_is_named() {
    let file = File::new("tampered");
    sell(&file, &["--faults", "none"]);
    let breaks = [
        (
            "UPDATE tk_balance SET balance = balance + 1 WHERE account = 7",
            "platform fee in KRW",
            &["balances_unlike_postings", "entries_that_do_not_sum"][..],
        ),
        (
            "UPDATE tk_posting SET amount = amount - 1 WHERE (account, entry) = \
             (SELECT account, entry FROM tk_posting WHERE account = 7 LIMIT 1)",
            "its postings are not those of its body",
            &["balances_unlike_postings", "entries_that_do_not_sum", "postings_unlike_entries"],
        ),
    ];
    for (sql, told, names) in breaks {
        file.tamper(sql);
        let output = verify(&file);
        assert_status(&output, 1);
        assert_eq!(broken(&json(&output)), names, "{sql}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("BROKEN") && text.contains(told), "{sql}: {text}");
    }
}

#[test]
fn a_database_that_cannot_be_read_is_not_called_sound_nor_broken() {
    let file = File::new("missing");
    assert_status(&verify(&file), 2);
    assert!(!file.0.exists(), "looking makes no file");
    std::fs::write(&file.0, "this is no database, and longer than a header of one would be")
        .unwrap();
    assert_status(&verify(&file), 2);
}

#[test]
fn no_password_is_repeated() {
    let bad: [&[&str]; 6] = [
        &["--store", "postgres://me:s3cret@127.0.0.1/db"],
        &["--store", "mysql://me:s3cret@127.0.0.1:1/db"],
        &["--store", "mysql://me:s3cret@127.0.0.1:99999/db"],
        &["verify", "--store", "mysql://me:s3cret@127.0.0.1:1/db"],
        &["verify", "--store", "postgres://me:s3cret@127.0.0.1/db"],
        &["verify", "mysql://me:s3cret@127.0.0.1:1/db"],
    ];
    for args in bad {
        let output = stampede(args);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{args:?}");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.is_empty() && !text.contains("s3cret"), "{args:?}: {text}");
    }
    assert_status(&stampede(&["verify", "--store", "memory"]), 2);
}
