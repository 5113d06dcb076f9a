CREATE TABLE IF NOT EXISTS tk_venue (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  events BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  body LONGTEXT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_show (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  events BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  seller BINARY(16) NOT NULL,
  body LONGTEXT NOT NULL,
  KEY by_seller (seller, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_performance (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  events BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  show_id BINARY(16) NOT NULL,
  winding_up TINYINT NULL,
  body LONGTEXT NOT NULL,
  KEY by_show (show_id, id),
  KEY to_wind_up (winding_up, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_reservation (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  events BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  user_id BINARY(16) NOT NULL,
  live_in BINARY(16) NULL,
  due_at BIGINT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_user (user_id, id),
  KEY by_performance (live_in, id),
  KEY due (due_at, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_checkout (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  events BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  reservation BINARY(16) NOT NULL,
  live_since BIGINT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_reservation (reservation, id),
  KEY stalled (live_since, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_payment (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  events BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  reservation BINARY(16) NOT NULL,
  unsettled_since BIGINT NULL,
  to_close TINYINT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_reservation (reservation, id),
  KEY unsettled (unsettled_since, id),
  KEY to_close (to_close, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_refund (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  events BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  payment BINARY(16) NOT NULL,
  due_at BIGINT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_payment (payment, id),
  KEY due (due_at, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_ticket (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  replaced BIGINT NOT NULL,
  events BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  reservation BINARY(16) NOT NULL,
  seat INT NOT NULL,
  user_id BINARY(16) NOT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_reservation (reservation, seat, id),
  KEY by_user (user_id, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_seat_claim (
  performance BINARY(16) NOT NULL,
  seat INT NOT NULL,
  status TINYINT NOT NULL,
  owner BINARY(16) NULL,
  PRIMARY KEY (performance, seat)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_allowance (
  user_id BINARY(16) NOT NULL,
  show_id BINARY(16) NOT NULL,
  slot INT NOT NULL,
  reservation BINARY(16) NOT NULL,
  PRIMARY KEY (user_id, show_id, slot)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_change_set (
  id BINARY(16) NOT NULL PRIMARY KEY,
  decided_at BIGINT NOT NULL,
  KEY by_age (decided_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_receipt (
  caller BINARY(16) NOT NULL,
  operation VARCHAR(32) NOT NULL,
  client_key VARCHAR(300) NOT NULL,
  fingerprint BINARY(32) NOT NULL,
  answer MEDIUMTEXT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (caller, operation, client_key),
  KEY by_age (created_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_message (
  consumer VARCHAR(64) NOT NULL,
  message VARCHAR(300) NOT NULL,
  handled_at BIGINT NOT NULL,
  PRIMARY KEY (consumer, message),
  KEY by_age (handled_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_entry (
  id BINARY(16) NOT NULL PRIMARY KEY,
  booked_at BIGINT NOT NULL,
  body TEXT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_posting (
  account TINYINT NOT NULL,
  owner BINARY(16) NOT NULL,
  currency CHAR(3) NOT NULL,
  entry BINARY(16) NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (account, owner, currency, entry)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_resolution (
  pending BINARY(16) NOT NULL PRIMARY KEY,
  entry BINARY(16) NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_wallet (
  user_id BINARY(16) NOT NULL,
  currency CHAR(3) NOT NULL,
  balance BIGINT NOT NULL,
  PRIMARY KEY (user_id, currency)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_balance (
  account TINYINT NOT NULL,
  owner BINARY(16) NOT NULL,
  currency CHAR(3) NOT NULL,
  slot TINYINT NOT NULL,
  balance BIGINT NOT NULL,
  PRIMARY KEY (account, owner, currency, slot)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_outbox (
  part INT NOT NULL,
  sequence BIGINT NOT NULL,
  events INT NOT NULL,
  occurred_at BIGINT NOT NULL,
  body MEDIUMTEXT NOT NULL,
  PRIMARY KEY (part, sequence)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_outbox_part (
  part INT NOT NULL PRIMARY KEY,
  last BIGINT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_outbox_reader (
  part INT NOT NULL PRIMARY KEY,
  published BIGINT NOT NULL,
  dropped BIGINT NOT NULL DEFAULT 0,
  epoch BIGINT NOT NULL,
  owner VARCHAR(64) NOT NULL,
  expires_at BIGINT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tk_schema (
  version BIGINT NOT NULL PRIMARY KEY
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO tk_schema (version) VALUES (1) ON DUPLICATE KEY UPDATE version = version;
