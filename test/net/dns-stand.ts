/** What tests of the resolver share: a resolver over scripted servers, and short forms. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { EgressError } from '../../proxy/core/reasons.js';
import { TABLE_ALONE } from '../../proxy/core/special-purpose.js';
import { type DnsName, parseDnsName } from '../../proxy/core/target.js';
import { createResolver, type Resolver, type ResolverOptions } from '../../proxy/net/resolver.js';
import { type FakeDns, type Script, startFakeDns } from '../http/fake-dns.js';

export const never = new AbortController().signal;

export function name(text: string): DnsName {
  const parsed = parseDnsName(text);
  assert.ok(parsed);
  return parsed;
}

export async function openDns(context: TestContext, script: Script): Promise<FakeDns> {
  const dns = await startFakeDns(script);
  context.after(() => dns.close());
  return dns;
}

export function resolverOf(
  servers: readonly Pick<FakeDns, 'server'>[],
  options: Partial<ResolverOptions> = {},
): Resolver {
  const texts = servers.map(({ server }) => server);
  return createResolver({
    here: () => TABLE_ALONE,
    servers: texts,
    timeoutMs: 60_000,
    hostsPath: '/nonexistent',
    ...options,
  });
}

export async function texts(resolver: Resolver, host: string, asker?: string): Promise<string[]> {
  return (await resolver.resolve(name(host), never, asker)).map(({ text }) => text).sort();
}

export function failsWith(reason: string): (error: unknown) => boolean {
  return (error) => error instanceof EgressError && error.reason === reason;
}
