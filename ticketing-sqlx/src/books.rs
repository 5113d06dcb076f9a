//! Whether the rows of the ledger agree: each amount stands in the body of its entry, in a posting, and in
//! a balance.

use std::hash::{DefaultHasher, Hash, Hasher};

use rustc_hash::FxHashMap;
use ticketing_core::error::PortError;
use ticketing_core::ledger::{AccountKey, JournalEntry};
use ticketing_core::money::Currency;
use uuid::Uuid;

use crate::db::fault::Broken;
use crate::db::{Row, Value};
use crate::reads::query::{Sql, after, after2, after3, same, scan};
use crate::reads::rows::next_id;
use crate::{Store, codes};

/// Rows of one statement.
const PAGE: usize = 1_000;

/// Each account by what was posted to it and by what it has; a wallet has one row, others have a few.
macro_rules! of_accounts {
    ($select:literal, $rest:literal) => {
        same!(
            "SELECT ",
            $select,
            " FROM (SELECT account, owner, currency, SUM(posted) AS posted, SUM(kept) AS kept FROM (",
            "SELECT account, owner, currency, SUM(amount) AS posted, 0 AS kept FROM tk_posting ",
            "GROUP BY account, owner, currency ",
            "UNION ALL SELECT account, owner, currency, 0, SUM(balance) FROM tk_balance ",
            "GROUP BY account, owner, currency ",
            "UNION ALL SELECT 1, user_id, currency, 0, balance FROM tk_wallet",
            ") AS sides GROUP BY account, owner, currency) AS accounts",
            $rest
        )
    };
}

const ACCOUNTS: Sql =
    of_accounts!("COUNT(*), CAST(COALESCE(SUM(posted <> kept), 0) AS SIGNED)", "");
const UNLIKE: Sql = of_accounts!(
    "account, owner, currency, CAST(posted AS CHAR), CAST(kept AS CHAR)",
    " WHERE posted <> kept ORDER BY account, owner, currency LIMIT ?"
);
const ENTRIES: Sql = scan!("id, body", "tk_entry");
const POSTINGS: Sql = Sql {
    mysql: concat!(
        "SELECT account, owner, currency, entry, amount FROM tk_posting FORCE INDEX (PRIMARY) ",
        "WHERE (account > ? OR (account = ? AND ",
        after3!(mysql "owner" "currency" "entry"),
        ")) ORDER BY account, owner, currency, entry LIMIT ?"
    ),
    sqlite: "SELECT account, owner, currency, entry, amount FROM tk_posting \
        WHERE (account, owner, currency, entry) > (?, ?, ?, ?) \
        ORDER BY account, owner, currency, entry LIMIT ?",
};

/// Those of pages. Sums are over everything, on purpose.
#[cfg(any(test, feature = "testing"))]
pub(crate) const QUERIES: &[(&str, Sql)] = &[("ENTRIES", ENTRIES), ("POSTINGS", POSTINGS)];

/// What [`Snapshot::check_books`](crate::Snapshot::check_books) found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Accounts: each has what its postings sum to.
    pub balances: Compared,
    /// Entries: each has the postings that stand in its body, and no posting is without its entry.
    pub postings: Compared,
}

impl Books {
    /// Whether everything agrees.
    pub const fn are_sound(&self) -> bool {
        self.balances.unlike == 0 && self.postings.unlike == 0
    }
}

/// Things that were compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// How many.
    pub checked: u64,
    /// How many are not alike.
    pub unlike: u64,
    /// The first [`Compared::TOLD_MAX`] of them, in words.
    pub told: Vec<String>,
}

impl Compared {
    /// The most that are told in words.
    pub const TOLD_MAX: usize = 20;
}

pub(crate) async fn check(store: &Store) -> Result<Books, PortError> {
    Ok(Books { balances: balances(store).await?, postings: postings(store).await? })
}

async fn balances(store: &Store) -> Result<Compared, PortError> {
    let read = store.reading("ledger", "check_books");
    let counts = read.one(ACCOUNTS, &[], |row| Ok((row.count(0)?, row.count(1)?))).await?;
    let (checked, unlike) = counts.unwrap_or_default();
    let told = match unlike {
        0 => Vec::new(),
        _ => read.all(UNLIKE, &[Value::count(Compared::TOLD_MAX as u64)], told).await?,
    };
    Ok(Compared { checked, unlike, told })
}

