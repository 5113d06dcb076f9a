CREATE TABLE tk_venue (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_show (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  seller BLOB NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_show_by_seller ON tk_show (seller, id);

CREATE TABLE tk_performance (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  show_id BLOB NOT NULL,
  winding_up INTEGER NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_performance_by_show ON tk_performance (show_id, id);
CREATE INDEX tk_performance_to_wind_up ON tk_performance (winding_up, id);

CREATE TABLE tk_reservation (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  user_id BLOB NOT NULL,
  live_in BLOB NULL,
  due_at INTEGER NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_reservation_by_user ON tk_reservation (user_id, id);
CREATE INDEX tk_reservation_by_performance ON tk_reservation (live_in, id);
CREATE INDEX tk_reservation_due ON tk_reservation (due_at, id);

CREATE TABLE tk_checkout (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  reservation BLOB NOT NULL,
  live_since INTEGER NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_checkout_by_reservation ON tk_checkout (reservation, id);
CREATE INDEX tk_checkout_stalled ON tk_checkout (live_since, id);

CREATE TABLE tk_payment (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  reservation BLOB NOT NULL,
  unsettled_since INTEGER NULL,
  to_close INTEGER NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_payment_by_reservation ON tk_payment (reservation, id);
CREATE INDEX tk_payment_unsettled ON tk_payment (unsettled_since, id);
CREATE INDEX tk_payment_to_close ON tk_payment (to_close, id);

CREATE TABLE tk_refund (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  payment BLOB NOT NULL,
  due_at INTEGER NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_refund_by_payment ON tk_refund (payment, id);
CREATE INDEX tk_refund_due ON tk_refund (due_at, id);

CREATE TABLE tk_ticket (
  id BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  reservation BLOB NOT NULL,
  seat INTEGER NOT NULL,
  user_id BLOB NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_ticket_by_reservation ON tk_ticket (reservation, seat, id);
CREATE INDEX tk_ticket_by_user ON tk_ticket (user_id, id);

CREATE TABLE tk_seat_claim (
  performance BLOB NOT NULL,
  seat INTEGER NOT NULL,
  status INTEGER NOT NULL,
  owner BLOB NULL,
  PRIMARY KEY (performance, seat)
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_allowance (
  user_id BLOB NOT NULL,
  show_id BLOB NOT NULL,
  slot INTEGER NOT NULL,
  reservation BLOB NOT NULL,
  PRIMARY KEY (user_id, show_id, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_change_set (
  id BLOB NOT NULL PRIMARY KEY,
  decided_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_change_set_by_age ON tk_change_set (decided_at);

CREATE TABLE tk_receipt (
  caller BLOB NOT NULL,
  operation TEXT NOT NULL,
  client_key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  answer TEXT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (caller, operation, client_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_receipt_by_age ON tk_receipt (created_at);

CREATE TABLE tk_message (
  consumer TEXT NOT NULL,
  message TEXT NOT NULL,
  handled_at INTEGER NOT NULL,
  PRIMARY KEY (consumer, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX tk_message_by_age ON tk_message (handled_at);

CREATE TABLE tk_entry (
  id BLOB NOT NULL PRIMARY KEY,
  booked_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_posting (
  account INTEGER NOT NULL,
  owner BLOB NOT NULL,
  currency TEXT NOT NULL,
  entry BLOB NOT NULL,
  amount INTEGER NOT NULL,
  PRIMARY KEY (account, owner, currency, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_resolution (
  pending BLOB NOT NULL PRIMARY KEY,
  entry BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_wallet (
  user_id BLOB NOT NULL,
  currency TEXT NOT NULL,
  balance INTEGER NOT NULL,
  PRIMARY KEY (user_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_balance (
  account INTEGER NOT NULL,
  owner BLOB NOT NULL,
  currency TEXT NOT NULL,
  slot INTEGER NOT NULL,
  balance INTEGER NOT NULL,
  PRIMARY KEY (account, owner, currency, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_outbox (
  part INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  events INTEGER NOT NULL,
  occurred_at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (part, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_outbox_part (
  part INTEGER NOT NULL PRIMARY KEY,
  last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_outbox_reader (
  part INTEGER NOT NULL PRIMARY KEY,
  published INTEGER NOT NULL,
  dropped INTEGER NOT NULL DEFAULT 0,
  epoch INTEGER NOT NULL,
  owner TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tk_schema (
  version INTEGER NOT NULL PRIMARY KEY
) STRICT;

INSERT INTO tk_schema (version) VALUES (1);
