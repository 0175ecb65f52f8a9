/** Published ports, in the short form and the long one. */
import { type Environment, substitute } from './variables.js';

/** `host`: the address of the host, empty for all; `published`: empty where the engine chooses one. */
export interface Port {
  readonly host: string;
  readonly published: string;
  readonly target: string;
}

/** Empty for what is not TCP, and for ranges, since the relay carries one port. */
export function portOf(value: unknown, env: Environment): Port[] {
  if (typeof value === 'number') return [{ host: '', published: '', target: String(value) }];
  if (typeof value === 'string') return shortForm(substitute(value, env));
  if (typeof value !== 'object' || value === null) return [];
  const field = (name: string): string => {
    const found: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
    return typeof found === 'string' || typeof found === 'number' ? substitute(String(found), env) : '';
  };
  if ((field('protocol') || 'tcp') !== 'tcp' || !/^\d+$/.test(field('target'))) return [];
  return [{ host: field('host_ip'), published: field('published'), target: field('target') }];
}

/** `[[HOST:][PUBLISHED]:]TARGET[/tcp]`; an IPv6 host may be in brackets. */
function shortForm(text: string): Port[] {
  const match = /^(?:(?:(\[[^\]]*\]|[^:]*(?::[^:]*:[^:]*)*?):)?(\d*):)?(\d+)(?:\/tcp)?$/.exec(text.trim());
  if (match === null) return [];
  const [, host = '', published = '', target = ''] = match;
  return [{ host: host.replace(/^\[|\]$/g, ''), published, target }];
}
