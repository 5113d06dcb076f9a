# shellcheck shell=bash
# MySQL and MariaDB.

# What both take. Durable, as a shop would run them: tests of faults rely on it. Paths are relative to
# the data, for a socket's path may be 107 bytes long and a checkout's may be longer.
sql_options() {
  printf '%s\n' --user="$(id -un)" --bind-address=127.0.0.1 --port="$1" --socket=server.sock \
    --pid-file=server.pid --skip-name-resolve --character-set-server=utf8mb4 \
    --transaction-isolation=READ-COMMITTED --innodb-flush-log-at-trx-commit=1 --log-bin=binlog \
    --sync-binlog=1 --max-binlog-size=256M --binlog-expire-logs-seconds=600 --server-id=1 \
    --max-connections=400 --max-allowed-packet=64M \
    --innodb-buffer-pool-size="${SERVICES_POOL:-512M}"
}

# The version in the greeting of a server that takes connections; the parts of a greeting end with a
# zero.
sql_version() {
  local part tries=8
  while [ $((tries -= 1)) -gt 0 ] && IFS= read -r -t 2 -d '' -u 3 part; do
    [[ $part != $'\n'[0-9]* ]] || { part=${part#$'\n'}; printf '%s' "${part#5.5.5-}"; return; }
  done 3<>"/dev/tcp/127.0.0.1/$1"
  return 1
}

probe_mysql() { sql_version "$1" 2>/dev/null; }
probe_mariadb() { sql_version "$1" 2>/dev/null; }

# Users and database, made by the first start that gets ready.
sql_users() { [ -f "$state/$1/ready" ] || printf '%s\n' --init-file="$here/users.sql"; }

# A mysqld is fit if it is MySQL's and 8.4 or newer; Debian calls MariaDB's the same.
fit_mysqld() {
  local version
  version=$("$1" --no-defaults --version 2>/dev/null) || return 1
  [[ $version != *MariaDB* && $version =~ Ver\ ([0-9]+)\.([0-9]+) ]] &&
    [ $((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2])) -ge 8004 ]
}

# Sets mysqld, the program with the arguments that any use of it needs; false if there is none.
find_mysql() {
  local root=$cache/mysql-sid loaders
  if [ -n "${MYSQLD-}" ]; then
    fit_mysqld "$MYSQLD" || fail "MYSQLD is \`$MYSQLD\`, expected a mysqld of MySQL 8.4 or newer"
    mysqld=("$MYSQLD" --no-defaults)
  elif command -v mysqld >/dev/null && fit_mysqld mysqld; then
    mysqld=("$(command -v mysqld)" --no-defaults)
  elif [ -d "$root" ]; then
    # Started by the loader that it was linked for: needs no chroot, so no root, and sees this checkout.
    loaders=("$root"/usr/lib/*/ld-linux*.so.*)
    mysqld=("${loaders[0]}" --argv0 mysqld --library-path "${loaders[0]%/*}" "$root/usr/sbin/mysqld"
      --no-defaults --basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql")
  else
    return 1
  fi
}

# Named to all but root, for debootstrap serves only root.
packages_mysql() {
  if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then echo debootstrap; fi
}

# Debian 12 has no MySQL, sid has. Only libraries and MySQL are unpacked, nothing is set up.
fetch_mysql() {
  local new=$cache/mysql-sid.new keys=/usr/share/keyrings/debian-archive-keyring.gpg package
  rm -rf "$new" "$new.packages"
  timeout -k 5 900 debootstrap --download-only --variant=minbase --keyring="$keys" \
    --include=mysql-server-core,mysql-client-core sid "$new.packages" || return 1
  mkdir -p "$new"
  for package in "$new.packages"/var/cache/apt/archives/{lib,mysql-}*.deb; do
    dpkg-deb -x "$package" "$new" || return 1
  done
  rm -rf "$new.packages" "$new/usr/share/doc"
  mv "$new" "$cache/mysql-sid"
}

wants_mysql='MySQL 8.4 or newer, named by MYSQLD'

make_mysql() {
  timeout -k 5 "$seconds_max" "${mysqld[@]}" --user="$(id -un)" --datadir="$1" \
    --innodb-redo-log-capacity=1G --initialize-insecure
}

command_mysql() {
  # A killed server may be a zombie for a while, which MySQL takes for one that runs. By the record none
  # does; InnoDB locks its files besides.
  rm -f "$state/mysql/data/server.sock.lock"
  mapfile -t argv < <(
    printf '%s\n' "${mysqld[@]}" --datadir="$state/mysql/data" --mysqlx=OFF --secure-file-priv=NULL \
      --innodb-redo-log-capacity=1G
    sql_options "$1"
    sql_users mysql
  )
}

find_mariadb() {
  command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null &&
    command -v my_print_defaults >/dev/null
}

# Without the packages that start a service. The client's brings a part of mariadb-install-db.
packages_mariadb() { printf '%s\n' mariadb-server-core mariadb-client-core; }

wants_mariadb='MariaDB (Debian: mariadb-server-core, mariadb-client-core)'

make_mariadb() {
  timeout -k 5 "$seconds_max" mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$1" \
    --auth-root-authentication-method=normal --skip-test-db --innodb-log-file-size=1G
}

command_mariadb() {
  mapfile -t argv < <(
    printf '%s\n' mariadbd --no-defaults --datadir="$state/mariadb/data" --binlog-format=ROW \
      --innodb-log-file-size=1G
    sql_options "$1"
    sql_users mariadb
  )
}
