CREATE TABLE seat (
  performance BLOB NOT NULL,
  seat INTEGER NOT NULL,
  status INTEGER NOT NULL,
  reservation BLOB NULL,
  PRIMARY KEY (performance, seat)
) WITHOUT ROWID;

CREATE TABLE reservation (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  user_id BLOB NOT NULL,
  live_in BLOB NULL,
  due_at INTEGER NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX reservation_by_user ON reservation (user_id, id);
CREATE INDEX reservation_by_performance ON reservation (live_in, id);
CREATE INDEX reservation_due ON reservation (due_at, id);

CREATE TABLE checkout (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  reservation BLOB NOT NULL,
  live_since INTEGER NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX checkout_by_reservation ON checkout (reservation, id);
CREATE INDEX checkout_stalled ON checkout (live_since, id);

CREATE TABLE payment (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  reservation BLOB NOT NULL,
  unsettled_since INTEGER NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX payment_by_reservation ON payment (reservation, id);
CREATE INDEX payment_unsettled ON payment (unsettled_since, id);

CREATE TABLE ticket (
  id BLOB NOT NULL PRIMARY KEY,
  reservation BLOB NOT NULL,
  seat INTEGER NOT NULL,
  user_id BLOB NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX ticket_by_reservation ON ticket (reservation, seat, id);
CREATE INDEX ticket_by_user ON ticket (user_id, id);

CREATE TABLE entry (
  id BLOB NOT NULL PRIMARY KEY,
  booked_at INTEGER NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE posting (
  account INTEGER NOT NULL,
  owner BLOB NOT NULL,
  entry BLOB NOT NULL,
  amount INTEGER NOT NULL,
  PRIMARY KEY (account, owner, entry)
) WITHOUT ROWID;

CREATE TABLE balance (
  seller BLOB NOT NULL PRIMARY KEY,
  amount INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE receipt (
  caller BLOB NOT NULL,
  operation TEXT NOT NULL,
  client_key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  answer TEXT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (caller, operation, client_key)
) WITHOUT ROWID;
CREATE INDEX receipt_by_age ON receipt (created_at);

CREATE TABLE allowance (
  user_id BLOB NOT NULL,
  show_id BLOB NOT NULL,
  slot INTEGER NOT NULL,
  reservation BLOB NOT NULL,
  PRIMARY KEY (user_id, show_id, slot)
) WITHOUT ROWID;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  stream BLOB NOT NULL,
  aggregate BLOB NOT NULL,
  number INTEGER NOT NULL,
  name TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  payload TEXT NOT NULL
);
