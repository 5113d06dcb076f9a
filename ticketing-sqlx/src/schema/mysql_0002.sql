INSERT INTO tk_outbox_part (part, last)
  WITH RECURSIVE parts (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts WHERE part < 63)
  SELECT part, 0 FROM parts WHERE NOT EXISTS (SELECT 1 FROM tk_outbox_part);

INSERT INTO tk_outbox_reader (part, published, epoch, owner, expires_at)
  SELECT p.part, 0, 0, '', 0 FROM tk_outbox_part p
  WHERE NOT EXISTS (SELECT 1 FROM tk_outbox_reader r WHERE r.part = p.part);

CREATE TABLE IF NOT EXISTS tk_currency (
  code CHAR(3) NOT NULL PRIMARY KEY,
  digits TINYINT NOT NULL,
  unit INT NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO tk_currency (code, digits, unit) VALUES
  ('AED', 2, 100), ('AFN', 2, 100), ('ALL', 2, 100), ('AMD', 2, 100), ('AOA', 2, 100), ('ARS', 2, 100),
  ('AUD', 2, 100), ('AWG', 2, 100), ('AZN', 2, 100), ('BAM', 2, 100), ('BBD', 2, 100), ('BDT', 2, 100),
  ('BGN', 2, 100), ('BHD', 3, 1000), ('BIF', 0, 1), ('BMD', 2, 100), ('BND', 2, 100), ('BOB', 2, 100),
  ('BOV', 2, 100), ('BRL', 2, 100), ('BSD', 2, 100), ('BTN', 2, 100), ('BWP', 2, 100), ('BYN', 2, 100),
  ('BZD', 2, 100), ('CAD', 2, 100), ('CDF', 2, 100), ('CHE', 2, 100), ('CHF', 2, 100), ('CHW', 2, 100),
  ('CLF', 4, 10000), ('CLP', 0, 1), ('CNY', 2, 100), ('COP', 2, 100), ('COU', 2, 100), ('CRC', 2, 100),
  ('CUC', 2, 100), ('CUP', 2, 100), ('CVE', 2, 100), ('CZK', 2, 100), ('DJF', 0, 1), ('DKK', 2, 100),
  ('DOP', 2, 100), ('DZD', 2, 100), ('EGP', 2, 100), ('ERN', 2, 100), ('ETB', 2, 100), ('EUR', 2, 100),
  ('FJD', 2, 100), ('FKP', 2, 100), ('GBP', 2, 100), ('GEL', 2, 100), ('GHS', 2, 100), ('GIP', 2, 100),
  ('GMD', 2, 100), ('GNF', 0, 1), ('GTQ', 2, 100), ('GYD', 2, 100), ('HKD', 2, 100), ('HNL', 2, 100),
  ('HRK', 2, 100), ('HTG', 2, 100), ('HUF', 2, 100), ('IDR', 2, 100), ('ILS', 2, 100), ('INR', 2, 100),
  ('IQD', 3, 1000), ('IRR', 2, 100), ('ISK', 0, 1), ('JMD', 2, 100), ('JOD', 3, 1000), ('JPY', 0, 1),
  ('KES', 2, 100), ('KGS', 2, 100), ('KHR', 2, 100), ('KMF', 0, 1), ('KPW', 2, 100), ('KRW', 0, 1),
  ('KWD', 3, 1000), ('KYD', 2, 100), ('KZT', 2, 100), ('LAK', 2, 100), ('LBP', 2, 100), ('LKR', 2, 100),
  ('LRD', 2, 100), ('LSL', 2, 100), ('LYD', 3, 1000), ('MAD', 2, 100), ('MDL', 2, 100), ('MGA', 2, 100),
  ('MKD', 2, 100), ('MMK', 2, 100), ('MNT', 2, 100), ('MOP', 2, 100), ('MRU', 2, 100), ('MUR', 2, 100),
  ('MVR', 2, 100), ('MWK', 2, 100), ('MXN', 2, 100), ('MXV', 2, 100), ('MYR', 2, 100), ('MZN', 2, 100),
  ('NAD', 2, 100), ('NGN', 2, 100), ('NIO', 2, 100), ('NOK', 2, 100), ('NPR', 2, 100), ('NZD', 2, 100),
  ('OMR', 3, 1000), ('PAB', 2, 100), ('PEN', 2, 100), ('PGK', 2, 100), ('PHP', 2, 100), ('PKR', 2, 100),
  ('PLN', 2, 100), ('PYG', 0, 1), ('QAR', 2, 100), ('RON', 2, 100), ('RSD', 2, 100), ('RUB', 2, 100),
  ('RWF', 0, 1), ('SAR', 2, 100), ('SBD', 2, 100), ('SCR', 2, 100), ('SDG', 2, 100), ('SEK', 2, 100),
  ('SGD', 2, 100), ('SHP', 2, 100), ('SLE', 2, 100), ('SLL', 2, 100), ('SOS', 2, 100), ('SRD', 2, 100),
  ('SSP', 2, 100), ('STN', 2, 100), ('SVC', 2, 100), ('SYP', 2, 100), ('SZL', 2, 100), ('THB', 2, 100),
  ('TJS', 2, 100), ('TMT', 2, 100), ('TND', 3, 1000), ('TOP', 2, 100), ('TRY', 2, 100), ('TTD', 2, 100),
  ('TWD', 2, 100), ('TZS', 2, 100), ('UAH', 2, 100), ('UGX', 0, 1), ('USD', 2, 100), ('USN', 2, 100),
  ('UYI', 0, 1), ('UYU', 2, 100), ('UYW', 4, 10000), ('UZS', 2, 100), ('VED', 2, 100), ('VES', 2, 100),
  ('VND', 0, 1), ('VUV', 0, 1), ('WST', 2, 100), ('XAD', 2, 100), ('XAF', 0, 1), ('XCD', 2, 100),
  ('XCG', 2, 100), ('XOF', 0, 1), ('XPF', 0, 1), ('YER', 2, 100), ('ZAR', 2, 100), ('ZMW', 2, 100),
  ('ZWG', 2, 100), ('ZWL', 2, 100)
  ON DUPLICATE KEY UPDATE digits = VALUES(digits), unit = VALUES(unit);

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tk_v_reservation AS
SELECT v.id,
  v.state,
  v.performance,
  v.show_id,
  v.user_id,
  v.seats,
  CONCAT(CASE WHEN v.total < 0 THEN '-' ELSE '' END, ABS(v.total) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.total) MOD c.unit, c.digits, '0'))
    END) AS total,
  v.currency,
  v.made_at,
  v.expires_at,
  v.payment,
  v.version,
  DATE_FORMAT(TIMESTAMPADD(MICROSECOND, v.saved_at, '1970-01-01 00:00:00'),
    '%Y-%m-%dT%H:%i:%s.%fZ') AS saved_at
