/**
 * Every field of a create request (Engine API 1.40 to 1.56), and what is done with it. Names are compared octet for octet.
 * A field that is not listed here is unknown, and refused unless it is empty.
 *
 * - `read`: create-request.ts reads it, and writes a value of its own.
 * - `drop`: its value is ignored, and the guard's own is used.
 * - `empty`: has to be empty, in one of the spellings that clients use for an option that was not given.
 *
 * DECISIONS 168.
 */
import type { Json } from './strict-json.js';

export type FieldRule = 'read' | 'drop' | 'empty';
export type FieldTable = ReadonlyMap<string, FieldRule>;

function table(rules: Readonly<Record<FieldRule, string>>): FieldTable {
  const of = (rule: FieldRule) =>
    rules[rule].split(/\s+/).flatMap((name) => (name === '' ? [] : [[name, rule] as const]));
  return new Map([...of('read'), ...of('drop'), ...of('empty')]);
}

export const CONFIG_FIELDS = table({
  read: `User AttachStdin AttachStdout AttachStderr Tty OpenStdin Env Cmd Healthcheck Image WorkingDir Labels StopSignal
    StopTimeout HostConfig NetworkingConfig`,
  // Dropped, because a host name would become a DNS name that other tools can resolve.
  drop: 'Hostname Domainname StdinOnce ExposedPorts',
  empty: 'ArgsEscaped Volumes Entrypoint NetworkDisabled OnBuild Shell MacAddress',
});

export const HOST_CONFIG_FIELDS = table({
  read: `Binds Mounts NetworkMode Memory NanoCpus PidsLimit ShmSize Init ReadonlyRootfs SecurityOpt RestartPolicy LogConfig
    MaskedPaths ReadonlyPaths MemorySwappiness ConsoleSize IpcMode CgroupnsMode`,
  drop: 'Dns DnsOptions DnsSearch CapDrop AutoRemove MemorySwap OomScoreAdj',
  empty: `ContainerIDFile PortBindings VolumeDriver VolumesFrom CapAdd ExtraHosts GroupAdd Cgroup Links PidMode Privileged
    PublishAllPorts UTSMode UsernsMode Tmpfs Isolation CgroupParent Runtime Annotations StorageOpt Sysctls Devices
    DeviceCgroupRules DeviceRequests Ulimits MemoryReservation OomKillDisable CpuShares CpuPeriod CpuQuota
    CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems CpuCount CpuPercent IOMaximumIOps IOMaximumBandwidth
    BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps`,
});

export const NETWORKING_FIELDS = table({ read: 'EndpointsConfig', drop: '', empty: '' });

/** The guard sets all of these. Even those that only the engine writes have to be absent. */
export const ENDPOINT_FIELDS = table({
  read: 'IPAMConfig',
  drop: '',
  empty: `Links Aliases MacAddress DriverOpts GwPriority NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway
    GlobalIPv6Address GlobalIPv6PrefixLen DNSNames`,
});

export const IPAM_FIELDS = table({ read: '', drop: '', empty: 'IPv4Address IPv6Address LinkLocalIPs' });
export const LOG_FIELDS = table({ read: '', drop: '', empty: 'Type Config' });
export const RESTART_FIELDS = table({ read: 'Name', drop: '', empty: 'MaximumRetryCount' });
export const HEALTH_FIELDS = table({
  read: 'Test',
  drop: '',
  empty: 'Interval Timeout Retries StartPeriod StartInterval',
});

export const MOUNT_FIELDS = table({
  read: 'Type Source Target ReadOnly BindOptions VolumeOptions TmpfsOptions',
  drop: 'Consistency',
  empty: 'ClusterOptions ImageOptions',
});
export const BIND_OPTION_FIELDS = table({
  read: 'Propagation',
  drop: '',
  empty: 'NonRecursive CreateMountpoint ReadOnlyNonRecursive ReadOnlyForceRecursive',
});
export const VOLUME_OPTION_FIELDS = table({ read: 'NoCopy', drop: '', empty: 'Labels DriverConfig Subpath' });
export const TMPFS_OPTION_FIELDS = table({ read: 'SizeBytes', drop: 'Mode', empty: 'Options' });

/** Looks at the value alone: anything nested is not empty, so that no key inside goes unread. */
export function isEmpty(value: Json): boolean {
  if (value === null || value === false || value === 0 || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return value instanceof Map && value.size === 0;
}
