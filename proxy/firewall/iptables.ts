/**
 * The iptables form: a POSIX shell script for root that puts each family's rules in place in one transaction of
 * iptables-restore and adds the jumps that are missing. A restore file alone could not be applied twice: it has no way
 * to add a jump only if there is none.
 */
import type { HostRules } from './host-rules.js';
import { FORWARD, familyRules, INPUT } from './iptables-rules.js';
import { each, type Line } from './template.js';

export function iptablesTemplate(rules: HostRules): readonly Line[] {
  return [
    ...PROLOGUE,
    ...REMOVAL,
    '',
    'rules4() {',
    "  cat <<'RULES'",
    ...familyRules(rules, 4),
    'RULES',
    '}',
    '',
    'rules6() {',
    "  cat <<'RULES'",
    ...familyRules(rules, 6),
    'RULES',
    '}',
    ...INSTALLATION,
    ...each('interface', 'judge_frames 1 {}'),
  ];
}

export function iptablesRemovalTemplate(): readonly Line[] {
  return [...PROLOGUE, ...REMOVAL, '', 'remove iptables', 'if has_ipv6; then remove ip6tables; fi'];
}

const PROLOGUE = `set -eu

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
chains_of() { sed -n 's/^:\\(MCP-EGRESS-[^ ]*\\) .*/\\1/p'; }`.split('\n');

const REMOVAL = `
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
bridges_of() { sed -n 's/^-A MCP-EGRESS-FORWARD -i \\([^ ]*\\) -o .*/\\1/p' | sort -u; }

# One transaction: the jumps first, then the chains, emptied because they refer to each other.
remove() {
  now=$(ours "$1")
  [ -n "$now" ] || return 0
  for bridge in $(printf '%s\\n' "$now" | bridges_of); do judge_frames 0 "$bridge"; done
  {
    echo '*filter'
    printf '%s\\n' "$now" | jumps_of | sed 's/^-A/-D/'
    printf '%s\\n' "$now" | chains_of | sed 's/^/-F /'
    printf '%s\\n' "$now" | chains_of | sed 's/^/-X /'
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
nft_family() { if [ "$1" = iptables ]; then echo ip; else echo ip6; fi; }`.split('\n');

const INSTALLATION = `
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
    add_jump "$1" $hook ${FORWARD}
    if [ $hook = DOCKER-USER ] && has_jump "$1" FORWARD ${FORWARD}; then echo '-D FORWARD -j ${FORWARD}'; fi
    add_jump "$1" INPUT ${INPUT}
    echo COMMIT
  )
  printf '%s\\n' "$input" | "$1-restore" -w --noflush
}

# $2: what "ours" was before. Jumps that were there have not moved; the ones that are new go.
put_back() {
  [ -n "$2" ] || { remove "$1"; return; }
  added=$(ours "$1" | jumps_of | grep -vxF "$2" || :)
  {
    echo '*filter'
    printf '%s\\n' "$2" | grep '^:'
    printf '%s\\n' "$2" | grep '^-A MCP-EGRESS-' || :
    printf '%s\\n' "$added" | sed -n 's/^-A/-D/p'
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
fi`.split('\n');
