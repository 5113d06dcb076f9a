CREATE TABLE seat (
  performance BINARY(16) NOT NULL,
  seat INT NOT NULL,
  status TINYINT NOT NULL,
  reservation BINARY(16) NULL,
  PRIMARY KEY (performance, seat)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE reservation (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  user_id BINARY(16) NOT NULL,
  live_in BINARY(16) NULL,
  due_at BIGINT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_user (user_id, id),
  KEY by_performance (live_in, id),
  KEY due (due_at, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE checkout (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  reservation BINARY(16) NOT NULL,
  live_since BIGINT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_reservation (reservation, id),
  KEY stalled (live_since, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE payment (
  id BINARY(16) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  reservation BINARY(16) NOT NULL,
  unsettled_since BIGINT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_reservation (reservation, id),
  KEY unsettled (unsettled_since, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE ticket (
  id BINARY(16) NOT NULL PRIMARY KEY,
  reservation BINARY(16) NOT NULL,
  seat INT NOT NULL,
  user_id BINARY(16) NOT NULL,
  body MEDIUMTEXT NOT NULL,
  KEY by_reservation (reservation, seat, id),
  KEY by_user (user_id, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE entry (
  id BINARY(16) NOT NULL PRIMARY KEY,
  booked_at BIGINT NOT NULL,
  body TEXT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE posting (
  account TINYINT NOT NULL,
  owner BINARY(16) NOT NULL,
  entry BINARY(16) NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (account, owner, entry)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE balance (
  seller BINARY(16) NOT NULL PRIMARY KEY,
  amount BIGINT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE receipt (
  caller BINARY(16) NOT NULL,
  operation VARCHAR(32) NOT NULL,
  client_key VARCHAR(300) NOT NULL,
  fingerprint BINARY(32) NOT NULL,
  answer MEDIUMTEXT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (caller, operation, client_key),
  KEY by_age (created_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE allowance (
  user_id BINARY(16) NOT NULL,
  show_id BINARY(16) NOT NULL,
  slot INT NOT NULL,
  reservation BINARY(16) NOT NULL,
  PRIMARY KEY (user_id, show_id, slot)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE outbox (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  stream BINARY(16) NOT NULL,
  aggregate BINARY(16) NOT NULL,
  number BIGINT NOT NULL,
  name VARCHAR(64) NOT NULL,
  occurred_at BIGINT NOT NULL,
  payload MEDIUMTEXT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
