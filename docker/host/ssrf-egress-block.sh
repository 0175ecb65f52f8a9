#!/usr/bin/env bash
# Host firewall rules against SSRF from the tools' network: the tables of mcp-egress-proxy as iptables or nftables rules.
# Needs bash and iptables or nft, no Node. README.md beside this file says what the rules can and cannot do.
set -euo pipefail

# The sidecar's way out: what comes from there reaches the internet, and not this host.
EGRESS_NETWORKS=(ai-toolkit-mcp-egress)
NETWORKS=(ai-toolkit-mcp-tools ai-toolkit_frontend ai-toolkit-frontend ai-toolkit_default)

usage() {
  cat <<'USAGE'
usage: ssrf-egress-block.sh [--dry-run | --check | --remove | --host-addresses] [SUBNET ...]
         [--dns ADDRESS ...] [--interface BRIDGE ...] [--format iptables|nftables]
         [--egress SUBNET ...] [--egress-interface BRIDGE ...]

  (no mode)    put the rules in place, or bring them up to date
  --dry-run    print the rules, change nothing; with --remove: print how they would be removed
  --check      say whether the rules are in place, with their counters: exit 0 if they are, 1 if not
  --remove     take the rules away again, in both formats
  --host-addresses
               print the public addresses of this host as a line for the stack's .env, and nothing else
  SUBNET       the tools' network, such as 172.18.0.0/16; without one it is asked of Docker:
               ai-toolkit-mcp-tools, ai-toolkit_frontend, ai-toolkit-frontend or ai-toolkit_default, the first that is there
  --dns        a resolver that the tools may ask directly; default: none but Docker's own, inside the containers
  --interface  a bridge to judge whatever the source address; default: the bridges of the subnets, as Docker says
  --egress     the sidecar's own network: from there only this host is refused; default: ai-toolkit-mcp-egress, if it is there
  --egress-interface
               its bridge; default: as Docker says
  --format     default: iptables where Docker keeps its chain DOCKER-USER there, else nftables
USAGE
}

main() {
  read_arguments "$@"
  case $mode in
    remove) remove_rules ;;
    host-addresses) host_addresses ;;
    *)
      find_network
      [ "$mode" = check ] || describe
      "${mode}_rules"
      ;;
  esac
}

read_arguments() {
  mode=apply dry_run='' format='' subnet4=() subnet6=() interface=() dns4=() dns6=()
  egress4=() egress6=() egressInterface=()
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) dry_run=yes ;;
      --check | --remove | --host-addresses) mode=${1#--} ;;
      --dns | --interface | --format | --egress | --egress-interface)
        [ $# -ge 2 ] || usage_error "$1 needs a value"
        local option=${1#--}
        "take_${option/-/_}" "$2"
        shift
        ;;
      -h | --help) usage; exit 0 ;;
      -*) usage_error "unknown option $1" ;;
      *) take_subnet "$1" ;;
    esac
    shift
  done
  [ -z "$dry_run" ] || [ "$mode" = remove ] || mode=print
}

take_subnet() {
  need_subnet "$1"
  if [[ $1 == *:* ]]; then subnet6+=("${1,,}"); else subnet4+=("$1"); fi
}

take_egress() {
  need_subnet "$1"
  if [[ $1 == *:* ]]; then egress6+=("${1,,}"); else egress4+=("$1"); fi
}