FROM (
  SELECT NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.id')), 'null') AS id,
    COALESCE(JSON_UNQUOTE(JSON_EXTRACT(JSON_KEYS(body, '$.state'), '$[0]')),
      JSON_UNQUOTE(JSON_EXTRACT(body, '$.state'))) AS state,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.performance')), 'null') AS performance,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.show')), 'null') AS show_id,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.user')), 'null') AS user_id,
    JSON_LENGTH(body, '$.lines') AS seats,
    CAST(JSON_EXTRACT(body, '$.total.minor') AS SIGNED) AS total,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.total.currency')), 'null') AS currency,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.made_at')), 'null') AS made_at,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.expires_at')), 'null') AS expires_at,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.payment')), 'null') AS payment,
    version,
    saved_at
  FROM tk_reservation
) v LEFT JOIN tk_currency c ON c.code = v.currency;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tk_v_payment AS
SELECT v.id,
  v.state,
  v.reservation,
  v.performance,
  v.user_id,
  v.method,
  CONCAT(CASE WHEN v.discount < 0 THEN '-' ELSE '' END, ABS(v.discount) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.discount) MOD c.unit, c.digits, '0'))
    END) AS discount,
  CONCAT(CASE WHEN v.points < 0 THEN '-' ELSE '' END, ABS(v.points) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.points) MOD c.unit, c.digits, '0'))
    END) AS points,
  CONCAT(CASE WHEN v.external_part < 0 THEN '-' ELSE '' END, ABS(v.external_part) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.external_part) MOD c.unit, c.digits, '0'))
    END) AS external_part,
  CONCAT(CASE WHEN v.received < 0 THEN '-' ELSE '' END, ABS(v.received) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.received) MOD c.unit, c.digits, '0'))
    END) AS received,
  CONCAT(CASE WHEN v.refunded < 0 THEN '-' ELSE '' END, ABS(v.refunded) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.refunded) MOD c.unit, c.digits, '0'))
    END) AS refunded,
  v.currency,
  v.created_at,
  v.paid_at,
  v.version,
  DATE_FORMAT(TIMESTAMPADD(MICROSECOND, v.saved_at, '1970-01-01 00:00:00'),
    '%Y-%m-%dT%H:%i:%s.%fZ') AS saved_at
