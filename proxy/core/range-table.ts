/**
 * Every special-purpose, metadata and other sensitive range that the policy knows, one row each with its source.
 *
 * Sources: the IANA special-purpose address registries as of 2025-10-09, the IANA multicast and IPv6 address space
 * registries, and the documentation of the providers named. Rows that the registries call reachable and that no tool
 * needs (anycast helpers, AS112, AMT, ORCHIDv2) are refused as well: DECISIONS 9.
 */

/**
 * never: no rule opens it. special: only an `internal` rule by address opens it. private: an `internal` rule by host name
 * opens it, too. inner: carries an IPv4 address that is judged instead.
 */
export type Disposition = 'never' | 'special' | 'private' | 'inner';

/** prefix, disposition, name, source; `metadata` marks the services that hand out credentials or configuration. */
export type RangeRow = readonly [
  prefix: string,
  disposition: Disposition,
  name: string,
  source: string,
  metadata?: 'metadata',
];

export const RANGE_ROWS: readonly RangeRow[] = [
  // IANA IPv4 special-purpose address registry
  ['0.0.0.0/8', 'never', 'this network', 'RFC 791'],
  ['0.0.0.0/32', 'never', 'unspecified (this host)', 'RFC 1122'],
  ['10.0.0.0/8', 'private', 'private-use', 'RFC 1918'],
  ['100.64.0.0/10', 'private', 'shared address space (CGNAT, Tailscale)', 'RFC 6598'],
  ['127.0.0.0/8', 'special', 'loopback', 'RFC 1122'],
  ['169.254.0.0/16', 'never', 'link-local', 'RFC 3927'],
  ['172.16.0.0/12', 'private', 'private-use', 'RFC 1918'],
  ['192.0.0.0/24', 'special', 'IETF protocol assignments', 'RFC 6890'],
  ['192.0.0.0/29', 'special', 'IPv4 service continuity', 'RFC 7335'],
  ['192.0.0.8/32', 'special', 'IPv4 dummy address', 'RFC 7600'],
  ['192.0.0.9/32', 'special', 'Port Control Protocol anycast', 'RFC 7723'],
  ['192.0.0.10/32', 'special', 'TURN anycast', 'RFC 8155'],
  ['192.0.0.170/32', 'special', 'NAT64/DNS64 discovery', 'RFC 7050'],
  ['192.0.0.171/32', 'special', 'NAT64/DNS64 discovery', 'RFC 7050'],
  ['192.0.2.0/24', 'special', 'documentation (TEST-NET-1)', 'RFC 5737'],
  ['192.31.196.0/24', 'special', 'AS112', 'RFC 7535'],
  ['192.52.193.0/24', 'special', 'AMT', 'RFC 7450'],
  ['192.88.99.0/24', 'special', '6to4 relay anycast (deprecated)', 'RFC 7526'],
  ['192.88.99.2/32', 'special', '6a44 relay anycast', 'RFC 6751'],
  ['192.168.0.0/16', 'private', 'private-use', 'RFC 1918'],
  ['192.175.48.0/24', 'special', 'direct delegation AS112', 'RFC 7534'],
  ['198.18.0.0/15', 'special', 'benchmarking', 'RFC 2544'],
  ['198.51.100.0/24', 'special', 'documentation (TEST-NET-2)', 'RFC 5737'],
  ['203.0.113.0/24', 'special', 'documentation (TEST-NET-3)', 'RFC 5737'],
  ['224.0.0.0/4', 'never', 'multicast', 'RFC 5771'],
  ['240.0.0.0/4', 'special', 'reserved', 'RFC 1112'],
  ['255.255.255.255/32', 'never', 'limited broadcast', 'RFC 919'],

  // IANA IPv6 special-purpose address registry
  ['::/128', 'never', 'unspecified', 'RFC 4291'],
  ['::1/128', 'special', 'loopback', 'RFC 4291'],
  ['::ffff:0:0/96', 'inner', 'IPv4-mapped', 'RFC 4291'],
  ['64:ff9b::/96', 'inner', 'NAT64, well-known prefix', 'RFC 6052'],
  ['64:ff9b:1::/48', 'never', 'NAT64, local use', 'RFC 8215'],
  ['100::/64', 'special', 'discard-only', 'RFC 6666'],
  ['100:0:0:1::/64', 'special', 'dummy prefix', 'RFC 9780'],
  ['2001::/23', 'special', 'IETF protocol assignments', 'RFC 2928'],
  ['2001::/32', 'never', 'Teredo', 'RFC 4380'],
  ['2001:1::1/128', 'special', 'Port Control Protocol anycast', 'RFC 7723'],
  ['2001:1::2/128', 'special', 'TURN anycast', 'RFC 8155'],
  ['2001:1::3/128', 'special', 'DNS-SD SRP anycast', 'RFC 9665'],
  ['2001:2::/48', 'special', 'benchmarking', 'RFC 5180'],
  ['2001:3::/32', 'special', 'AMT', 'RFC 7450'],
  ['2001:4:112::/48', 'special', 'AS112', 'RFC 7535'],
  ['2001:10::/28', 'special', 'ORCHID (deprecated)', 'RFC 4843'],
  ['2001:20::/28', 'special', 'ORCHIDv2', 'RFC 7343'],
  ['2001:30::/28', 'special', 'drone remote ID', 'RFC 9374'],
  ['2001:db8::/32', 'special', 'documentation', 'RFC 3849'],
  ['2002::/16', 'never', '6to4', 'RFC 3056'],
  ['2620:4f:8000::/48', 'special', 'direct delegation AS112', 'RFC 7534'],
  ['3ffe::/16', 'special', 'former 6bone', 'RFC 3701'],
  ['3fff::/20', 'special', 'documentation', 'RFC 9637'],
  ['5f00::/16', 'special', 'segment routing SIDs', 'RFC 9602'],
  ['fc00::/7', 'private', 'unique-local', 'RFC 4193'],
  ['fe80::/10', 'never', 'link-local', 'RFC 4291'],

  // Special, in neither registry
  ['::/96', 'never', 'IPv4-compatible (deprecated)', 'RFC 4291'],
  ['::ffff:0:0:0/96', 'never', 'IPv4-translated', 'RFC 2765'],
  ['fec0::/10', 'special', 'site-local (deprecated)', 'RFC 3879'],
  ['ff00::/8', 'never', 'multicast', 'RFC 4291'],
  // The IPv6 space that is delegated for global unicast is 2000::/3 (IANA ipv6-address-space): its complement.
  ['::/3', 'special', 'outside 2000::/3, not global unicast', 'IANA ipv6-address-space'],
  ['4000::/2', 'special', 'outside 2000::/3, not global unicast', 'IANA ipv6-address-space'],
  ['8000::/1', 'special', 'outside 2000::/3, not global unicast', 'IANA ipv6-address-space'],

  // Cloud metadata and platform services
  ['169.254.169.254/32', 'never', 'cloud instance metadata', 'AWS, GCP, Azure and others', 'metadata'],
  ['169.254.169.253/32', 'never', 'AWS VPC resolver', 'AWS VPC user guide', 'metadata'],
  ['169.254.169.123/32', 'never', 'AWS time sync', 'AWS EC2 user guide', 'metadata'],
  ['169.254.169.250/32', 'never', 'Rancher metadata', 'Rancher docs', 'metadata'],
  ['169.254.170.2/32', 'never', 'AWS ECS task metadata', 'AWS ECS developer guide', 'metadata'],
  ['169.254.170.23/32', 'never', 'AWS EKS Pod Identity', 'AWS EKS user guide', 'metadata'],
  ['169.254.0.23/32', 'never', 'Tencent Cloud metadata', 'Tencent CVM docs', 'metadata'],
  ['169.254.10.10/32', 'never', 'Tencent Cloud metadata', 'Tencent CVM docs', 'metadata'],
  ['169.254.42.42/32', 'never', 'Scaleway metadata', 'cloud-init Scaleway docs', 'metadata'],
  ['168.63.129.16/32', 'never', 'Azure WireServer (a public address)', 'Microsoft Learn', 'metadata'],
  ['100.100.100.200/32', 'never', 'Alibaba Cloud metadata', 'Alibaba ECS docs', 'metadata'],
  ['192.0.0.192/32', 'never', 'Oracle Cloud Classic metadata', 'PayloadsAllTheThings', 'metadata'],
  ['fd00:ec2::254/128', 'never', 'AWS instance metadata', 'AWS EC2 user guide', 'metadata'],
  ['fd00:ec2::253/128', 'never', 'AWS VPC resolver', 'AWS VPC user guide', 'metadata'],
  ['fd00:ec2::123/128', 'never', 'AWS time sync', 'AWS EC2 user guide', 'metadata'],
  ['fd00:ec2::23/128', 'never', 'AWS EKS Pod Identity', 'AWS EKS user guide', 'metadata'],
  ['fd20:ce::254/128', 'never', 'GCP metadata', 'Google Compute Engine docs', 'metadata'],
  ['fd00:100::100:200/128', 'never', 'Alibaba Cloud metadata', 'cloud-init Alibaba tests', 'metadata'],
  ['fd00:c1::a9fe:a9fe/128', 'never', 'Oracle Cloud metadata', 'OCI SDK', 'metadata'],
  ['fd00:42::42/128', 'never', 'Scaleway metadata', 'cloud-init Scaleway docs', 'metadata'],
  ['fd00:a9fe:a9fe::1/128', 'never', 'Akamai/Linode metadata', 'Akamai docs', 'metadata'],
  ['fe80::a9fe:a9fe/128', 'never', 'OpenStack metadata', 'OpenStack Nova docs', 'metadata'],

  // Well-known hosts inside the ranges above, so that the explanation can name them
  ['100.100.100.100/32', 'private', 'Tailscale MagicDNS', 'Tailscale docs'],
  ['fd7a:115c:a1e0::/48', 'private', 'Tailscale', 'tailscale net/tsaddr'],
  ['fd7a:115c:a1e0::53/128', 'private', 'Tailscale MagicDNS', 'tailscale net/tsaddr'],
  ['fd7a:115c:a1e0:b1a::/64', 'private', 'Tailscale 4via6', 'tailscale net/tsaddr'],
  ['192.168.65.254/32', 'private', 'Docker Desktop host', 'Docker Desktop docs'],
  ['192.168.65.1/32', 'private', 'Docker Desktop gateway', 'Docker Desktop docs'],
  ['172.17.0.1/32', 'private', 'Docker default bridge gateway', 'Docker engine docs'],
  ['10.96.0.1/32', 'private', 'Kubernetes API service', 'Kubernetes docs'],
  ['127.0.0.11/32', 'special', 'Docker embedded DNS', 'Docker engine docs'],
];

