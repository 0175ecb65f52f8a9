/** The OTLP resource: who exports. */
import { hostname } from 'node:os';
import type { HrTime } from '@opentelemetry/api';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';

export type Resource = ResourceMetrics['resource'];

export const SCOPE = Object.freeze({ name: 'mcp-egress-proxy' });

/**
 * Made by hand, because the package for resources brings detectors, which start programs to learn about the machine. The
 * serializers read only the attributes.
 */
export function resourceOf(version: string, instance: string): Resource {
  const attributes = {
    'service.name': 'mcp-egress-proxy',
    'service.version': version,
    'service.instance.id': instance,
    'host.name': hostname(),
  };
  const resource: Resource = {
    attributes,
    merge: () => resource,
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}

/** `ms`: since 1970. */
export function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1_000_000)];
}
