# Tries to get out of the container that it runs in, with nothing but a shell, curl, ping and python's sockets.
#   sh -s -- SITE HOST_PORT HOST_ADDRESS... <ways-out.sh
# SITE: the address of a public site. HOST_PORT: a port on which the host answers HTTP on every address.
# HOST_ADDRESS: addresses of the host. Prints a line for each way, and ends with the number of open ones.
site=$1
host_port=$2
shift 2
open=0
proxy=$(getent ahostsv4 egress-proxy | awk '{ print $1; exit }')

# A name that has the address of the proxy is steered: it leads there and nowhere else. NAME_OF_WAY NAME COMMAND...
named() {
  if [ "$(getent ahostsv4 "$2" | awk '{ print $1; exit }')" = "$proxy" ] && [ -n "$proxy" ]; then
    echo "closed $1 (leads to the proxy)"
  else
    shift 2
    "$@"
  fi
}

way() {
  name=$1
  shift
  if timeout 5 "$@" >/dev/null 2>&1; then
    echo "OPEN   $name"
    open=$((open + 1))
  else
    echo "closed $name"
  fi
}

direct() {
  way "$1" curl -s --noproxy '*' --connect-timeout 2 --max-time 4 "$2"
}

own=$(hostname -I | cut -d ' ' -f 1)
bridge="${own%.*}.1"

for address in "$bridge" "$@"; do
  direct "host service on $address" "http://$address:$host_port/"
  direct "published port on $address" "http://$address:8811/"
done
direct 'public address, http' "http://$site/"
way "public address, https" curl -sk --noproxy "*" --connect-timeout 2 --max-time 4 "https://$site/"
named 'public name' site.demo.test direct 'public name' 'http://site.demo.test/'
direct 'a service of the stack by name' 'http://ops-controller:9000/'
direct 'the host by its Docker Desktop name' "http://host.docker.internal:$host_port/"
direct 'metadata' 'http://169.254.169.254/'
direct 'ECS metadata' 'http://169.254.170.2/'
direct 'IPv6' 'http://[2606:4700:4700::1111]/'
direct 'the admin API' 'http://egress-proxy:9180/healthz'
direct 'the docker engine over TCP' "http://$bridge:2375/version"
way 'the docker engine over its socket' curl -s --unix-socket /var/run/docker.sock http://docker/version
way 'the socket of the spawn guard' curl -s --unix-socket /run/egress-guard/docker.sock http://docker/_ping
outside="exfil-$$-$(date +%s).example.com"
named 'DNS: a name outside' "$outside" way 'DNS: a name outside, by the resolver of the network' getent hosts "$outside"
way 'DNS: a server outside, TCP' bash -c "exec 3<>/dev/tcp/$site/53"
way 'UDP: a datagram leaves' python3 -c "import socket; socket.socket(2, 2).sendto(b'x', ('$site', 443))"
way 'a raw socket' python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'
# Whoever could send from an address of another tool would have its rules.
way 'an address of another' python3 -c "import socket as s; c = s.socket(); c.settimeout(4); c.setsockopt(0, 15, 1); c.bind(('${own%.*}.251', 0)); c.connect(('$proxy', 3128))"
way 'ICMP' ping -c 1 -W 1 "$site"
for target in http://169.254.169.254/ http://127.0.0.1:9180/healthz http://egress-proxy:9180/healthz http://ops-controller:9000/ \
  "http://$bridge:$host_port/" "http://2130706433:9180/" 'http://[::ffff:127.0.0.1]:9180/'; do
  way "through the proxy: $target" curl -sf --max-time 4 "$target"
  way "through a tunnel: $target" curl -sfp --max-time 4 "$target"
done
exit "$open"