/** Names that stand for one of the ranges above, refused before any DNS query. `*.` covers every name below. */
export const SPECIAL_NAMES: readonly (readonly [
  name: string,
  disposition: 'never' | 'special',
  what: string,
  metadata?: 'metadata',
])[] = [
  ['metadata.google.internal', 'never', 'GCP metadata', 'metadata'],
  ['metadata', 'never', 'GCP metadata', 'metadata'],
  ['instance-data.ec2.internal', 'never', 'AWS instance metadata', 'metadata'],
  ['metadata.tencentyun.com', 'never', 'Tencent Cloud metadata', 'metadata'],
  ['rancher-metadata', 'never', 'Rancher metadata', 'metadata'],
  ['localhost', 'special', 'loopback (RFC 6761)'],
  ['*.localhost', 'special', 'loopback (RFC 6761)'],
  ['localhost.localdomain', 'special', 'loopback'],
  ['ip6-localhost', 'special', 'loopback'],
  ['ip6-loopback', 'special', 'loopback'],
  ['host.docker.internal', 'special', 'Docker host'],
  ['gateway.docker.internal', 'special', 'Docker Desktop gateway'],
  ['kubernetes.docker.internal', 'special', 'Docker Desktop Kubernetes'],
  ['host.containers.internal', 'special', 'Podman host'],
  ['kubernetes.default.svc', 'special', 'Kubernetes API service'],
  ['kubernetes.default.svc.cluster.local', 'special', 'Kubernetes API service'],
];
