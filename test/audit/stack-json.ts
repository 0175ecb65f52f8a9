/** A stack as Compose and the engine print it. */
import { createHash } from 'node:crypto';
import type { Spec, Stack } from './stack.js';

export function idOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** `docker compose --profile '*' config --format json`. */
export function composeJson({ project, asked }: Stack): unknown {
  const services = Object.entries(asked?.services ?? {}).map(([name, of]) => [name, composeService(of)]);
  const networks = Object.entries(asked?.networks ?? {}).map(([key, { internal, options }]) => [
    key,
    {
      name: `${project}-${key}`,
      driver_opts: Object.keys(options).length === 0 ? undefined : options,
      ipam: {},
      // Compose leaves `internal: false` out.
      internal: internal ? true : undefined,
    },
  ]);
  return JSON.parse(
    JSON.stringify({ name: project, services: Object.fromEntries(services), networks: Object.fromEntries(networks) }),
  );
}

function composeService(of: Spec) {
  return {
    command: null,
    entrypoint: null,
    image: of.image,
    build: of.build ? { context: '/stack', dockerfile: 'Dockerfile' } : undefined,
    // Without it the image decides: "" is what an engine says of that.
    user: of.user === '' ? undefined : of.user,
    environment: of.env,
    networks: of.networkMode === null ? Object.fromEntries(of.networks.map((key) => [key, null])) : undefined,
    network_mode: of.networkMode ?? undefined,
    ports: of.ports.map(([host_ip, published, target]) => ({
      mode: 'ingress',
      host_ip: host_ip === '0.0.0.0' ? undefined : host_ip,
      target,
      published,
      protocol: 'tcp',
    })),
    volumes: of.binds.map(([source, target]) => ({ type: 'bind', source, target, bind: { create_host_path: true } })),
    cap_add: of.capAdd,
    cap_drop: of.capDrop,
    read_only: of.readOnly || undefined,
    security_opt: of.securityOpt,
    privileged: of.privileged || undefined,
    pid: of.pid === '' ? undefined : of.pid,
    restart: of.restart,
    dns: of.dns,
  };
}

/** `docker inspect` of every container of the stack, of its tools, and of all networks. */
export function inspectJson(stack: Stack): readonly unknown[] {
  return [...containersJson(stack), ...networksJson(stack)];
}

export function containersJson(stack: Stack): readonly { readonly Id: string }[] {
  const services = Object.entries(stack.running.services).map(([name, of]) => {
    const labels = {
      'com.docker.compose.project': stack.project,
      'com.docker.compose.service': name,
      'com.docker.compose.project.working_dir': '/stack',
      'com.docker.compose.project.config_files': '/stack/docker-compose.yml',
    };
    return containerJson(stack, `${stack.project}-${name}-1`, of, labels);
  });
  const tools = Object.entries(stack.tools).map(([name, of]) =>
    containerJson(stack, name, of, { 'docker-mcp': 'true', 'docker-mcp-name': of.server }),
  );
  return [...services, ...tools];
}

function containerJson({ project }: Stack, name: string, of: Spec, labels: Record<string, string>) {
  const bindings = Object.fromEntries(
    of.ports.map(([HostIp, HostPort, port]) => [`${port}/tcp`, [{ HostIp, HostPort }]]),
  );
  const shared = /^service:(.*)$/.exec(of.networkMode ?? '')?.[1];
  const mode =
    shared === undefined
      ? (of.networkMode ?? `${project}-${of.networks[0]}`)
      : `container:${idOf(`${project}-${shared}-1`)}`;
  return {
    Id: idOf(name),
    Name: `/${name}`,
    Image: `sha256:${idOf(of.image)}`,
    State: { Running: of.running, ExitCode: 0 },
    Config: {
      Image: of.image,
      User: of.user,
      Env: ['PATH=/usr/bin', ...Object.entries(of.env).map(([key, value]) => `${key}=${value}`)],
      Labels: labels,
      ExposedPorts: { '9000/tcp': {} },
    },
    HostConfig: {
      NetworkMode: mode,
      PidMode: of.pid,
      IpcMode: 'private',
      UTSMode: '',
      UsernsMode: '',
      PortBindings: bindings,
      PublishAllPorts: false,
      // Newer engines write the prefix, older ones do not.
      CapAdd: of.capAdd.length === 0 ? null : of.capAdd.map((capability) => `CAP_${capability}`),
      CapDrop: of.capDrop.length === 0 ? null : of.capDrop,
      ReadonlyRootfs: of.readOnly,
      SecurityOpt: of.securityOpt.length === 0 ? null : of.securityOpt,
      Privileged: of.privileged,
      Dns: of.dns,
      Binds: null,
      MaskedPaths: ['/proc/acpi', '/proc/kcore'],
    },
    Mounts: of.binds.map(([Source, Destination]) => ({ Type: 'bind', Source, Destination, RW: true })),
    NetworkSettings: {
      // An exposed port without a binding is null here.
      Ports: of.running ? { '9000/tcp': null, ...bindings } : {},
      Networks: Object.fromEntries(of.networks.map((key) => [networkName(project, key), { IPAddress: '' }])),
    },
  };
}

function networkName(project: string, key: string): string {
  return key === 'bridge' || key === 'host' ? key : `${project}-${key}`;
}

export function networksJson({ project, running }: Stack): readonly unknown[] {
  const own = Object.entries(running.networks).map(([key, { internal, options }]) => ({
    Name: `${project}-${key}`,
    Id: idOf(key),
    Driver: 'bridge',
    Internal: internal,
    Options: options,
    Labels: { 'com.docker.compose.project': project, 'com.docker.compose.network': key },
  }));
  const built = { Id: idOf('bridge'), Internal: false, Options: {}, Labels: {} };
  return [...own, { ...built, Name: 'bridge', Driver: 'bridge' }, { ...built, Name: 'host', Driver: 'host' }];
}

/** What `GET /images/NAME/json` answers for each name. */
export function imageJson(stack: Stack, name: string): unknown {
  const known = stack.images[name];
  const isPulled = /[/@]/.test(name);
  return {
    Id: known?.id ?? `sha256:${idOf(name)}`,
    RepoTags: name.includes('@') ? [] : [name],
    RepoDigests: known?.digests ?? (isPulled ? [`${name.replace(/[:@].*$/, '')}@sha256:${idOf(name)}`] : []),
    RootFS: { Type: 'layers' },
  };
}