need_subnet() {
  local bits length=${1#*/}
  bits=$(bits_of "${1%/*}") || length=none
  if ! [[ $1 == */* && $length =~ ^(0|[1-9][0-9]{0,2})$ ]] || [ "$length" -gt ${#bits} ]; then
    usage_error "SUBNET $1: expected a subnet such as 172.18.0.0/16"
  fi
  [ "$length" -gt 0 ] || usage_error "SUBNET $1: this is every address, the host's own included"
  [[ ${bits:length} != *1* ]] || usage_error "SUBNET $1 has bits set after the prefix length"
}

# Port 53 of a metadata address would be open, and nothing opens these.
take_dns() {
  local bits never
  bits=$(bits_of "$1") || usage_error "--dns $1: expected an IPv4 or IPv6 address"
  for never in $NEVER; do
    if is_in "$bits" "$never"; then usage_error "--dns $1 is in $never, which nothing opens"; fi
  done
  if [[ $1 == *:* ]]; then dns6+=("${1,,}/128"); else dns4+=("$1/32"); fi
}

take_interface() {
  need_interface "$1"
  interface+=("$1")
}

take_egress_interface() {
  need_interface "$1"
  egressInterface+=("$1")
}

need_interface() {
  [[ $1 =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$ ]] || usage_error "--interface $1: expected the name of a bridge"
}

take_format() {
  [[ $1 == iptables || $1 == nftables ]] || usage_error "--format is iptables or nftables, not $1"
  format=$1
}

# The bits of an address as 32 or 128 digits; fails where it is none.
bits_of() {
  local digits='' group groups address=$1
  if [[ $address =~ ^[0-9]{1,3}(\.[0-9]{1,3}){3}$ ]]; then
    for group in ${address//./ }; do
      if [ "$((10#$group))" -gt 255 ] || [[ $group == 0?* ]]; then return 1; fi
      digits+=$(printf '%02x' "$group")
    done
  else
    [[ $address =~ ^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*$ && ! $address =~ ::.*::|:::|[0-9A-Fa-f]{5}|^:[^:]|[^:]:$ ]] || return 1
    groups=${address//::/ . }
    groups=${groups//:/ }
    for group in $groups; do
      if [ "$group" = . ]; then digits+=.; else digits+=$(printf '%04x' "0x$group"); fi
    done
    local zeros=00000000000000000000000000000000 known=${digits/./}
    if [[ $digits == *.* ]]; then digits=${digits/./${zeros:${#known}}}; fi
    [ ${#digits} = 32 ] || return 1
  fi
  local nibbles=(0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 1111) i
  for ((i = 0; i < ${#digits}; i++)); do printf '%s' "${nibbles[0x${digits:i:1}]}"; done
}

# $1: bits of an address, $2: a prefix.
is_in() {
  local base length=${2#*/}
  base=$(bits_of "${2%/*}")
  [ ${#base} = ${#1} ] && [ "${base:0:length}" = "${1:0:length}" ]
}

# Fills in what was not given: the subnets of the first network that is there, and the bridge of each subnet.
find_network() {
  local given="${subnet4[*]} ${subnet6[*]}" name
  if [ -z "${given// /}" ]; then
    docker_answers || fail "no SUBNET is given, and Docker does not answer: name the tools' network, such as 172.18.0.0/16"
    for name in "${NETWORKS[@]}"; do
      if docker network inspect "$name" >/dev/null 2>&1; then
        say "network $name"
        take_network "$name"
        break
      fi
    done
    given="${subnet4[*]} ${subnet6[*]}"
    [ -n "${given// /}" ] || fail "Docker has none of the networks ${NETWORKS[*]} with a subnet: name the subnet of the tools, such as 172.18.0.0/16"
  fi
  if [ ${#interface[@]} = 0 ]; then find_bridges; fi
  if [ ${#egress4[@]} = 0 ] && [ ${#egress6[@]} = 0 ] && [ ${#egressInterface[@]} = 0 ]; then find_egress; fi
  [ ${#interface[@]} -gt 0 ] ||
    say 'no bridge of these subnets is on this host: only source addresses are matched, which a container can forge. Name the bridge with --interface'
}

take_network() {
  local subnet
  for subnet in $(docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{end}}' "$1"); do take_subnet "$subnet"; done
}

find_egress() {
  docker_answers || return 0
  local name id bridge subnet
  for name in "${EGRESS_NETWORKS[@]}"; do
    id=$(docker network inspect -f '{{.Id}}' "$name" 2>/dev/null) || continue
    for subnet in $(docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{end}}' "$name"); do take_egress "$subnet"; done
    bridge=$(docker network inspect -f '{{with index .Options "com.docker.network.bridge.name"}}{{.}}{{end}}' "$name")
    bridge=${bridge:-br-${id:0:12}}
    [ ! -e "/sys/class/net/$bridge" ] || take_egress_interface "$bridge"
  done
}

# Not those that are private by themselves: the proxy refuses these anyway, and an exception may name one.
host_addresses() {
  command -v ip >/dev/null || fail 'there is no program "ip" on this host: install iproute2'
  local address prefix list=()
  for address in $(ip -4 -o address show scope global | awk '$2 !~ /^(docker|br-|veth)/ { sub("/.*", "", $4); print $4 }'); do
    is_private "$address" || list+=("$address")
  done
  # Prefixes, since a host changes its temporary addresses (RFC 8981).
  for prefix in $(ip -6 -o route show proto kernel | awk '$1 ~ /^[23].*\// && $3 !~ /^(docker|br-|veth)/ { print $1 }') \
    $(ip -6 -o address show scope global | awk '$4 ~ /^[23].*\/128$/ { print $4 }'); do
    list+=("$prefix")
  done
  if [ ${#list[@]} = 0 ]; then
    say 'no interface of this host has a public address. Behind NAT, name the address or a name of it by hand'
  fi
  local IFS=,
  echo "EGRESS_HOST_ADDRESSES=${list[*]}"
}

is_private() {
  local bits range
  bits=$(bits_of "$1")
  for range in 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16; do
    if is_in "$bits" "$range"; then return 0; fi
  done
  return 1
}

# A bridge has the name that the network's options give it, or br- and the start of the network's id.
find_bridges() {
  docker_answers || return 0
  local id name subnets subnet
  while read -r id name subnets; do
    [ "$name" != - ] || name=br-${id:0:12}
    [ -e "/sys/class/net/$name" ] || continue
    for subnet in "${subnet4[@]}" "${subnet6[@]}"; do
      if [[ " $subnets " == *" $subnet "* && " ${interface[*]} " != *" $name "* ]]; then
        take_interface "$name"
        take_others "$subnets"
      fi
    done
  done < <(docker network ls -q --filter driver=bridge | xargs -r docker network inspect -f \
    '{{.Id}} {{with index .Options "com.docker.network.bridge.name"}}{{.}}{{else}}-{{end}} {{range .IPAM.Config}}{{.Subnet}} {{end}}')
}

# The other subnets of a network: between its containers they pass, so they have to be known. $1: all of them.
take_others() {
  local subnet
  for subnet in $1; do
    if [[ " ${subnet4[*]} ${subnet6[*]} " != *" $subnet "* ]]; then take_subnet "$subnet"; fi
  done
}

docker_answers() { command -v docker >/dev/null && docker version >/dev/null 2>&1; }

describe() {
  local subnets=("${subnet4[@]}" "${subnet6[@]}") resolvers=("${dns4[@]}" "${dns6[@]}")
  say "refuse from: ${subnets[*]}${interface[*]:+ (bridge ${interface[*]})}"
  say 'refuse to: special-purpose and metadata addresses of IPv4 and IPv6, and every service of this host'
  local egress=("${egress4[@]}" "${egress6[@]}" "${egressInterface[@]}")
  [ ${#egress[@]} = 0 ] || say "refuse from the sidecar's network (${egress[*]}): every service of this host, and nothing else"
  say "DNS: ${resolvers[*]}${resolvers[*]:+ and }Docker's own inside the containers; nothing else"
  say 'let through: public addresses, the subnet itself, replies to inbound connections'
  local resolver
  sed -n 's/^nameserver[[:space:]]*\([0-9.]*\)$/\1/p' /etc/resolv.conf 2>/dev/null | while read -r resolver; do
    if [[ $resolver != 127.* && " ${dns4[*]} " != *" $resolver/32 "* ]]; then
      say "note: this host's resolver is $resolver; if Docker asks it from inside a container, add --dns $resolver"
    fi
  done
}

print_rules() {
  choose_format
  "${format}_rules" | fill_in
}

apply_rules() {
  need_root
  choose_format
  "${format}_rules" | fill_in | run_rules || fail "the rules were not accepted; what was there before stays in force"
  if [ "$format" = nftables ]; then judge_frames 1; fi
  say "in place ($format). Remove: $0 --remove. Look: $0 --check"
  persistence
}

remove_rules() {
  [ -n "$dry_run" ] || need_root
  if [ -z "$dry_run" ] && has_tool nftables; then
    mapfile -t interface < <(nft list chain inet mcp_egress forward 2>/dev/null | sed -n 's/.*iifname "\([^"]*\)" oifname.*/\1/p' | sort -u)
    judge_frames 0
  fi
  local each formats=(iptables nftables)
  [ -z "$format" ] || formats=("$format")
  for each in "${formats[@]}"; do
    if ! has_tool "$each"; then continue; fi
    format=$each
    if [ -n "$dry_run" ]; then "${format}_removal"; else "${format}_removal" | run_rules || fail "$format: not removed"; fi
  done
  [ -n "$dry_run" ] || say 'removed'
}

# As in the iptables form: br_netfilter for the bridges alone, so that frames from port to port are judged. $1: 0 or 1.
judge_frames() {
  local key name
  for name in "${interface[@]}"; do
    [ -e "/sys/class/net/$name/bridge" ] || continue
    if [ "$1" = 1 ] && [ ! -e /proc/sys/net/bridge ]; then
      modprobe br_netfilter 2>/dev/null || { say 'the module br_netfilter is missing: frames between tools are not filtered'; return 0; }
      for key in call-iptables call-ip6tables call-arptables; do echo 0 >"/proc/sys/net/bridge/bridge-nf-$key"; done
    fi
    for key in nf_call_iptables nf_call_ip6tables; do echo "$1" >"/sys/class/net/$name/bridge/$key" || :; done
    [ "$1" = 0 ] || echo 1 >/proc/sys/net/bridge/bridge-nf-filter-vlan-tagged || :
  done
}

run_rules() { if [ "$format" = iptables ]; then sh; else nft -f -; fi; }
has_tool() { if [ "$1" = iptables ]; then command -v iptables-restore; else command -v nft; fi >/dev/null; }
need_root() { [ "$(id -u)" = 0 ] || fail 'only root can do this: try sudo, or --dry-run'; }

choose_format() {
  if [ -z "$format" ]; then
    format=iptables
    if ! has_docker_user && uses_nftables; then format=nftables; fi
  fi
  [ "$mode" = print ] || has_tool "$format" || fail "there is no ${format/nftables/nft} on this host: install it, or choose the other --format"
  [ "$mode" = print ] || [ "$format" = nftables ] || has_docker_user ||
    fail "there is no chain DOCKER-USER in $(iptables -V): is Docker running, and does it use this iptables? (or: --format nftables)"
}

has_docker_user() { has_tool iptables && iptables -w -n -L DOCKER-USER >/dev/null 2>&1; }

# Without iptables, or where Engine 29 or newer is told to manage nftables itself.
uses_nftables() {
  has_tool nftables || return 1
  ! has_tool iptables || [ "$(docker info -f '{{.FirewallBackend.Driver}}' 2>/dev/null)" = nftables ]
}

# A line "%slot text" is repeated for every value of the slot, with the value in place of {}.
fill_in() {
  local line slot values value
  while IFS= read -r line; do
    slot=${line%% *}
    case $slot in
      %subnet4 | %subnet6 | %interface | %dns4 | %dns6 | %egress4 | %egress6 | %egressInterface)
        values="${slot#%}[@]"
        for value in "${!values}"; do printf '%s\n' "${line#* }" | sed "s|{}|$value|g"; done
        ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
}

check_rules() {
  need_root
  choose_format
  "check_$format"
}

check_iptables() {
  local rules tool part wrong=''
  rules=$(iptables_rules | fill_in)
  for tool in iptables $([ ! -e /proc/net/if_inet6 ] || echo ip6tables); do
    part=rules4
    if [ "$tool" = ip6tables ]; then part=rules6; fi
    if [ "$(sed -n "/^$part() {/,/^}/p" <<<"$rules" | essence)" != "$("$tool-save" -t filter | essence)" ]; then
      say "$tool: the rules are not those that this script would put in place: run it without --check"
      wrong=yes
      continue
    fi
    has_jumps "$tool" || wrong=yes
    say "$tool: in place; refused: $("$tool" -w -n -x -v -L MCP-EGRESS-REFUSE | awk '$3 == "REJECT" || $3 == "DROP" { sum += $1 } END { print sum + 0 }') packets"
  done
  [ -z "$wrong" ]
}

has_jumps() {
  local saved chain jump
  saved=$("$1-save" -t filter)
  chain=DOCKER-USER
  grep -q '^:DOCKER-USER ' <<<"$saved" || chain=FORWARD
  for jump in "$chain -j MCP-EGRESS-FORWARD" 'INPUT -j MCP-EGRESS-INPUT'; do
    if ! grep -qxF -e "-A $jump" <<<"$saved"; then
      say "$1: the jump \"$jump\" is missing: run this script without --check"
      return 1
    fi
    if [ "$(grep -m1 "^-A ${jump%% *} " <<<"$saved")" != "-A $jump" ]; then
      say "$1: there are rules before \"$jump\": what they accept passes by these rules"
    fi
  done
}

# Chain, addresses, interfaces, port and target of each rule of ours: what is the same in every version's listing.
essence() {
  awk '$1 == "-A" && $2 ~ /^MCP-EGRESS-/ {
    line = $2
    for (i = 3; i < NF; i++) if ($i ~ /^(-[sdiojgp]|--dport)$/) line = line " " $i " " $(i + 1)
    print line
  }' | sort -s -k1,1
}

check_nftables() {
  local live
  live=$(nft list table inet mcp_egress 2>/dev/null) || { say 'nftables: there is no table inet mcp_egress'; return 1; }
  if [ "$(nftables_rules | fill_in | nft_essence)" != "$(nft_essence <<<"$live")" ]; then
    say 'nftables: the rules are not those that this script would put in place: run it without --check'
    return 1
  fi
  say "nftables: in place; refused: $(awk '/chain refuse/ { on = 1 } on && $0 ~ /(reject|drop)/ { for (i = 1; i < NF; i++) if ($i == "packets") sum += $(i + 1) } END { print sum + 0 }' <<<"$live") packets"
}

# How many rules count, and every address, port set aside, and interface that is named.
nft_essence() {
  local text
  text=$(sed 's/#.*//')
  grep -c counter <<<"$text"
  tr -s ' \t,{}' '\n' <<<"$text" | sed -E 's,/(32|128)$,,' |
    grep -E '^"[A-Za-z0-9_.-]+"$|^[0-9a-f:.]*[.:][0-9a-f:.]*(/[0-9]+)?$' | sort -u
}

persistence() {
  local command=("$(readlink -f "$0")" --format "$format" "${subnet4[@]}" "${subnet6[@]}") resolver subnet
  for resolver in "${dns4[@]%/32}" "${dns6[@]%/128}"; do command+=(--dns "$resolver"); done
  for subnet in "${egress4[@]}" "${egress6[@]}"; do command+=(--egress "$subnet"); done
  cat >&2 <<ADVICE
ssrf-egress-block: the rules last until the next boot. To have them put in place after every start of Docker
(Debian, Ubuntu, RHEL, Fedora: wherever systemd is), as /etc/systemd/system/ssrf-egress-block.service:
    [Unit]
    After=docker.service firewalld.service nftables.service
    PartOf=docker.service firewalld.service
    [Service]
    Type=oneshot
    RemainAfterExit=yes
    ExecStart=${command[*]}
    [Install]
    WantedBy=docker.service
then: systemctl daemon-reload && systemctl enable --now ssrf-egress-block
Not recommended, since they save Docker's own rules with ours, which Docker then meets at its next start:
    Debian, Ubuntu: apt install iptables-persistent && netfilter-persistent save
    RHEL, Fedora:   dnf install iptables-services && service iptables save && service ip6tables save
ADVICE
}

say() { printf 'ssrf-egress-block: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
usage_error() { say "$*"; usage >&2; exit 2; }

# BEGIN GENERATED RULES (npm run firewall:script)
NEVER="0.0.0.0/8 100.100.100.200/32 168.63.129.16/32 169.254.0.0/16 192.0.0.192/32 224.0.0.0/4 255.255.255.255/32 ::/96 ::ffff:0:0:0/96 64:ff9b:1::/48 2001::/32 2002::/16 fd00:42::42/128 fd00:c1::a9fe:a9fe/128 fd00:100::100:200/128 fd00:ec2::23/128 fd00:ec2::123/128 fd00:ec2::253/128 fd00:ec2::254/128 fd00:a9fe:a9fe::1/128 fd20:ce::254/128 fe80::/10 ff00::/8"

iptables_rules() {
  cat <<'TEMPLATE'
#!/bin/sh
# Written by `egress-proxy firewall --format iptables`. Apply: sh FILE, as root.
# Refuses what comes from these and goes to special-purpose or metadata addresses, to a resolver that is not named
# here, or to the host itself. Replies to inbound connections and traffic inside the subnet pass.
%subnet4 # subnet {}
%subnet6 # subnet {}
%interface # interface {}, whatever the source address
%egress4 # subnet {}, to the host itself only
%egress6 # subnet {}, to the host itself only
%egressInterface # interface {}, to the host itself only
%dns4 # resolver {}
%dns6 # resolver {}

set -eu

fail() {
  echo "mcp-egress firewall: $1" >&2
  exit 1
}

has_ipv6() { [ -e /proc/net/if_inet6 ]; }

[ "$(id -u)" = 0 ] || fail 'only root can change packet filter rules: run this with sudo'
for tool in iptables $(if has_ipv6; then echo ip6tables; fi); do
  command -v "$tool-restore" >/dev/null || fail "there is no $tool-restore on this host: install iptables"
done

# Our part of the filter table: chains, their rules, and the jumps to them. $1: iptables or ip6tables.
ours() { "$1-save" -t filter 2>/dev/null | grep -E '^(:MCP-EGRESS-|-A .*MCP-EGRESS-)' || :; }
jumps_of() { grep -E '^-A [^ ]+ -j MCP-EGRESS-(FORWARD|INPUT)$' || :; }
chains_of() { sed -n 's/^:\(MCP-EGRESS-[^ ]*\) .*/\1/p'; }

# Whether frames from port to port of a bridge pass these rules: br_netfilter, for one bridge. $1: 0 or 1, $2: the bridge.
judge_frames() {
  [ -e "/sys/class/net/$2/bridge" ] || return 0
  if [ "$1" = 1 ] && [ ! -e /proc/sys/net/bridge ]; then
    # The module starts with every bridge of the host: that is not ours to change.
    modprobe br_netfilter 2>/dev/null || { echo "mcp-egress firewall: the module br_netfilter is missing: frames between tools are not filtered" >&2; return 0; }
    for key in call-iptables call-ip6tables call-arptables; do echo 0 >"/proc/sys/net/bridge/bridge-nf-$key"; done
  fi
  for key in nf_call_iptables nf_call_ip6tables; do echo "$1" >"/sys/class/net/$2/bridge/$key" || :; done
  # A kernel takes a tag with the VLAN id 0 off, and reads on.
  [ "$1" = 0 ] || echo 1 >/proc/sys/net/bridge/bridge-nf-filter-vlan-tagged || :
}
bridges_of() { sed -n 's/^-A MCP-EGRESS-FORWARD -i \([^ ]*\) -o .*/\1/p' | sort -u; }

# One transaction: the jumps first, then the chains, emptied because they refer to each other.
remove() {
  now=$(ours "$1")
  [ -n "$now" ] || return 0
  for bridge in $(printf '%s\n' "$now" | bridges_of); do judge_frames 0 "$bridge"; done
  {
    echo '*filter'
    printf '%s\n' "$now" | jumps_of | sed 's/^-A/-D/'
    printf '%s\n' "$now" | chains_of | sed 's/^/-F /'
    printf '%s\n' "$now" | chains_of | sed 's/^/-X /'
    echo COMMIT
  } | "$1-restore" -w --noflush || return 1
  unmake "$1" "$now"
}

# iptables-nft makes a table and its built-in chains when they are first used. What it made for our rules is remembered in
# the name of a chain without rules, and goes with our rules unless somebody has used it since. $2: what "ours" was.
unmake() {
  for chain in INPUT FORWARD; do
    case $2 in *":MCP-EGRESS-MADE-$chain "*) ;; *) continue ;; esac
    "$1-save" -t filter | grep -qE "^(-A $chain |:$chain [^A])" || nft delete chain "$(nft_family "$1")" filter $chain || :
  done
  case $2 in *':MCP-EGRESS-MADE-TABLE '*) ;; *) return 0 ;; esac
  nft list table "$(nft_family "$1")" filter 2>/dev/null | grep -q 'chain ' || nft delete table "$(nft_family "$1")" filter || :
}
nft_family() { if [ "$1" = iptables ]; then echo ip; else echo ip6; fi; }

rules4() {
  cat <<'RULES'
:MCP-EGRESS-FORWARD - [0:0]
:MCP-EGRESS-INPUT - [0:0]
:MCP-EGRESS-JUDGE - [0:0]
:MCP-EGRESS-DEFAULT - [0:0]
:MCP-EGRESS-HOST - [0:0]
:MCP-EGRESS-REFUSE - [0:0]
-A MCP-EGRESS-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -j RETURN
# From port to port of the bridge: seen here where br_netfilter is on for it. With raw sockets a tool writes any
# address into a frame, and a neighbour whose kernel forwards would route it on.
%interface -A MCP-EGRESS-FORWARD -i {} -o {} -p icmp -m icmp --icmp-type 5 -j MCP-EGRESS-REFUSE
%subnet4 -A MCP-EGRESS-FORWARD -s {} -d {} -j RETURN
%interface -A MCP-EGRESS-FORWARD -d 224.0.0.0/4 -i {} -o {} -j RETURN
%interface -A MCP-EGRESS-FORWARD -d 255.255.255.255/32 -i {} -o {} -j RETURN
%interface -A MCP-EGRESS-FORWARD -i {} -o {} -j MCP-EGRESS-REFUSE
%subnet4 -A MCP-EGRESS-FORWARD -s {} -g MCP-EGRESS-JUDGE
%interface -A MCP-EGRESS-FORWARD -i {} -g MCP-EGRESS-JUDGE
-A MCP-EGRESS-INPUT -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -j RETURN
%subnet4 -A MCP-EGRESS-INPUT -s {} -g MCP-EGRESS-HOST
%interface -A MCP-EGRESS-INPUT -i {} -g MCP-EGRESS-HOST
# From the sidecar, whose way out leads through the host and not to it.
%egress4 -A MCP-EGRESS-INPUT -s {} -g MCP-EGRESS-HOST
%egressInterface -A MCP-EGRESS-INPUT -i {} -g MCP-EGRESS-HOST
%dns4 -A MCP-EGRESS-JUDGE -d {} -p udp -m udp --dport 53 -j RETURN
%dns4 -A MCP-EGRESS-JUDGE -d {} -p tcp -m tcp --dport 53 -j RETURN
-A MCP-EGRESS-JUDGE -p udp -m udp --dport 53 -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -p tcp -m tcp --dport 53 -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -p udp -m udp --dport 853 -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -p tcp -m tcp --dport 853 -j MCP-EGRESS-REFUSE
# covers 0.0.0.0/32 unspecified (this host) (RFC 1122)
-A MCP-EGRESS-JUDGE -d 0.0.0.0/8 -m comment --comment "this network (RFC 791)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 100.100.100.200/32 -m comment --comment "Alibaba Cloud metadata (Alibaba ECS docs)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 168.63.129.16/32 -m comment --comment "Azure WireServer (a public address) (Microsoft Learn)" -j MCP-EGRESS-REFUSE
# covers 169.254.169.254/32 cloud instance metadata (AWS, GCP, Azure and others)
# covers 169.254.169.253/32 AWS VPC resolver (AWS VPC user guide)
# covers 169.254.169.123/32 AWS time sync (AWS EC2 user guide)
# covers 169.254.169.250/32 Rancher metadata (Rancher docs)
# covers 169.254.170.2/32 AWS ECS task metadata (AWS ECS developer guide)
# covers 169.254.170.23/32 AWS EKS Pod Identity (AWS EKS user guide)
# covers 169.254.0.23/32 Tencent Cloud metadata (Tencent CVM docs)
# covers 169.254.10.10/32 Tencent Cloud metadata (Tencent CVM docs)
# covers 169.254.42.42/32 Scaleway metadata (cloud-init Scaleway docs)
-A MCP-EGRESS-JUDGE -d 169.254.0.0/16 -m comment --comment "link-local (RFC 3927)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 192.0.0.192/32 -m comment --comment "Oracle Cloud Classic metadata (PayloadsAllTheThings)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 224.0.0.0/4 -m comment --comment "multicast (RFC 5771)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 255.255.255.255/32 -m comment --comment "limited broadcast (RFC 919)" -j MCP-EGRESS-REFUSE
# covers 10.96.0.1/32 Kubernetes API service (Kubernetes docs)
-A MCP-EGRESS-JUDGE -d 10.0.0.0/8 -m comment --comment "private-use (RFC 1918)" -j MCP-EGRESS-REFUSE
# covers 100.100.100.100/32 Tailscale MagicDNS (Tailscale docs)
-A MCP-EGRESS-JUDGE -d 100.64.0.0/10 -m comment --comment "shared address space (CGNAT, Tailscale) (RFC 6598)" -j MCP-EGRESS-REFUSE
# covers 127.0.0.11/32 Docker embedded DNS (Docker engine docs)
-A MCP-EGRESS-JUDGE -d 127.0.0.0/8 -m comment --comment "loopback (RFC 1122)" -j MCP-EGRESS-REFUSE
# covers 172.17.0.1/32 Docker default bridge gateway (Docker engine docs)
-A MCP-EGRESS-JUDGE -d 172.16.0.0/12 -m comment --comment "private-use (RFC 1918)" -j MCP-EGRESS-REFUSE
# covers 192.0.0.0/29 IPv4 service continuity (RFC 7335)
# covers 192.0.0.8/32 IPv4 dummy address (RFC 7600)
# covers 192.0.0.9/32 Port Control Protocol anycast (RFC 7723)
# covers 192.0.0.10/32 TURN anycast (RFC 8155)
# covers 192.0.0.170/32 NAT64/DNS64 discovery (RFC 7050)
# covers 192.0.0.171/32 NAT64/DNS64 discovery (RFC 7050)
-A MCP-EGRESS-JUDGE -d 192.0.0.0/24 -m comment --comment "IETF protocol assignments (RFC 6890)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 192.0.2.0/24 -m comment --comment "documentation (TEST-NET-1) (RFC 5737)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 192.31.196.0/24 -m comment --comment "AS112 (RFC 7535)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 192.52.193.0/24 -m comment --comment "AMT (RFC 7450)" -j MCP-EGRESS-REFUSE
# covers 192.88.99.2/32 6a44 relay anycast (RFC 6751)
-A MCP-EGRESS-JUDGE -d 192.88.99.0/24 -m comment --comment "6to4 relay anycast (deprecated) (RFC 7526)" -j MCP-EGRESS-REFUSE
# covers 192.168.65.254/32 Docker Desktop host (Docker Desktop docs)
# covers 192.168.65.1/32 Docker Desktop gateway (Docker Desktop docs)
-A MCP-EGRESS-JUDGE -d 192.168.0.0/16 -m comment --comment "private-use (RFC 1918)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 192.175.48.0/24 -m comment --comment "direct delegation AS112 (RFC 7534)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 198.18.0.0/15 -m comment --comment "benchmarking (RFC 2544)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 198.51.100.0/24 -m comment --comment "documentation (TEST-NET-2) (RFC 5737)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 203.0.113.0/24 -m comment --comment "documentation (TEST-NET-3) (RFC 5737)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 240.0.0.0/4 -m comment --comment "reserved (RFC 1112)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -g MCP-EGRESS-DEFAULT
%dns4 -A MCP-EGRESS-HOST -d {} -p udp -m udp --dport 53 -j RETURN
%dns4 -A MCP-EGRESS-HOST -d {} -p tcp -m tcp --dport 53 -j RETURN
-A MCP-EGRESS-HOST -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-REFUSE -m limit --limit 6/min --limit-burst 10 -j LOG --log-prefix "mcp-egress refused: "
%subnet4 -A MCP-EGRESS-REFUSE -s {} -j REJECT --reject-with icmp-admin-prohibited
%egress4 -A MCP-EGRESS-REFUSE -s {} -j REJECT --reject-with icmp-admin-prohibited
-A MCP-EGRESS-REFUSE -j DROP
RULES
}

rules6() {
  cat <<'RULES'
:MCP-EGRESS-FORWARD - [0:0]
:MCP-EGRESS-INPUT - [0:0]
:MCP-EGRESS-JUDGE - [0:0]
:MCP-EGRESS-NAT64 - [0:0]
:MCP-EGRESS-DEFAULT - [0:0]
:MCP-EGRESS-HOST - [0:0]
:MCP-EGRESS-REFUSE - [0:0]
-A MCP-EGRESS-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -j RETURN
-A MCP-EGRESS-FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 133 -m hl --hl-eq 255 -j RETURN
-A MCP-EGRESS-FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 135 -m hl --hl-eq 255 -j RETURN
-A MCP-EGRESS-FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 136 -m hl --hl-eq 255 -j RETURN
-A MCP-EGRESS-FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 131 -m hl --hl-eq 1 -j RETURN
-A MCP-EGRESS-FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 132 -m hl --hl-eq 1 -j RETURN
-A MCP-EGRESS-FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 143 -m hl --hl-eq 1 -j RETURN
# From port to port of the bridge: seen here where br_netfilter is on for it. With raw sockets a tool writes any
# address into a frame, and a neighbour whose kernel forwards would route it on.
%interface -A MCP-EGRESS-FORWARD -i {} -o {} -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j MCP-EGRESS-REFUSE
%interface -A MCP-EGRESS-FORWARD -i {} -o {} -p ipv6-icmp -m icmp6 --icmpv6-type 137 -j MCP-EGRESS-REFUSE
%subnet6 -A MCP-EGRESS-FORWARD -s {} -d {} -j RETURN
%subnet6 -A MCP-EGRESS-FORWARD -s fe80::/10 -d {} -j RETURN
%interface -A MCP-EGRESS-FORWARD -d fe80::/10 -i {} -o {} -j RETURN
%interface -A MCP-EGRESS-FORWARD -d ff00::/8 -i {} -o {} -j RETURN
%interface -A MCP-EGRESS-FORWARD -i {} -o {} -j MCP-EGRESS-REFUSE
%subnet6 -A MCP-EGRESS-FORWARD -s {} -g MCP-EGRESS-JUDGE
%interface -A MCP-EGRESS-FORWARD -i {} -g MCP-EGRESS-JUDGE
-A MCP-EGRESS-INPUT -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -j RETURN
-A MCP-EGRESS-INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 133 -m hl --hl-eq 255 -j RETURN
-A MCP-EGRESS-INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -m hl --hl-eq 255 -j RETURN
-A MCP-EGRESS-INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -m hl --hl-eq 255 -j RETURN
-A MCP-EGRESS-INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 131 -m hl --hl-eq 1 -j RETURN
-A MCP-EGRESS-INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 132 -m hl --hl-eq 1 -j RETURN
-A MCP-EGRESS-INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 143 -m hl --hl-eq 1 -j RETURN
%subnet6 -A MCP-EGRESS-INPUT -s {} -g MCP-EGRESS-HOST
%interface -A MCP-EGRESS-INPUT -i {} -g MCP-EGRESS-HOST
# From the sidecar, whose way out leads through the host and not to it.
%egress6 -A MCP-EGRESS-INPUT -s {} -g MCP-EGRESS-HOST
%egressInterface -A MCP-EGRESS-INPUT -i {} -g MCP-EGRESS-HOST
%dns6 -A MCP-EGRESS-JUDGE -d {} -p udp -m udp --dport 53 -j RETURN
%dns6 -A MCP-EGRESS-JUDGE -d {} -p tcp -m tcp --dport 53 -j RETURN
-A MCP-EGRESS-JUDGE -p udp -m udp --dport 53 -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -p tcp -m tcp --dport 53 -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -p udp -m udp --dport 853 -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -p tcp -m tcp --dport 853 -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 64:ff9b::/96 -g MCP-EGRESS-NAT64
# covers ::/128 unspecified (RFC 4291)
-A MCP-EGRESS-JUDGE -d ::/96 -m comment --comment "IPv4-compatible (deprecated) (RFC 4291)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d ::ffff:0:0:0/96 -m comment --comment "IPv4-translated (RFC 2765)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 64:ff9b:1::/48 -m comment --comment "NAT64, local use (RFC 8215)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 2001::/32 -m comment --comment "Teredo (RFC 4380)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 2002::/16 -m comment --comment "6to4 (RFC 3056)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd00:42::42/128 -m comment --comment "Scaleway metadata (cloud-init Scaleway docs)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd00:c1::a9fe:a9fe/128 -m comment --comment "Oracle Cloud metadata (OCI SDK)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd00:100::100:200/128 -m comment --comment "Alibaba Cloud metadata (cloud-init Alibaba tests)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd00:ec2::23/128 -m comment --comment "AWS EKS Pod Identity (AWS EKS user guide)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd00:ec2::123/128 -m comment --comment "AWS time sync (AWS EC2 user guide)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd00:ec2::253/128 -m comment --comment "AWS VPC resolver (AWS VPC user guide)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd00:ec2::254/128 -m comment --comment "AWS instance metadata (AWS EC2 user guide)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd00:a9fe:a9fe::1/128 -m comment --comment "Akamai/Linode metadata (Akamai docs)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d fd20:ce::254/128 -m comment --comment "GCP metadata (Google Compute Engine docs)" -j MCP-EGRESS-REFUSE
# covers fe80::a9fe:a9fe/128 OpenStack metadata (OpenStack Nova docs)
-A MCP-EGRESS-JUDGE -d fe80::/10 -m comment --comment "link-local (RFC 4291)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d ff00::/8 -m comment --comment "multicast (RFC 4291)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d ::5efe:0:0/::fdff:ffff:0:0 -m comment --comment "ISATAP (RFC 5214)" -j MCP-EGRESS-REFUSE
# covers 100::/64 discard-only (RFC 6666)
# covers 100:0:0:1::/64 dummy prefix (RFC 9780)
# covers ::1/128 loopback (RFC 4291)
-A MCP-EGRESS-JUDGE -d ::/3 -m comment --comment "outside 2000::/3, not global unicast (IANA ipv6-address-space)" -j MCP-EGRESS-REFUSE
# covers 2001:10::/28 ORCHID (deprecated) (RFC 4843)
# covers 2001:20::/28 ORCHIDv2 (RFC 7343)
# covers 2001:30::/28 drone remote ID (RFC 9374)
# covers 2001:3::/32 AMT (RFC 7450)
# covers 2001:2::/48 benchmarking (RFC 5180)
# covers 2001:4:112::/48 AS112 (RFC 7535)
# covers 2001:1::1/128 Port Control Protocol anycast (RFC 7723)
# covers 2001:1::2/128 TURN anycast (RFC 8155)
# covers 2001:1::3/128 DNS-SD SRP anycast (RFC 9665)
-A MCP-EGRESS-JUDGE -d 2001::/23 -m comment --comment "IETF protocol assignments (RFC 2928)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 2001:db8::/32 -m comment --comment "documentation (RFC 3849)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 2620:4f:8000::/48 -m comment --comment "direct delegation AS112 (RFC 7534)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 3ffe::/16 -m comment --comment "former 6bone (RFC 3701)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -d 3fff::/20 -m comment --comment "documentation (RFC 9637)" -j MCP-EGRESS-REFUSE
# covers 5f00::/16 segment routing SIDs (RFC 9602)
-A MCP-EGRESS-JUDGE -d 4000::/2 -m comment --comment "outside 2000::/3, not global unicast (IANA ipv6-address-space)" -j MCP-EGRESS-REFUSE
# covers fc00::/7 unique-local (RFC 4193)
# covers fec0::/10 site-local (deprecated) (RFC 3879)
# covers fd7a:115c:a1e0::/48 Tailscale (tailscale net/tsaddr)
# covers fd7a:115c:a1e0:b1a::/64 Tailscale 4via6 (tailscale net/tsaddr)
# covers fd7a:115c:a1e0::53/128 Tailscale MagicDNS (tailscale net/tsaddr)
-A MCP-EGRESS-JUDGE -d 8000::/1 -m comment --comment "outside 2000::/3, not global unicast (IANA ipv6-address-space)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-JUDGE -g MCP-EGRESS-DEFAULT
# covers 0.0.0.0/32 unspecified (this host) (RFC 1122)
-A MCP-EGRESS-NAT64 -d 64:ff9b::/104 -m comment --comment "this network (RFC 791)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::6464:64c8/128 -m comment --comment "Alibaba Cloud metadata (Alibaba ECS docs)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::a83f:8110/128 -m comment --comment "Azure WireServer (a public address) (Microsoft Learn)" -j MCP-EGRESS-REFUSE
# covers 169.254.169.254/32 cloud instance metadata (AWS, GCP, Azure and others)
# covers 169.254.169.253/32 AWS VPC resolver (AWS VPC user guide)
# covers 169.254.169.123/32 AWS time sync (AWS EC2 user guide)
# covers 169.254.169.250/32 Rancher metadata (Rancher docs)
# covers 169.254.170.2/32 AWS ECS task metadata (AWS ECS developer guide)
# covers 169.254.170.23/32 AWS EKS Pod Identity (AWS EKS user guide)
# covers 169.254.0.23/32 Tencent Cloud metadata (Tencent CVM docs)
# covers 169.254.10.10/32 Tencent Cloud metadata (Tencent CVM docs)
# covers 169.254.42.42/32 Scaleway metadata (cloud-init Scaleway docs)
-A MCP-EGRESS-NAT64 -d 64:ff9b::a9fe:0/112 -m comment --comment "link-local (RFC 3927)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::c000:c0/128 -m comment --comment "Oracle Cloud Classic metadata (PayloadsAllTheThings)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::e000:0/100 -m comment --comment "multicast (RFC 5771)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::ffff:ffff/128 -m comment --comment "limited broadcast (RFC 919)" -j MCP-EGRESS-REFUSE
# covers 10.96.0.1/32 Kubernetes API service (Kubernetes docs)
-A MCP-EGRESS-NAT64 -d 64:ff9b::a00:0/104 -m comment --comment "private-use (RFC 1918)" -j MCP-EGRESS-REFUSE
# covers 100.100.100.100/32 Tailscale MagicDNS (Tailscale docs)
-A MCP-EGRESS-NAT64 -d 64:ff9b::6440:0/106 -m comment --comment "shared address space (CGNAT, Tailscale) (RFC 6598)" -j MCP-EGRESS-REFUSE
# covers 127.0.0.11/32 Docker embedded DNS (Docker engine docs)
-A MCP-EGRESS-NAT64 -d 64:ff9b::7f00:0/104 -m comment --comment "loopback (RFC 1122)" -j MCP-EGRESS-REFUSE
# covers 172.17.0.1/32 Docker default bridge gateway (Docker engine docs)
-A MCP-EGRESS-NAT64 -d 64:ff9b::ac10:0/108 -m comment --comment "private-use (RFC 1918)" -j MCP-EGRESS-REFUSE
# covers 192.0.0.0/29 IPv4 service continuity (RFC 7335)
# covers 192.0.0.8/32 IPv4 dummy address (RFC 7600)
# covers 192.0.0.9/32 Port Control Protocol anycast (RFC 7723)
# covers 192.0.0.10/32 TURN anycast (RFC 8155)
# covers 192.0.0.170/32 NAT64/DNS64 discovery (RFC 7050)
# covers 192.0.0.171/32 NAT64/DNS64 discovery (RFC 7050)
-A MCP-EGRESS-NAT64 -d 64:ff9b::c000:0/120 -m comment --comment "IETF protocol assignments (RFC 6890)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::c000:200/120 -m comment --comment "documentation (TEST-NET-1) (RFC 5737)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::c01f:c400/120 -m comment --comment "AS112 (RFC 7535)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::c034:c100/120 -m comment --comment "AMT (RFC 7450)" -j MCP-EGRESS-REFUSE
# covers 192.88.99.2/32 6a44 relay anycast (RFC 6751)
-A MCP-EGRESS-NAT64 -d 64:ff9b::c058:6300/120 -m comment --comment "6to4 relay anycast (deprecated) (RFC 7526)" -j MCP-EGRESS-REFUSE
# covers 192.168.65.254/32 Docker Desktop host (Docker Desktop docs)
# covers 192.168.65.1/32 Docker Desktop gateway (Docker Desktop docs)
-A MCP-EGRESS-NAT64 -d 64:ff9b::c0a8:0/112 -m comment --comment "private-use (RFC 1918)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::c0af:3000/120 -m comment --comment "direct delegation AS112 (RFC 7534)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::c612:0/111 -m comment --comment "benchmarking (RFC 2544)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::c633:6400/120 -m comment --comment "documentation (TEST-NET-2) (RFC 5737)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::cb00:7100/120 -m comment --comment "documentation (TEST-NET-3) (RFC 5737)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -d 64:ff9b::f000:0/100 -m comment --comment "reserved (RFC 1112)" -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-NAT64 -g MCP-EGRESS-DEFAULT
%dns6 -A MCP-EGRESS-HOST -d {} -p udp -m udp --dport 53 -j RETURN
%dns6 -A MCP-EGRESS-HOST -d {} -p tcp -m tcp --dport 53 -j RETURN
-A MCP-EGRESS-HOST -j MCP-EGRESS-REFUSE
-A MCP-EGRESS-REFUSE -m limit --limit 6/min --limit-burst 10 -j LOG --log-prefix "mcp-egress refused: "
%subnet6 -A MCP-EGRESS-REFUSE -s {} -j REJECT --reject-with icmp6-adm-prohibited
%egress6 -A MCP-EGRESS-REFUSE -s {} -j REJECT --reject-with icmp6-adm-prohibited
-A MCP-EGRESS-REFUSE -s fe80::/10 -j REJECT --reject-with icmp6-adm-prohibited
-A MCP-EGRESS-REFUSE -j DROP
RULES
}

has_chain() { "$1" -w -n -L "$2" >/dev/null 2>&1; }
has_jump() { "$1" -w -C "$2" -j "$3" 2>/dev/null; }
add_jump() { has_jump "$1" "$2" "$3" || echo "-I $2 1 -j $3"; }

# Says what the rules will make, for "unmake". $2: the built-in chains that they use.
made() {
  case $("$1" -V) in *nf_tables*) command -v nft >/dev/null || return 0 ;; *) return 0 ;; esac
  nft list table "$(nft_family "$1")" filter >/dev/null 2>&1 || echo ':MCP-EGRESS-MADE-TABLE - [0:0]'
  for chain in $2; do
    nft list chain "$(nft_family "$1")" filter "$chain" >/dev/null 2>&1 || echo ":MCP-EGRESS-MADE-$chain - [0:0]"
  done
}

# Declaring a chain empties it, so its rules are replaced; jumps and everything else in the table stay.
# Docker without IPv6 rules of its own has no DOCKER-USER for IPv6: then the jump is in FORWARD.
install() {
  hook=DOCKER-USER
  has_chain "$1" DOCKER-USER || hook=FORWARD
  # Complete before iptables-restore starts: with the legacy tools it holds a lock that every other call waits for.
  input=$(
    echo '*filter'
    if [ $hook = FORWARD ]; then made "$1" 'INPUT FORWARD'; else made "$1" INPUT; fi
    "$2"
    add_jump "$1" $hook MCP-EGRESS-FORWARD
    if [ $hook = DOCKER-USER ] && has_jump "$1" FORWARD MCP-EGRESS-FORWARD; then echo '-D FORWARD -j MCP-EGRESS-FORWARD'; fi
    add_jump "$1" INPUT MCP-EGRESS-INPUT
    echo COMMIT
  )
  printf '%s\n' "$input" | "$1-restore" -w --noflush
}

# $2: what "ours" was before. Jumps that were there have not moved; the ones that are new go.
put_back() {
  [ -n "$2" ] || { remove "$1"; return; }
  added=$(ours "$1" | jumps_of | grep -vxF "$2" || :)
  {
    echo '*filter'
    printf '%s\n' "$2" | grep '^:'
    printf '%s\n' "$2" | grep '^-A MCP-EGRESS-' || :
    printf '%s\n' "$added" | sed -n 's/^-A/-D/p'
    echo COMMIT
  } | "$1-restore" -w --noflush
}

has_chain iptables DOCKER-USER || fail 'there is no chain DOCKER-USER: is Docker running, and does it manage iptables?'
before=$(ours iptables)
install iptables rules4 || fail 'iptables-restore did not accept the IPv4 rules; nothing has changed'
if has_ipv6; then
  install ip6tables rules6 || {
    put_back iptables "$before"
    fail 'ip6tables-restore did not accept the IPv6 rules; the IPv4 rules are as they were before'
  }
fi
%interface judge_frames 1 {}
TEMPLATE
}

iptables_removal() {
  cat <<'TEMPLATE'
#!/bin/sh
# Written by `egress-proxy firewall --format iptables`. Apply: sh FILE, as root.
# Removes the rules of mcp-egress-proxy and nothing else.

set -eu

fail() {
  echo "mcp-egress firewall: $1" >&2
  exit 1
}

has_ipv6() { [ -e /proc/net/if_inet6 ]; }

[ "$(id -u)" = 0 ] || fail 'only root can change packet filter rules: run this with sudo'
for tool in iptables $(if has_ipv6; then echo ip6tables; fi); do
  command -v "$tool-restore" >/dev/null || fail "there is no $tool-restore on this host: install iptables"
done

# Our part of the filter table: chains, their rules, and the jumps to them. $1: iptables or ip6tables.
ours() { "$1-save" -t filter 2>/dev/null | grep -E '^(:MCP-EGRESS-|-A .*MCP-EGRESS-)' || :; }
jumps_of() { grep -E '^-A [^ ]+ -j MCP-EGRESS-(FORWARD|INPUT)$' || :; }
chains_of() { sed -n 's/^:\(MCP-EGRESS-[^ ]*\) .*/\1/p'; }

# Whether frames from port to port of a bridge pass these rules: br_netfilter, for one bridge. $1: 0 or 1, $2: the bridge.
judge_frames() {
  [ -e "/sys/class/net/$2/bridge" ] || return 0
  if [ "$1" = 1 ] && [ ! -e /proc/sys/net/bridge ]; then
    # The module starts with every bridge of the host: that is not ours to change.
    modprobe br_netfilter 2>/dev/null || { echo "mcp-egress firewall: the module br_netfilter is missing: frames between tools are not filtered" >&2; return 0; }
    for key in call-iptables call-ip6tables call-arptables; do echo 0 >"/proc/sys/net/bridge/bridge-nf-$key"; done
  fi
  for key in nf_call_iptables nf_call_ip6tables; do echo "$1" >"/sys/class/net/$2/bridge/$key" || :; done
  # A kernel takes a tag with the VLAN id 0 off, and reads on.
  [ "$1" = 0 ] || echo 1 >/proc/sys/net/bridge/bridge-nf-filter-vlan-tagged || :
}
bridges_of() { sed -n 's/^-A MCP-EGRESS-FORWARD -i \([^ ]*\) -o .*/\1/p' | sort -u; }

# One transaction: the jumps first, then the chains, emptied because they refer to each other.
remove() {
  now=$(ours "$1")
  [ -n "$now" ] || return 0
  for bridge in $(printf '%s\n' "$now" | bridges_of); do judge_frames 0 "$bridge"; done
  {
    echo '*filter'
    printf '%s\n' "$now" | jumps_of | sed 's/^-A/-D/'
    printf '%s\n' "$now" | chains_of | sed 's/^/-F /'
    printf '%s\n' "$now" | chains_of | sed 's/^/-X /'
    echo COMMIT
  } | "$1-restore" -w --noflush || return 1
  unmake "$1" "$now"
}

# iptables-nft makes a table and its built-in chains when they are first used. What it made for our rules is remembered in
# the name of a chain without rules, and goes with our rules unless somebody has used it since. $2: what "ours" was.
unmake() {
  for chain in INPUT FORWARD; do
    case $2 in *":MCP-EGRESS-MADE-$chain "*) ;; *) continue ;; esac
    "$1-save" -t filter | grep -qE "^(-A $chain |:$chain [^A])" || nft delete chain "$(nft_family "$1")" filter $chain || :
  done
  case $2 in *':MCP-EGRESS-MADE-TABLE '*) ;; *) return 0 ;; esac
  nft list table "$(nft_family "$1")" filter 2>/dev/null | grep -q 'chain ' || nft delete table "$(nft_family "$1")" filter || :
}
nft_family() { if [ "$1" = iptables ]; then echo ip; else echo ip6; fi; }

remove iptables
if has_ipv6; then remove ip6tables; fi
TEMPLATE
}

nftables_rules() {
  cat <<'TEMPLATE'
#!/usr/sbin/nft -f
# Written by `egress-proxy firewall --format nftables`. Apply: nft -f FILE, as root.
# Refuses what comes from these and goes to special-purpose or metadata addresses, to a resolver that is not named
# here, or to the host itself. Replies to inbound connections and traffic inside the subnet pass.
%subnet4 # subnet {}
%subnet6 # subnet {}
%interface # interface {}, whatever the source address
%egress4 # subnet {}, to the host itself only
%egress6 # subnet {}, to the host itself only
%egressInterface # interface {}, to the host itself only
%dns4 # resolver {}
%dns6 # resolver {}

table inet mcp_egress
delete table inet mcp_egress
table inet mcp_egress {
  set never4 {
    type ipv4_addr
    flags interval
    elements = {
      0.0.0.0/8, # this network (RFC 791)
      # covers 0.0.0.0/32 unspecified (this host) (RFC 1122)
      100.100.100.200/32, # Alibaba Cloud metadata (Alibaba ECS docs)
      168.63.129.16/32, # Azure WireServer (a public address) (Microsoft Learn)
      169.254.0.0/16, # link-local (RFC 3927)
      # covers 169.254.169.254/32 cloud instance metadata (AWS, GCP, Azure and others)
      # covers 169.254.169.253/32 AWS VPC resolver (AWS VPC user guide)
      # covers 169.254.169.123/32 AWS time sync (AWS EC2 user guide)
      # covers 169.254.169.250/32 Rancher metadata (Rancher docs)
      # covers 169.254.170.2/32 AWS ECS task metadata (AWS ECS developer guide)
      # covers 169.254.170.23/32 AWS EKS Pod Identity (AWS EKS user guide)
      # covers 169.254.0.23/32 Tencent Cloud metadata (Tencent CVM docs)
      # covers 169.254.10.10/32 Tencent Cloud metadata (Tencent CVM docs)
      # covers 169.254.42.42/32 Scaleway metadata (cloud-init Scaleway docs)
      192.0.0.192/32, # Oracle Cloud Classic metadata (PayloadsAllTheThings)
      224.0.0.0/4, # multicast (RFC 5771)
      255.255.255.255/32, # limited broadcast (RFC 919)
    }
  }
  set special4 {
    type ipv4_addr
    flags interval
    elements = {
      10.0.0.0/8, # private-use (RFC 1918)
      # covers 10.96.0.1/32 Kubernetes API service (Kubernetes docs)
      100.64.0.0/10, # shared address space (CGNAT, Tailscale) (RFC 6598)
      # covers 100.100.100.100/32 Tailscale MagicDNS (Tailscale docs)
      127.0.0.0/8, # loopback (RFC 1122)
      # covers 127.0.0.11/32 Docker embedded DNS (Docker engine docs)
      172.16.0.0/12, # private-use (RFC 1918)
      # covers 172.17.0.1/32 Docker default bridge gateway (Docker engine docs)
      192.0.0.0/24, # IETF protocol assignments (RFC 6890)
      # covers 192.0.0.0/29 IPv4 service continuity (RFC 7335)
      # covers 192.0.0.8/32 IPv4 dummy address (RFC 7600)
      # covers 192.0.0.9/32 Port Control Protocol anycast (RFC 7723)
      # covers 192.0.0.10/32 TURN anycast (RFC 8155)
      # covers 192.0.0.170/32 NAT64/DNS64 discovery (RFC 7050)
      # covers 192.0.0.171/32 NAT64/DNS64 discovery (RFC 7050)
      192.0.2.0/24, # documentation (TEST-NET-1) (RFC 5737)
      192.31.196.0/24, # AS112 (RFC 7535)
      192.52.193.0/24, # AMT (RFC 7450)
      192.88.99.0/24, # 6to4 relay anycast (deprecated) (RFC 7526)
      # covers 192.88.99.2/32 6a44 relay anycast (RFC 6751)
      192.168.0.0/16, # private-use (RFC 1918)
      # covers 192.168.65.254/32 Docker Desktop host (Docker Desktop docs)
      # covers 192.168.65.1/32 Docker Desktop gateway (Docker Desktop docs)
      192.175.48.0/24, # direct delegation AS112 (RFC 7534)
      198.18.0.0/15, # benchmarking (RFC 2544)
      198.51.100.0/24, # documentation (TEST-NET-2) (RFC 5737)
      203.0.113.0/24, # documentation (TEST-NET-3) (RFC 5737)
      240.0.0.0/4, # reserved (RFC 1112)
    }
  }
  set never6 {
    type ipv6_addr
    flags interval
    elements = {
      ::/96, # IPv4-compatible (deprecated) (RFC 4291)
      # covers ::/128 unspecified (RFC 4291)
      ::ffff:0:0:0/96, # IPv4-translated (RFC 2765)
      64:ff9b:1::/48, # NAT64, local use (RFC 8215)
      2001::/32, # Teredo (RFC 4380)
      2002::/16, # 6to4 (RFC 3056)
      fd00:42::42/128, # Scaleway metadata (cloud-init Scaleway docs)
      fd00:c1::a9fe:a9fe/128, # Oracle Cloud metadata (OCI SDK)
      fd00:100::100:200/128, # Alibaba Cloud metadata (cloud-init Alibaba tests)
      fd00:ec2::23/128, # AWS EKS Pod Identity (AWS EKS user guide)
      fd00:ec2::123/128, # AWS time sync (AWS EC2 user guide)
      fd00:ec2::253/128, # AWS VPC resolver (AWS VPC user guide)
      fd00:ec2::254/128, # AWS instance metadata (AWS EC2 user guide)
      fd00:a9fe:a9fe::1/128, # Akamai/Linode metadata (Akamai docs)
      fd20:ce::254/128, # GCP metadata (Google Compute Engine docs)
      fe80::/10, # link-local (RFC 4291)
      # covers fe80::a9fe:a9fe/128 OpenStack metadata (OpenStack Nova docs)
      ff00::/8, # multicast (RFC 4291)
    }
  }
  set special6 {
    type ipv6_addr
    flags interval
    elements = {
      ::/3, # outside 2000::/3, not global unicast (IANA ipv6-address-space)
      # covers 100::/64 discard-only (RFC 6666)
      # covers 100:0:0:1::/64 dummy prefix (RFC 9780)
      # covers ::1/128 loopback (RFC 4291)
      2001::/23, # IETF protocol assignments (RFC 2928)
      # covers 2001:10::/28 ORCHID (deprecated) (RFC 4843)
      # covers 2001:20::/28 ORCHIDv2 (RFC 7343)
      # covers 2001:30::/28 drone remote ID (RFC 9374)
      # covers 2001:3::/32 AMT (RFC 7450)
      # covers 2001:2::/48 benchmarking (RFC 5180)
      # covers 2001:4:112::/48 AS112 (RFC 7535)
      # covers 2001:1::1/128 Port Control Protocol anycast (RFC 7723)
      # covers 2001:1::2/128 TURN anycast (RFC 8155)
      # covers 2001:1::3/128 DNS-SD SRP anycast (RFC 9665)
      2001:db8::/32, # documentation (RFC 3849)
      2620:4f:8000::/48, # direct delegation AS112 (RFC 7534)
      3ffe::/16, # former 6bone (RFC 3701)
      3fff::/20, # documentation (RFC 9637)
      4000::/2, # outside 2000::/3, not global unicast (IANA ipv6-address-space)
      # covers 5f00::/16 segment routing SIDs (RFC 9602)
      8000::/1, # outside 2000::/3, not global unicast (IANA ipv6-address-space)
      # covers fc00::/7 unique-local (RFC 4193)
      # covers fec0::/10 site-local (deprecated) (RFC 3879)
      # covers fd7a:115c:a1e0::/48 Tailscale (tailscale net/tsaddr)
      # covers fd7a:115c:a1e0:b1a::/64 Tailscale 4via6 (tailscale net/tsaddr)
      # covers fd7a:115c:a1e0::53/128 Tailscale MagicDNS (tailscale net/tsaddr)
    }
  }
  set nat64_never4 {
    type ipv6_addr
    flags interval
    elements = {
      64:ff9b::/104, # this network (RFC 791)
      # covers 0.0.0.0/32 unspecified (this host) (RFC 1122)
      64:ff9b::6464:64c8/128, # Alibaba Cloud metadata (Alibaba ECS docs)
      64:ff9b::a83f:8110/128, # Azure WireServer (a public address) (Microsoft Learn)
      64:ff9b::a9fe:0/112, # link-local (RFC 3927)
      # covers 169.254.169.254/32 cloud instance metadata (AWS, GCP, Azure and others)
      # covers 169.254.169.253/32 AWS VPC resolver (AWS VPC user guide)
      # covers 169.254.169.123/32 AWS time sync (AWS EC2 user guide)
      # covers 169.254.169.250/32 Rancher metadata (Rancher docs)
      # covers 169.254.170.2/32 AWS ECS task metadata (AWS ECS developer guide)
      # covers 169.254.170.23/32 AWS EKS Pod Identity (AWS EKS user guide)
      # covers 169.254.0.23/32 Tencent Cloud metadata (Tencent CVM docs)
      # covers 169.254.10.10/32 Tencent Cloud metadata (Tencent CVM docs)
      # covers 169.254.42.42/32 Scaleway metadata (cloud-init Scaleway docs)
      64:ff9b::c000:c0/128, # Oracle Cloud Classic metadata (PayloadsAllTheThings)
      64:ff9b::e000:0/100, # multicast (RFC 5771)
      64:ff9b::ffff:ffff/128, # limited broadcast (RFC 919)
    }
  }
  set nat64_special4 {
    type ipv6_addr
    flags interval
    elements = {
      64:ff9b::a00:0/104, # private-use (RFC 1918)
      # covers 10.96.0.1/32 Kubernetes API service (Kubernetes docs)
      64:ff9b::6440:0/106, # shared address space (CGNAT, Tailscale) (RFC 6598)
      # covers 100.100.100.100/32 Tailscale MagicDNS (Tailscale docs)
      64:ff9b::7f00:0/104, # loopback (RFC 1122)
      # covers 127.0.0.11/32 Docker embedded DNS (Docker engine docs)
      64:ff9b::ac10:0/108, # private-use (RFC 1918)
      # covers 172.17.0.1/32 Docker default bridge gateway (Docker engine docs)
      64:ff9b::c000:0/120, # IETF protocol assignments (RFC 6890)
      # covers 192.0.0.0/29 IPv4 service continuity (RFC 7335)
      # covers 192.0.0.8/32 IPv4 dummy address (RFC 7600)
      # covers 192.0.0.9/32 Port Control Protocol anycast (RFC 7723)
      # covers 192.0.0.10/32 TURN anycast (RFC 8155)
      # covers 192.0.0.170/32 NAT64/DNS64 discovery (RFC 7050)
      # covers 192.0.0.171/32 NAT64/DNS64 discovery (RFC 7050)
      64:ff9b::c000:200/120, # documentation (TEST-NET-1) (RFC 5737)
      64:ff9b::c01f:c400/120, # AS112 (RFC 7535)
      64:ff9b::c034:c100/120, # AMT (RFC 7450)
      64:ff9b::c058:6300/120, # 6to4 relay anycast (deprecated) (RFC 7526)
      # covers 192.88.99.2/32 6a44 relay anycast (RFC 6751)
      64:ff9b::c0a8:0/112, # private-use (RFC 1918)
      # covers 192.168.65.254/32 Docker Desktop host (Docker Desktop docs)
      # covers 192.168.65.1/32 Docker Desktop gateway (Docker Desktop docs)
      64:ff9b::c0af:3000/120, # direct delegation AS112 (RFC 7534)
      64:ff9b::c612:0/111, # benchmarking (RFC 2544)
      64:ff9b::c633:6400/120, # documentation (TEST-NET-2) (RFC 5737)
      64:ff9b::cb00:7100/120, # documentation (TEST-NET-3) (RFC 5737)
      64:ff9b::f000:0/100, # reserved (RFC 1112)
    }
  }
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    ct state established,related ct direction reply counter accept
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 counter accept
    icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } ip6 hoplimit 1 counter accept
%interface     iifname "{}" oifname "{}" icmp type redirect counter goto refuse
%interface     iifname "{}" oifname "{}" icmpv6 type { nd-router-advert, nd-redirect } counter goto refuse
%subnet4     ip saddr {} ip daddr {} counter accept
%subnet6     ip6 saddr {} ip6 daddr {} counter accept
%subnet6     ip6 saddr fe80::/10 ip6 daddr {} counter accept
%interface     iifname "{}" oifname "{}" ip daddr { 224.0.0.0/4, 255.255.255.255 } counter accept
%interface     iifname "{}" oifname "{}" ip6 daddr { fe80::/10, ff00::/8 } counter accept
%interface     iifname "{}" oifname "{}" counter goto refuse
%subnet4     ip saddr {} counter goto judge
%subnet6     ip6 saddr {} counter goto judge
%interface     iifname "{}" counter goto judge
  }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    ct state established,related ct direction reply counter accept
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 counter accept
    icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } ip6 hoplimit 1 counter accept
%subnet4     ip saddr {} counter goto host
%subnet6     ip6 saddr {} counter goto host
%interface     iifname "{}" counter goto host
%egress4     ip saddr {} counter goto host
%egress6     ip6 saddr {} counter goto host
%egressInterface     iifname "{}" counter goto host
  }
  chain judge {
%dns4     ip daddr {} udp dport 53 counter accept
%dns4     ip daddr {} tcp dport 53 counter accept
%dns6     ip6 daddr {} udp dport 53 counter accept
%dns6     ip6 daddr {} tcp dport 53 counter accept
    udp dport { 53, 853 } counter goto refuse
    tcp dport { 53, 853 } counter goto refuse
    ip6 daddr 64:ff9b::/96 goto nat64
    ip daddr @never4 counter goto refuse
    ip daddr @special4 counter goto refuse
    ip6 daddr @never6 counter goto refuse
    ip6 daddr & ::fdff:ffff:0:0 == ::5efe:0:0 counter goto refuse
    ip6 daddr @special6 counter goto refuse
    goto default
  }
  chain nat64 {
    ip6 daddr @nat64_never4 counter goto refuse
    ip6 daddr @nat64_special4 counter goto refuse
    goto default
  }
  chain default {
    accept
  }
  chain host {
%dns4     ip daddr {} udp dport 53 counter accept
%dns4     ip daddr {} tcp dport 53 counter accept
%dns6     ip6 daddr {} udp dport 53 counter accept
%dns6     ip6 daddr {} tcp dport 53 counter accept
    counter goto refuse
  }
  chain refuse {
    limit rate 6/minute burst 10 packets log prefix "mcp-egress refused: "
%subnet4     ip saddr {} counter reject with icmpx type admin-prohibited
%egress4     ip saddr {} counter reject with icmpx type admin-prohibited
%subnet6     ip6 saddr {} counter reject with icmpx type admin-prohibited
%egress6     ip6 saddr {} counter reject with icmpx type admin-prohibited
    ip6 saddr fe80::/10 counter reject with icmpx type admin-prohibited
    counter drop
  }
}
TEMPLATE
}

nftables_removal() {
  cat <<'TEMPLATE'
#!/usr/sbin/nft -f
# Written by `egress-proxy firewall --format nftables`. Apply: nft -f FILE, as root.
# Removes the rules of mcp-egress-proxy and nothing else.

table inet mcp_egress
delete table inet mcp_egress
TEMPLATE
}
# END GENERATED RULES

main "$@"
