#!/bin/sh
# Puts the override into a stack so that none of its commands can lose it: the stack's compose file keeps its name and becomes a
# wrapper that includes the old one (*.stack.yml) with the override last. COMPOSE_FILE may then be rewritten or not read at all,
# and files that are named beside it still count. The .env file is not touched.
#   mcp-egress-proxy/docker/install.sh [--dry-run | --check | --remove] [FOLDER_OF_THE_STACK]
# --check ends with 1 if the override is not in force in what Compose would start now. Needs Compose 2.24.4 or newer.
set -eu

say() { printf '%s\n' "install: $*" >&2; }
fail() { say "$*"; exit 1; }

action=install
case ${1:-} in
--dry-run | --check | --remove)
  action=${1#--}
  shift
  ;;
--*)
  say "usage: install.sh [--dry-run | --check | --remove] [FOLDER_OF_THE_STACK]"
  exit 2
  ;;
esac
here=$(cd "$(dirname "$0")/.." && pwd -P)
cd "${1:-.}"
stack=$(pwd -P)
settings=egress-proxy.env
mark='# Written by mcp-egress-proxy/docker/install.sh'

# As Compose looks for them.
first_of() { for file in "$@"; do [ ! -e "$file" ] || { printf '%s\n' "$file"; return; }; done; }
base=$(first_of compose.yaml compose.yml docker-compose.yml docker-compose.yaml)
[ -n "$base" ] || fail "there is no compose file in $stack"
own=$(first_of compose.override.yml compose.override.yaml docker-compose.override.yml docker-compose.override.yaml)
# Compose loads that one by itself, but not beside a list of files: then it keeps its name, and its place if the list names it.
[ -z "${COMPOSE_FILE:-}" ] && ! grep -qs '^COMPOSE_FILE=.' .env || own=
aside() { printf '%s\n' "${1%.*}.stack.${1##*.}"; }
is_installed() { head -1 "$base" | grep -qF "$mark"; }

case $here in
"$stack"/*) from=./${here#"$stack"/} ;;
*) fail "put this repository inside of $stack: paths of a compose file that leave its folder break where the folder is mounted elsewhere" ;;
esac

# The lines of one service in what `docker compose config` prints.
service() { awk -v name="  $1:" '/^[^ ]/ { s = ($0 == "services:") } s && /^  [^ ]/ { on = ($0 == name) } on'; }

# Of a configuration on standard input: what is wrong with the gateway, or nothing.
faults() {
  config=$(cat)
  gateway=$(printf '%s\n' "$config" | service mcp-gateway)
  [ -n "$gateway" ] || { echo "it has no service mcp-gateway"; return; }
  networks=$(printf '%s\n' "$gateway" | awk '/^    [^ ]/ { on = ($0 == "    networks:") } on && /^      [^ ]/ { sub(/:.*/, ""); print $1 }')
  [ "$networks" = mcp-tools ] || echo "mcp-gateway is on $(printf '%s' "$networks" | tr '\n' ' ')and not on mcp-tools alone"
  printf '%s\n' "$gateway" | grep -q '^    ports:' && echo "mcp-gateway publishes ports itself"
  [ -n "$(printf '%s\n' "$config" | service egress-proxy)" ] || echo "it has no service egress-proxy"
}

# Every way in which the stack's own commands find their files: by .env, by the name of the base alone, without .env.
check() {
  bad=0
  for way in "" "-f $base" "--env-file /dev/null"; do
    # shellcheck disable=SC2086
    if ! config=$(docker compose $way config 2>&1); then
      # What cannot be started is not open; but what the stack starts by default has to work.
      say "docker compose $way config fails: $(printf '%s\n' "$config" | tail -1)"
      [ -n "$way" ] || bad=1
      continue
    fi
    found=$(printf '%s\n' "$config" | faults)
    [ -z "$found" ] || { say "docker compose $way: $found"; bad=1; }
  done
  return $bad
}

version_is_enough() {
  docker compose version --short | sed 's/^v//' | awk -F'[.-]' '{ exit !($1 > 2 || ($1 == 2 && ($2 > 24 || ($2 == 24 && $3 >= 4)))) }'
}

# Undoes what is half done.
restore() {
  [ ! -e "$(aside "$base")" ] || mv "$(aside "$base")" "$base"
  for file in compose.override docker-compose.override; do
    for end in yml yaml; do [ ! -e "$file.stack.$end" ] || mv "$file.stack.$end" "$file.$end"; done
  done
  rm -f "$settings"
}

wrapper() {
  cat <<END
$mark: the stack's own file is $(aside "$base").
# The override comes last and cannot be left out by a command that names this file. To undo it: $from/docker/install.sh --remove
name: $project
include:
  - path:
      - ./$(aside "$base")
END
  [ -z "$own" ] || printf '      - ./%s\n' "$(aside "$own")"
  cat <<END
      - $from/compose.override.yml
    env_file: ./$settings
END
}

case $action in
check)
  check || exit 1
  say "the override is in force"
  ;;
remove)
  is_installed || fail "$base was not written by this script: there is nothing to remove"
  restore
  say "removed; after docker compose up -d --remove-orphans the stack's tools are no longer confined"
  ;;
*)
  ! is_installed || fail "it is installed already; --check tells whether it is in force"
  [ ! -e egress-proxy/compose.override.yml ] || fail "egress-proxy init has put the override in already: run egress-proxy init --remove first"
  docker info >/dev/null 2>&1 || fail "the Docker engine does not answer: start it, or use a user who may ask it"
  version_is_enough || fail "Compose 2.24.4 or newer is needed, this is $(docker compose version --short)"
  # With the file list of .env, so that what the stack starts today is what is looked at.
  before=$(docker compose config) || fail "docker compose config fails before any change: correct what it reports first"
  gateway=$(printf '%s\n' "$before" | service mcp-gateway)
  [ -n "$gateway" ] || fail "no service is called mcp-gateway: see docker/compose.tools.yml for a stack without a gateway"
  project=$(printf '%s\n' "$before" | sed -n 's/^name: //p')
  published=yes
  printf '%s\n' "$gateway" | grep -q '^ *published:' || published=no
  address=$(printf '%s\n' "$gateway" | sed -n 's/^ *host_ip: //p' | head -1)
  if [ "$action" = dry-run ]; then
    say "would move $base to $(aside "$base")${own:+ and $own to $(aside "$own")}, and write $base:"
    wrapper
    say "port 8811 is published now: $published"
    exit 0
  fi
  trap 'restore; say "nothing was changed"' EXIT
  mv "$base" "$(aside "$base")"
  [ -z "$own" ] || mv "$own" "$(aside "$own")"
  {
    echo "# For compose.override.yml; values in .env count before these."
    echo "EGRESS_PROXY_DIR=$from"
    echo "MCP_GATEWAY_PUBLISHED=$published"
    # This machine as others see it is never a destination: its public addresses, if it has any.
    "$here/docker/host/ssrf-egress-block.sh" --host-addresses 2>/dev/null | grep '=.' || :
    [ -z "$address" ] || echo "MCP_GATEWAY_PUBLISH=$address:$(printf '%s\n' "$gateway" | sed -n 's/^ *published: "\(.*\)"/\1/p' | head -1)"
  } >"$settings"
  wrapper >"$base"
  check || exit 1
  trap - EXIT
  say "installed in $stack. Next: docker compose up -d"
  ;;
esac
