INSERT INTO tk_outbox_part (part, last)
  WITH RECURSIVE parts (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts WHERE part < 63)
  SELECT part, 0 FROM parts WHERE NOT EXISTS (SELECT 1 FROM tk_outbox_part);

INSERT INTO tk_outbox_reader (part, published, epoch, owner, expires_at)
  SELECT p.part, 0, 0, '', 0 FROM tk_outbox_part p
  WHERE NOT EXISTS (SELECT 1 FROM tk_outbox_reader r WHERE r.part = p.part);

CREATE TABLE tk_currency (
  code TEXT NOT NULL PRIMARY KEY,
  digits INTEGER NOT NULL,
  unit INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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
  ('ZWG', 2, 100), ('ZWL', 2, 100);

CREATE VIEW tk_v_reservation AS
SELECT v.id,
  v.state,
  v.performance,
  v.show_id,
  v.user_id,
  v.seats,
  CASE WHEN v.total < 0 THEN '-' ELSE '' END || (abs(v.total) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.total) % c.unit) END AS total,
  v.currency,
  v.made_at,
  v.expires_at,
  v.payment,
  v.version,
  strftime('%Y-%m-%dT%H:%M:%S', v.saved_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', v.saved_at % 1000000) AS saved_at
FROM (
  SELECT body ->> '$.id' AS id,
    CASE json_type(body, '$.state') WHEN 'object' THEN (SELECT key FROM json_each(body, '$.state'))
      ELSE body ->> '$.state' END AS state,
    body ->> '$.performance' AS performance,
    body ->> '$.show' AS show_id,
    body ->> '$.user' AS user_id,
    json_array_length(body, '$.lines') AS seats,
    body ->> '$.total.minor' AS total,
    body ->> '$.total.currency' AS currency,
    body ->> '$.made_at' AS made_at,
    body ->> '$.expires_at' AS expires_at,
    body ->> '$.payment' AS payment,
    version,
    saved_at
  FROM tk_reservation
) v LEFT JOIN tk_currency c ON c.code = v.currency;

CREATE VIEW tk_v_payment AS
SELECT v.id,
  v.state,
  v.reservation,
  v.performance,
  v.user_id,
  v.method,
  CASE WHEN v.discount < 0 THEN '-' ELSE '' END || (abs(v.discount) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.discount) % c.unit) END AS discount,
  CASE WHEN v.points < 0 THEN '-' ELSE '' END || (abs(v.points) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.points) % c.unit) END AS points,
  CASE WHEN v.external_part < 0 THEN '-' ELSE '' END || (abs(v.external_part) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.external_part) % c.unit) END AS external_part,
  CASE WHEN v.received < 0 THEN '-' ELSE '' END || (abs(v.received) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.received) % c.unit) END AS received,
  CASE WHEN v.refunded < 0 THEN '-' ELSE '' END || (abs(v.refunded) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.refunded) % c.unit) END AS refunded,
  v.currency,
  v.created_at,
  v.paid_at,
  v.version,
  strftime('%Y-%m-%dT%H:%M:%S', v.saved_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', v.saved_at % 1000000) AS saved_at
FROM (
  SELECT body ->> '$.id' AS id,
    CASE json_type(body, '$.state') WHEN 'object' THEN (SELECT key FROM json_each(body, '$.state'))
      ELSE body ->> '$.state' END AS state,
    body ->> '$.reservation' AS reservation,
    body ->> '$.performance' AS performance,
    body ->> '$.user' AS user_id,
    body ->> '$.method' AS method,
    body ->> '$.tenders.discount.minor' AS discount,
    body ->> '$.tenders.points.minor' AS points,
    body ->> '$.tenders.external.minor' AS external_part,
    body ->> '$.received.minor' AS received,
    body ->> '$.refunded.minor' AS refunded,
    body ->> '$.tenders.external.currency' AS currency,
    body ->> '$.created_at' AS created_at,
    body ->> '$.paid_at' AS paid_at,
    version,
    saved_at
  FROM tk_payment
) v LEFT JOIN tk_currency c ON c.code = v.currency;

CREATE VIEW tk_v_refund AS
SELECT v.id,
  v.state,
  v.what,
  v.payment,
  v.reservation,
  v.user_id,
  CASE WHEN v.external_part < 0 THEN '-' ELSE '' END || (abs(v.external_part) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.external_part) % c.unit) END AS external_part,
  CASE WHEN v.points < 0 THEN '-' ELSE '' END || (abs(v.points) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.points) % c.unit) END AS points,
  CASE WHEN v.stopped < 0 THEN '-' ELSE '' END || (abs(v.stopped) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.stopped) % c.unit) END AS stopped,
  CASE WHEN v.taken_back < 0 THEN '-' ELSE '' END || (abs(v.taken_back) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.taken_back) % c.unit) END AS taken_back,
  v.currency,
  v.attempt,
  v.requested_at,
  v.next_try_at,
  v.version,
  strftime('%Y-%m-%dT%H:%M:%S', v.saved_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', v.saved_at % 1000000) AS saved_at
FROM (
  SELECT body ->> '$.id' AS id,
    CASE json_type(body, '$.state') WHEN 'object' THEN (SELECT key FROM json_each(body, '$.state'))
      ELSE body ->> '$.state' END AS state,
    CASE json_type(body, '$.what') WHEN 'object' THEN (SELECT key FROM json_each(body, '$.what'))
      ELSE body ->> '$.what' END AS what,
    body ->> '$.payment' AS payment,
    body ->> '$.reservation' AS reservation,
    body ->> '$.user' AS user_id,
    body ->> '$.external.minor' AS external_part,
    body ->> '$.points.minor' AS points,
    body ->> '$.stopped.minor' AS stopped,
    body ->> '$.taken_back.minor' AS taken_back,
    body ->> '$.external.currency' AS currency,
    body ->> '$.attempt' AS attempt,
    body ->> '$.requested_at' AS requested_at,
    body ->> '$.next_try_at' AS next_try_at,
    version,
    saved_at
  FROM tk_refund
) v LEFT JOIN tk_currency c ON c.code = v.currency;

CREATE VIEW tk_v_entry AS
SELECT body ->> '$.id' AS id,
  body ->> '$.kind' AS kind,
  CASE json_type(body, '$.subject') WHEN 'object' THEN (SELECT key FROM json_each(body, '$.subject'))
      ELSE body ->> '$.subject' END AS subject,
  (SELECT atom FROM json_each(body, '$.subject')) AS subject_id,
  body ->> '$.currency' AS currency,
  body ->> '$.resolves' AS resolves,
  strftime('%Y-%m-%dT%H:%M:%S', booked_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', booked_at % 1000000) AS booked_at
FROM tk_entry;

CREATE VIEW tk_v_posting AS
SELECT e.body ->> '$.id' AS entry,
  e.body ->> '$.kind' AS kind,
  CASE account WHEN 1 THEN 'wallet' WHEN 2 THEN 'points_held' WHEN 3 THEN 'clearing'
    WHEN 4 THEN 'refund_payable' WHEN 5 THEN 'promotion' WHEN 6 THEN 'seller'
    WHEN 7 THEN 'platform_fee' WHEN 8 THEN 'payout_clearing' WHEN 9 THEN 'loss' END AS account,
  CASE WHEN owner <> X'00000000000000000000000000000000' THEN
    lower(substr(hex(owner), 1, 8) || '-' || substr(hex(owner), 9, 4) || '-' || substr(hex(owner), 13, 4) || '-' ||
    substr(hex(owner), 17, 4) || '-' || substr(hex(owner), 21)) END AS owner,
  CASE WHEN p.amount < 0 THEN '-' ELSE '' END || (abs(p.amount) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(p.amount) % c.unit) END AS amount,
  p.currency,
  p.amount AS minor_units,
  strftime('%Y-%m-%dT%H:%M:%S', e.booked_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', e.booked_at % 1000000) AS booked_at
FROM tk_posting p JOIN tk_entry e ON e.id = p.entry LEFT JOIN tk_currency c ON c.code = p.currency;

CREATE VIEW tk_v_balance AS
SELECT CASE account WHEN 1 THEN 'wallet' WHEN 2 THEN 'points_held' WHEN 3 THEN 'clearing'
    WHEN 4 THEN 'refund_payable' WHEN 5 THEN 'promotion' WHEN 6 THEN 'seller'
    WHEN 7 THEN 'platform_fee' WHEN 8 THEN 'payout_clearing' WHEN 9 THEN 'loss' END AS account,
  CASE WHEN owner <> X'00000000000000000000000000000000' THEN
    lower(substr(hex(owner), 1, 8) || '-' || substr(hex(owner), 9, 4) || '-' || substr(hex(owner), 13, 4) || '-' ||
    substr(hex(owner), 17, 4) || '-' || substr(hex(owner), 21)) END AS owner,
  CASE WHEN v.balance < 0 THEN '-' ELSE '' END || (abs(v.balance) / c.unit) ||
    CASE c.digits WHEN 0 THEN '' ELSE printf('.%0*d', c.digits, abs(v.balance) % c.unit) END AS balance,
  v.currency,
  v.balance AS minor_units
FROM (
  SELECT 1 AS account, user_id AS owner, currency, balance FROM tk_wallet
  UNION ALL
  SELECT account, owner, currency, SUM(balance) FROM tk_balance GROUP BY account, owner, currency
) v LEFT JOIN tk_currency c ON c.code = v.currency;

CREATE VIEW tk_v_outbox_part AS
SELECT p.part AS partition_no,
  p.last,
  r.published,
  p.last - r.published AS waiting,
  strftime('%Y-%m-%dT%H:%M:%S', o.occurred_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', o.occurred_at % 1000000) AS waiting_since,
  NULLIF(r.owner, '') AS leased_by,
  CASE WHEN r.owner <> '' THEN
    strftime('%Y-%m-%dT%H:%M:%S', r.expires_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', r.expires_at % 1000000) END AS leased_until,
  r.epoch
FROM tk_outbox_part p JOIN tk_outbox_reader r ON r.part = p.part
LEFT JOIN tk_outbox o ON o.part = p.part AND o.sequence = (
  SELECT MIN(b.sequence) FROM tk_outbox b WHERE b.part = p.part AND b.sequence > r.published);

CREATE VIEW tk_v_outbox AS
SELECT partition_no, sequence, name, CASE kind WHEN 1 THEN 'venue' WHEN 2 THEN 'show'
    WHEN 3 THEN 'performance' WHEN 4 THEN 'reservation' WHEN 5 THEN 'checkout' WHEN 6 THEN 'payment'
    WHEN 7 THEN 'refund' WHEN 8 THEN 'ticket' WHEN 9 THEN 'entry' END AS kind,
  aggregate, number,
  strftime('%Y-%m-%dT%H:%M:%S', occurred_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', occurred_at % 1000000) AS occurred_at,
  stream, change_set, payload
FROM (
  SELECT o.part AS partition_no,
    (g.value ->> '$.first') + e.key AS sequence,
    o.sequence - o.events AS gone,
    e.value ->> '$.name' AS name,
    e.value ->> '$.kind' AS kind,
    e.value ->> '$.aggregate' AS aggregate,
    e.value ->> '$.number' AS number,
    e.value ->> '$.occurred_at' AS occurred_at,
    g.value ->> '$.stream' AS stream,
    g.value ->> '$.change_set' AS change_set,
    e.value -> '$.payload' AS payload
  FROM tk_outbox o, json_each(o.body) g, json_each(g.value, '$.events') e
) v WHERE sequence > gone;

INSERT INTO tk_schema (version) VALUES (2);