FROM (
  SELECT NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.id')), 'null') AS id,
    COALESCE(JSON_UNQUOTE(JSON_EXTRACT(JSON_KEYS(body, '$.state'), '$[0]')),
      JSON_UNQUOTE(JSON_EXTRACT(body, '$.state'))) AS state,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.reservation')), 'null') AS reservation,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.performance')), 'null') AS performance,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.user')), 'null') AS user_id,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.method')), 'null') AS method,
    CAST(JSON_EXTRACT(body, '$.tenders.discount.minor') AS SIGNED) AS discount,
    CAST(JSON_EXTRACT(body, '$.tenders.points.minor') AS SIGNED) AS points,
    CAST(JSON_EXTRACT(body, '$.tenders.external.minor') AS SIGNED) AS external_part,
    CAST(JSON_EXTRACT(body, '$.received.minor') AS SIGNED) AS received,
    CAST(JSON_EXTRACT(body, '$.refunded.minor') AS SIGNED) AS refunded,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.tenders.external.currency')), 'null') AS currency,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.created_at')), 'null') AS created_at,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.paid_at')), 'null') AS paid_at,
    version,
    saved_at
  FROM tk_payment
) v LEFT JOIN tk_currency c ON c.code = v.currency;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tk_v_refund AS
SELECT v.id,
  v.state,
  v.what,
  v.payment,
  v.reservation,
  v.user_id,
  CONCAT(CASE WHEN v.external_part < 0 THEN '-' ELSE '' END, ABS(v.external_part) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.external_part) MOD c.unit, c.digits, '0'))
    END) AS external_part,
  CONCAT(CASE WHEN v.points < 0 THEN '-' ELSE '' END, ABS(v.points) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.points) MOD c.unit, c.digits, '0'))
    END) AS points,
  CONCAT(CASE WHEN v.stopped < 0 THEN '-' ELSE '' END, ABS(v.stopped) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.stopped) MOD c.unit, c.digits, '0'))
    END) AS stopped,
  CONCAT(CASE WHEN v.taken_back < 0 THEN '-' ELSE '' END, ABS(v.taken_back) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.taken_back) MOD c.unit, c.digits, '0'))
    END) AS taken_back,
  v.currency,
  v.attempt,
  v.requested_at,
  v.next_try_at,
  v.version,
  DATE_FORMAT(TIMESTAMPADD(MICROSECOND, v.saved_at, '1970-01-01 00:00:00'),
    '%Y-%m-%dT%H:%i:%s.%fZ') AS saved_at
