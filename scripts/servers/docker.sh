# shellcheck shell=bash
# Servers as the containers of compose.yaml.

# Says yes or no once; a client without a daemon is common.
docker_answers() {
  if [ -z "${docker_there-}" ]; then
    docker_there=no
    if [ "${SERVICES_NO_DOCKER-}" != 1 ] && command -v docker >/dev/null &&
      timeout -k 1 10 docker info >/dev/null 2>&1; then
      docker compose version >/dev/null 2>&1 ||
        fail 'docker has no `compose`: install its plugin or set SERVICES_NO_DOCKER=1'
      docker_there=yes
    fi
  fi
  [ "$docker_there" = yes ]
}

compose() { docker compose -f compose.yaml "$@"; }

# Sets port, image and pid, which is the id of the container; false if the container does not run.
in_container() {
  local inner=3306 address
  docker_answers || return 1
  case $1 in
    redis) inner=6379 ;;
    kafka) inner=9092 ;;
  esac
  address=$(compose port "$1" "$inner" 2>/dev/null) && [[ $address =~ :([1-9][0-9]*)$ ]] || return 1
  port=${BASH_REMATCH[1]}
  read -r image pid < <(compose ps --format '{{.Image}} {{.ID}}' "$1")
}

start_containers() {
  timeout -k 5 1800 docker compose -f compose.yaml up --detach --wait \
    --wait-timeout "$seconds_max" "$@" >&2 || {
    say 'error: the containers did not get healthy; their logs end with:'
    compose logs --tail 20 "$@" >&2
    return 1
  }
}

restart_container() {
  ! in_container "$1" || compose restart "$1" >&2
  start_containers "$1"
}

remove_container() { compose rm --force --stop "$1" >&2; }
wipe_container() {
  remove_container "$1"
  docker volume rm -f "ticketing-services_$1" >/dev/null
}