fn told(row: &Row) -> Result<String, Broken> {
    let (code, owner) = (row.int(0)?, row.id(1)?);
    let (currency, posted, kept) = (row.text(2)?, row.text(3)?, row.text(4)?);
    let known = codes::account_of(code, owner).zip(currency.parse::<Currency>().ok());
    let name = match known {
        Some((account, currency)) => AccountKey { account, currency }.to_string(),
        None => format!("account {code} of {owner} in {currency}"),
    };
    Ok(format!("{name}: the balance is {kept}, its postings sum to {posted}"))
}

/// What the postings of an entry come to, in whatever order they are read: the sum of a hash of each. What
/// the body says is taken away again, so that an entry as it should be leaves nothing.
#[derive(Debug, Default)]
struct Left(FxHashMap<Uuid, u128>);

impl Left {
    fn put(&mut self, entry: Uuid, line: &Line<'_>) {
        let sum = self.0.entry(entry).or_default();
        *sum = sum.wrapping_add(line.hash());
    }

    /// Whether nothing is left of an entry after its body.
    fn take(&mut self, entry: Uuid, lines: u128) -> bool {
        let is_alike = self.0.remove(&entry).unwrap_or_default() == lines;
        if !is_alike {
            self.0.insert(entry, lines);
        }
        is_alike
    }
}

/// A posting, wherever it stands.
#[derive(Hash)]
struct Line<'a> {
    account: i64,
    owner: Uuid,
    currency: &'a str,
    amount: i64,
}

impl Line<'_> {
    fn hash(&self) -> u128 {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, self).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }
}

async fn postings(store: &Store) -> Result<Compared, PortError> {
    let mut left = Left::default();
    posted(store, &mut left).await?;
    let checked = written(store, &mut left).await?;
    let mut unlike: Vec<Uuid> = left.0.into_keys().collect();
    unlike.sort_unstable();
    let told = unlike.iter().take(Compared::TOLD_MAX);
    let told = told.map(|entry| format!("entry {entry}: its postings are not those of its body"));
    Ok(Compared { checked, unlike: unlike.len() as u64, told: told.collect() })
}

/// Reads all postings.
async fn posted(store: &Store, left: &mut Left) -> Result<(), PortError> {
    let read = store.reading("ledger", "check_books");
    let mut last = (0, Uuid::nil(), String::new(), Uuid::nil());
    loop {
        let (account, owner, currency, entry) = last.clone();
        let key = [Value::Int(account), owner.into(), Value::text(currency), entry.into()];
        let mut values = after(read.dialect(), key);
        values.push(Value::count(PAGE as u64));
        let rows = read.rows(POSTINGS, &values).await?;
        for row in &rows {
            last = posting(row, left).map_err(|error| read.refused(error))?;
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

fn posting(row: &Row, left: &mut Left) -> Result<(i64, Uuid, String, Uuid), Broken> {
    let (account, owner, currency, entry) = (row.int(0)?, row.id(1)?, row.text(2)?, row.id(3)?);
    left.put(entry, &Line { account, owner, currency, amount: row.int(4)? });
    Ok((account, owner, currency.to_owned(), entry))
}

/// Reads all entries, and says how many there are.
async fn written(store: &Store, left: &mut Left) -> Result<u64, PortError> {
    let read = store.reading("ledger", "check_books");
    let (mut entries, mut last) = (0, None);
    while let Some(from) = next_id(last) {
        let rows = read.rows(ENTRIES, &[from.into(), Value::count(PAGE as u64)]).await?;
        for row in &rows {
            last = Some(entry(row, left).map_err(|error| read.refused(error))?);
            entries += 1;
        }
        if rows.len() < PAGE {
            break;
        }
    }
    Ok(entries)
}

fn entry(row: &Row, left: &mut Left) -> Result<Uuid, Broken> {
    let (id, entry) = (row.id(0)?, row.json::<JournalEntry>(1)?);
    let mut lines = 0_u128;
    for (key, amount) in entry.lines() {
        let (account, owner) = codes::account(key.account)
            .ok_or_else(|| Broken::column(1, "an account that this release does not store"))?;
        let line = Line { account, owner, currency: key.currency.code(), amount };
        lines = lines.wrapping_add(line.hash());
    }
    left.take(id, lines);
    Ok(id)
}