FROM (
  SELECT NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.id')), 'null') AS id,
    COALESCE(JSON_UNQUOTE(JSON_EXTRACT(JSON_KEYS(body, '$.state'), '$[0]')),
      JSON_UNQUOTE(JSON_EXTRACT(body, '$.state'))) AS state,
    COALESCE(JSON_UNQUOTE(JSON_EXTRACT(JSON_KEYS(body, '$.what'), '$[0]')),
      JSON_UNQUOTE(JSON_EXTRACT(body, '$.what'))) AS what,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.payment')), 'null') AS payment,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.reservation')), 'null') AS reservation,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.user')), 'null') AS user_id,
    CAST(JSON_EXTRACT(body, '$.external.minor') AS SIGNED) AS external_part,
    CAST(JSON_EXTRACT(body, '$.points.minor') AS SIGNED) AS points,
    CAST(JSON_EXTRACT(body, '$.stopped.minor') AS SIGNED) AS stopped,
    CAST(JSON_EXTRACT(body, '$.taken_back.minor') AS SIGNED) AS taken_back,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.external.currency')), 'null') AS currency,
    CAST(JSON_EXTRACT(body, '$.attempt') AS SIGNED) AS attempt,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.requested_at')), 'null') AS requested_at,
    NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.next_try_at')), 'null') AS next_try_at,
    version,
    saved_at
  FROM tk_refund
) v LEFT JOIN tk_currency c ON c.code = v.currency;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tk_v_entry AS
SELECT NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.id')), 'null') AS id,
  NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.kind')), 'null') AS kind,
  COALESCE(JSON_UNQUOTE(JSON_EXTRACT(JSON_KEYS(body, '$.subject'), '$[0]')),
      JSON_UNQUOTE(JSON_EXTRACT(body, '$.subject'))) AS subject,
  JSON_UNQUOTE(JSON_EXTRACT(JSON_EXTRACT(body, '$.subject.*'), '$[0]')) AS subject_id,
  NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.currency')), 'null') AS currency,
  NULLIF(JSON_UNQUOTE(JSON_EXTRACT(body, '$.resolves')), 'null') AS resolves,
  DATE_FORMAT(TIMESTAMPADD(MICROSECOND, booked_at, '1970-01-01 00:00:00'),
    '%Y-%m-%dT%H:%i:%s.%fZ') AS booked_at
FROM tk_entry;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tk_v_posting AS
SELECT NULLIF(JSON_UNQUOTE(JSON_EXTRACT(e.body, '$.id')), 'null') AS entry,
  NULLIF(JSON_UNQUOTE(JSON_EXTRACT(e.body, '$.kind')), 'null') AS kind,
  CASE account WHEN 1 THEN 'wallet' WHEN 2 THEN 'points_held' WHEN 3 THEN 'clearing'
    WHEN 4 THEN 'refund_payable' WHEN 5 THEN 'promotion' WHEN 6 THEN 'seller'
    WHEN 7 THEN 'platform_fee' WHEN 8 THEN 'payout_clearing' WHEN 9 THEN 'loss' END AS account,
  CASE WHEN owner <> X'00000000000000000000000000000000' THEN
    LOWER(CONCAT_WS('-', SUBSTR(HEX(owner), 1, 8), SUBSTR(HEX(owner), 9, 4), SUBSTR(HEX(owner), 13, 4),
    SUBSTR(HEX(owner), 17, 4), SUBSTR(HEX(owner), 21))) END AS owner,
  CONCAT(CASE WHEN p.amount < 0 THEN '-' ELSE '' END, ABS(p.amount) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(p.amount) MOD c.unit, c.digits, '0'))
    END) AS amount,
  p.currency,
  p.amount AS minor_units,
  DATE_FORMAT(TIMESTAMPADD(MICROSECOND, e.booked_at, '1970-01-01 00:00:00'),
    '%Y-%m-%dT%H:%i:%s.%fZ') AS booked_at
