#!/bin/sh
# One tool behind the proxy with `docker run` alone, no compose file:
#   docker/examples/docker-run/run.sh up
#   docker/examples/docker-run/run.sh tool IMAGE [COMMAND...]     as an MCP client starts a stdio server
#   docker/examples/docker-run/run.sh down
set -eu

image=${EGRESS_PROXY_IMAGE:-mcp-egress-proxy}
subnet=${MCP_TOOLS_SUBNET:-172.31.250.0/24}
range=${MCP_TOOLS_IP_RANGE:-172.31.250.64/26}
address=${EGRESS_PROXY_ADDRESS:-172.31.250.250}
name=${EGRESS_PROXY_NAME:-egress-proxy}
tools=${MCP_TOOLS_NETWORK:-mcp-tools}

up() {
  docker network inspect "$tools" >/dev/null 2>&1 || docker network create --internal \
    --opt com.docker.network.bridge.inhibit_ipv4=true --opt com.docker.network.bridge.gateway_mode_ipv4=isolated \
    --subnet "$subnet" --ip-range "$range" "$tools" >/dev/null
  # Created on a network with a way out, then put on that of the tools: it is started once it has both.
  docker create --name "$name" --restart unless-stopped --network "${EGRESS_NETWORK:-bridge}" \
    --read-only --cap-drop ALL --security-opt no-new-privileges --memory 512m --pids-limit 64 \
    --sysctl net.ipv4.ip_forward=0 --sysctl net.ipv6.conf.all.forwarding=0 --sysctl net.ipv4.conf.all.rp_filter=1 \
    -e EGRESS_PROXY_LISTEN="$address:3128" -e EGRESS_STEER_DNS="$address:53" \
    -e EGRESS_STEER_HTTP="$address:80" -e EGRESS_STEER_TLS="$address:443" "$image" >/dev/null
  docker network connect --ip "$address" "$tools" "$name"
  docker start "$name" >/dev/null
}

tool() {
  exec docker run --rm -i --network "$tools" --dns "$address" --cap-drop ALL --security-opt no-new-privileges "$@"
}

down() {
  docker rm --force "$name" >/dev/null
  docker network rm "$tools" >/dev/null
}

case ${1:-} in
up | down) "$1" ;;
tool)
  shift
  tool "$@"
  ;;
*)
  echo "usage: run.sh up | tool IMAGE [COMMAND...] | down" >&2
  exit 2
  ;;
esac
