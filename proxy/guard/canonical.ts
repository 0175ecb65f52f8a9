/** The create request that the engine gets: what the client may choose, and around it what the guard sets. Pure. */
import type { GuardConfig } from '../config/guard-config.js';
import type { CreateRequest } from './create-request.js';
import { OWN_LABELS } from './identity.js';

/** What the guard decides for this one container. */
export interface Placement {
  readonly address: string | null;
}

const LOCAL_LOG = { Type: 'local', Config: { 'max-size': '5m', 'max-file': '1' } };

export function canonicalRequest(request: CreateRequest, { address }: Placement, config: GuardConfig): string {
  const { claim, network } = request;
  const isOn = network === 'tools';
  const endpoint = address === null ? {} : { IPAMConfig: { IPv4Address: address } };
  return JSON.stringify({
    ...request.config,
    Labels: {
      ...claim.labels,
      // All of them, even empty ones, because a label of the image would stay if the request had none of that name.
      [OWN_LABELS.guard]: config.network,
      [OWN_LABELS.server]: claim.server.name,
      [OWN_LABELS.life]: request.isAttached ? 'attached' : 'detached',
      [OWN_LABELS.address]: address ?? '',
      [OWN_LABELS.client]: claim.server.client ?? '',
    },
    HostConfig: {
      ...request.hostConfig,
      NetworkMode: isOn ? config.network : 'none',
      // Otherwise the host's search domains would be appended to names, which also shows where the host is.
      ...(isOn ? { Dns: config.dns === null ? [] : [config.dns], DnsOptions: [], DnsSearch: ['.'] } : {}),
      CapDrop: ['ALL'],
      CapAdd: claim.server.capabilities,
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      IpcMode: 'private',
      CgroupnsMode: 'private',
      // A log driver is a way out even for a tool without a network. Attaching works without one.
      LogConfig: config.defaults.logs === 'local' ? LOCAL_LOG : { Type: 'none', Config: {} },
      AutoRemove: true,
    },
    NetworkingConfig: { EndpointsConfig: isOn ? { [config.network]: endpoint } : {} },
  });
}

/** A volume that does not exist yet is made by the guard, since whoever makes it decides what it is. */
export function canonicalVolume(name: string, config: GuardConfig): string {
  return JSON.stringify({
    Name: name,
    Driver: 'local',
    DriverOpts: {},
    Labels: { [OWN_LABELS.guard]: config.network },
  });
}