FROM tk_posting p JOIN tk_entry e ON e.id = p.entry LEFT JOIN tk_currency c ON c.code = p.currency;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tk_v_balance AS
SELECT CASE account WHEN 1 THEN 'wallet' WHEN 2 THEN 'points_held' WHEN 3 THEN 'clearing'
    WHEN 4 THEN 'refund_payable' WHEN 5 THEN 'promotion' WHEN 6 THEN 'seller'
    WHEN 7 THEN 'platform_fee' WHEN 8 THEN 'payout_clearing' WHEN 9 THEN 'loss' END AS account,
  CASE WHEN owner <> X'00000000000000000000000000000000' THEN
    LOWER(CONCAT_WS('-', SUBSTR(HEX(owner), 1, 8), SUBSTR(HEX(owner), 9, 4), SUBSTR(HEX(owner), 13, 4),
    SUBSTR(HEX(owner), 17, 4), SUBSTR(HEX(owner), 21))) END AS owner,
  CONCAT(CASE WHEN v.balance < 0 THEN '-' ELSE '' END, ABS(v.balance) DIV c.unit,
    CASE c.digits WHEN 0 THEN '' ELSE CONCAT('.', LPAD(ABS(v.balance) MOD c.unit, c.digits, '0'))
    END) AS balance,
  v.currency,
  v.balance AS minor_units
FROM (
  SELECT 1 AS account, user_id AS owner, currency, balance FROM tk_wallet
  UNION ALL
  SELECT account, owner, currency, CAST(SUM(balance) AS SIGNED) FROM tk_balance GROUP BY account, owner, currency
) v LEFT JOIN tk_currency c ON c.code = v.currency;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tk_v_outbox_part AS
SELECT p.part AS partition_no,
  p.last,
  r.published,
  p.last - r.published AS waiting,
  DATE_FORMAT(TIMESTAMPADD(MICROSECOND, o.occurred_at, '1970-01-01 00:00:00'),
    '%Y-%m-%dT%H:%i:%s.%fZ') AS waiting_since,
  NULLIF(r.owner, '') AS leased_by,
  CASE WHEN r.owner <> '' THEN
    DATE_FORMAT(TIMESTAMPADD(MICROSECOND, r.expires_at, '1970-01-01 00:00:00'),
    '%Y-%m-%dT%H:%i:%s.%fZ') END AS leased_until,
  r.epoch
FROM tk_outbox_part p JOIN tk_outbox_reader r ON r.part = p.part
LEFT JOIN tk_outbox o ON o.part = p.part AND o.sequence = (
  SELECT MIN(b.sequence) FROM (
    WITH RECURSIVE places (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM places WHERE n < 256)
    SELECT n FROM places
  ) k STRAIGHT_JOIN tk_outbox b ON b.part = p.part AND b.sequence = r.published + k.n);

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tk_v_outbox AS
SELECT o.part AS partition_no,
  e.first + e.place - 1 AS sequence,
  e.name,
  CASE e.kind WHEN 1 THEN 'venue' WHEN 2 THEN 'show' WHEN 3 THEN 'performance'
    WHEN 4 THEN 'reservation' WHEN 5 THEN 'checkout' WHEN 6 THEN 'payment' WHEN 7 THEN 'refund'
    WHEN 8 THEN 'ticket' WHEN 9 THEN 'entry' END AS kind,
  e.aggregate,
  e.number,
  DATE_FORMAT(TIMESTAMPADD(MICROSECOND, e.occurred_at, '1970-01-01 00:00:00'),
    '%Y-%m-%dT%H:%i:%s.%fZ') AS occurred_at,
  e.stream,
  e.change_set,
  e.payload
FROM tk_outbox o, JSON_TABLE(o.body, '$[*]' COLUMNS (
  first BIGINT PATH '$.first',
  change_set CHAR(36) PATH '$.change_set',
  stream CHAR(36) PATH '$.stream',
  NESTED PATH '$.events[*]' COLUMNS (
    place FOR ORDINALITY,
    kind INT PATH '$.kind',
    aggregate CHAR(36) PATH '$.aggregate',
    number BIGINT PATH '$.number',
    name VARCHAR(64) PATH '$.name',
    occurred_at BIGINT PATH '$.occurred_at',
    payload JSON PATH '$.payload'))) e
WHERE e.first + e.place - 1 > o.sequence - o.events;

INSERT INTO tk_schema (version) VALUES (2) ON DUPLICATE KEY UPDATE version = version;
