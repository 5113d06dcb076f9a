# shellcheck shell=bash
# Servers as processes: the record of what was started, ports, and how it ends.

# Sets pid and port from the record of a server; false if that very process does not run. A pid alone may
# belong to another process by now, so the record holds when it started and since which boot.
alive() {
  local born boot stat fields
  pid='' port=''
  { read -r pid born boot port <"$state/$1/pid"; } 2>/dev/null || return 1
  [ "$boot" = "$(</proc/sys/kernel/random/boot_id)" ] || return 1
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  # The name of the program stands in parentheses and may hold anything.
  read -r -a fields <<<"${stat##*) }"
  [[ ${fields[0]} != [ZX] ]] && [ "${fields[19]}" = "$born" ]
}

port_on_record() { cut -d ' ' -f 4 "$state/$1/pid" 2>/dev/null || true; }

# launch NAME PORT COMMAND...: starts it in a session of its own and puts it on record.
launch() {
  local name=$1 port=$2 stat fields
  shift 2
  [ ! -f "$state/$name/log" ] || mv -f "$state/$name/log" "$state/$name/log.1"
  # Without 8 and 9: a server must not keep the locks.
  setsid nohup "$@" >"$state/$name/log" 2>&1 </dev/null 8>&- 9>&- &
  pid=$!
  stat=$(cat "/proc/$pid/stat")
  read -r -a fields <<<"${stat##*) }"
  printf '%s %s %s %s\n' "$pid" "${fields[19]}" "$(</proc/sys/kernel/random/boot_id)" "$port" \
    >"$state/$name/pid.new"
  mv "$state/$name/pid.new" "$state/$name/pid"
}

# The sockets that listen on a port, as a pattern of find.
listeners() {
  local files=(/proc/net/tcp)
  [ ! -r /proc/net/tcp6 ] || files+=(/proc/net/tcp6)
  awk -v port="$(printf ':%04X' "$1")" '
    $4 == "0A" && substr($2, length($2) - 4) == port { printf "socket:\\[%s\\]\n", $10 }
  ' "${files[@]}"
}

# holds PID PORT: that process listens there.
holds() {
  local socket
  while IFS= read -r socket; do
    [ -z "$(find "/proc/$1/fd" -maxdepth 1 -lname "$socket" -print -quit 2>/dev/null)" ] || return 0
  done < <(listeners "$2")
  return 1
}

free_port() {
  local socket owner
  socket=$(listeners "$2" | head -n 1)
  [ -n "$socket" ] || return 0
  owner=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "$socket" -print -quit 2>/dev/null || true)
  owner=$(cut -d / -f 3 <<<"$owner")
  fail "$1 cannot start: something else listens on port $2${owner:+, pid $owner};" \
    "end it or set SERVICES_${1^^}_PORT"
}

# gone NAME SECONDS: waits until the process on record has ended.
gone() {
  local tries=$(($2 * 20))
  while alive "$1"; do
    [ $((tries -= 1)) -gt 0 ] || return 1
    sleep 0.05
  done
}

# released PORT: waits until nothing listens there. Threads of a killed process may hold its port and files
# for a moment longer than it is seen.
released() {
  local tries=200
  while [ -n "$(listeners "$1")" ]; do
    [ $((tries -= 1)) -gt 0 ] || return 1
    sleep 0.05
  done
}

# stop NAME SIGNAL: only what is on record; kill -9 if the signal does not do within 30 s.
stop() {
  local name=$1 was held
  alive "$name" || return 0
  was=$pid held=$port
  kill "-$2" "$was" 2>/dev/null || true
  if ! gone "$name" 30; then
    say "$name did not end within 30 s: kill -9"
    kill -KILL "$was" 2>/dev/null || true
    gone "$name" 10 || fail "$name, pid $was, did not end after kill -9"
  fi
  released "$held" || fail "$name, pid $was, has ended and its port $held is still taken"
}
