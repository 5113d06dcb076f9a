# shellcheck shell=bash
# Redis.

# redis-tools holds the server too, under the name of one of its tools, and starts no service when it is
# installed; redis-server adds that.
find_redis() {
  redis=$(command -v redis-server) && return
  local tool
  tool=$(command -v redis-check-rdb) || return 1
  mkdir -p "$cache"
  ln -sfn "$tool" "$cache/redis-server"
  redis=$cache/redis-server
}

packages_redis() { echo redis-tools; }
wants_redis='Redis 7 (Debian: redis-server)'

make_redis() { mkdir "$1"; }

# The log of changes is written before the answer, so kill -9 loses nothing that was answered.
command_redis() {
  argv=("$redis" --bind 127.0.0.1 --port "$1" --dir "$state/redis/data" --daemonize no
    --save '' --appendonly yes --appendfsync everysec)
}

# Not PING alone: the version shows which server it is. Not INFO alone: it answers while data is loading.
redis_version() {
  local line tries=20
  {
    printf 'PING\r\nINFO server\r\n' >&3
    IFS= read -r -t 2 -u 3 line && [ "$line" = $'+PONG\r' ] || return 1
    while [ $((tries -= 1)) -gt 0 ] && IFS= read -r -t 2 -u 3 line; do
      [[ $line != redis_version:* ]] || { line=${line#*:}; printf '%s' "${line%$'\r'}"; return; }
    done
  } 3<>"/dev/tcp/127.0.0.1/$1"
  return 1
}

probe_redis() { redis_version "$1" 2>/dev/null; }
