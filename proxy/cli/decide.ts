/** The commands that decide while the proxy runs: `allow`, `block`, `grants`, `revoke`, `pause` and `resume`. */
import { printable, printableText } from '../audit/facts/printable.js';
import { hostText, parseHostField } from '../core/target.js';
import { type AdminClient, AdminRefusal, adminClient, Unreachable } from './admin-client.js';
import { command, EXIT, type Io, UsageError } from './command.js';

const COMMON = { config: { type: 'string' }, json: { type: 'boolean' } } as const;
const GRANT = { ...COMMON, client: { type: 'string' }, for: { type: 'string' }, why: { type: 'string' } } as const;
const FOR =
  '  --for 10m ends that after ten minutes (units: ms, s, m, h, d). Without it there is no end, and the rule is written to\n  the policy file, or printed if that file cannot be written.';
const EXITS =
  '  --config FILE  of the instance to ask; falls back to EGRESS_CONFIG, then to the shipped policy\n  --json         prints the answer of the admin API\n  exit code: 0 done, 1 refused, 4 no answer';

export const allowCommand = command({
  name: 'allow',
  synopsis:
    'HOST[:PORT] [--client NAME] [--for 10m | --once] [--internal [--addresses LIST]] [--why TEXT]\n                          [--json] [--config FILE]',
  details: `  Allows a host from now on. A deny rule comes first, and nothing opens metadata.\n${FOR}\n  --once is for the next request. --internal confirms that a private destination is meant; a name needs --addresses as\n  well, such as 192.168.1.5,fd00::5: the refusal prints those that it has now, and it is opened at these alone.\n${EXITS}`,
  options: { ...GRANT, once: { type: 'boolean' }, internal: { type: 'boolean' }, addresses: { type: 'string' } },
  operands: { least: 1, most: 1 },
  run: (values, [place = ''], io) =>
    ask(values, io, grantText, (admin) =>
      admin.send('POST', '/v1/grants', {
        effect: 'allow',
        ...placeOf(place),
        ...scopeOf(values),
        ...(values.once ? { once: true } : {}),
        ...(values.internal ? { confirm: 'internal' } : {}),
        ...(values.addresses === undefined ? {} : { addresses: values.addresses.split(',') }),
      }),
    ),
});

export const blockCommand = command({
  name: 'block',
  synopsis: 'HOST[:PORT] [--client NAME] [--for 10m] [--why TEXT] [--json] [--config FILE]',
  details: `  Refuses a host from now on, and closes open connections to it.\n${FOR}\n${EXITS}`,
  options: GRANT,
  operands: { least: 1, most: 1 },
  run: (values, [place = ''], io) =>
    ask(values, io, grantText, (admin) =>
      admin.send('POST', '/v1/grants', { effect: 'block', ...placeOf(place), ...scopeOf(values) }),
    ),
});

export const grantsCommand = command({
  name: 'grants',
  synopsis: '[--json] [--config FILE]',
  details: `  Lists what was allowed, blocked and paused while the proxy runs.\n${EXITS}`,
  options: COMMON,
  run: (values, _operands, io) => ask(values, io, listText, (admin) => admin.send('GET', '/v1/grants')),
});

export const revokeCommand = command({
  name: 'revoke',
  synopsis: 'ID [--json] [--config FILE]',
  details: `  Ends a grant, by the ID that "egress-proxy grants" shows, and closes the connections that it allowed.\n${EXITS}`,
  options: COMMON,
  operands: { least: 1, most: 1 },
  run: (values, [id = ''], io) =>
    ask(
      values,
      io,
      (answer) => printableText(`revoked ${oneGrant(at(answer, 'revoked'), closedText(answer))}\n`),
      (admin) => admin.send('DELETE', `/v1/grants/${encodeURIComponent(id)}`),
    ),
});

export const pauseCommand = command({
  name: 'pause',
  synopsis: '[CLIENT] [--for 10m] [--let-through] [--why TEXT] [--json] [--config FILE]',
  details: `  Refuses everything from a client, or from all, until "egress-proxy resume" or for the time of --for.
  --let-through does the opposite, for all clients and only with --for: it lets everything through but metadata,
  link-local addresses and the proxy itself, and logs it.\n${EXITS}`,
  options: { ...COMMON, for: { type: 'string' }, why: { type: 'string' }, 'let-through': { type: 'boolean' } },
  operands: { least: 0, most: 1 },
  run: (values, [client], io) => {
    if (client !== undefined && values['let-through'])
      throw new UsageError('--let-through is for all clients together: leave CLIENT out');
    const rest = { ...given('for', values.for), ...given('why', values.why) };
    return ask(
      values,
      io,
      (answer) => `${onePause(at(answer, 'pause'))}${closedText(answer)}\n`,
      (admin) =>
        client === undefined
          ? admin.send('POST', '/v1/pause', { mode: values['let-through'] ? 'report' : 'refuse', ...rest })
          : admin.send('POST', `/v1/clients/${encodeURIComponent(client)}/pause`, rest),
    );
  },
});

export const resumeCommand = command({
  name: 'resume',
  synopsis: '[CLIENT] [--json] [--config FILE]',
  details: `  Ends the pause of a client, or the one for all.\n${EXITS}`,
  options: COMMON,
  operands: { least: 0, most: 1 },
  run: (values, [client], io) =>
    ask(
      values,
      io,
      (answer) => (list(answer, 'resumed').length === 0 ? 'it was not paused\n' : 'resumed\n'),
      (admin) =>
        admin.send('POST', client === undefined ? '/v1/resume' : `/v1/clients/${encodeURIComponent(client)}/resume`),
    ),
});

/** Exit code 0; 1 where the instance says no, 4 where it does not answer. */
async function ask(
  { config, json }: { readonly config?: string | undefined; readonly json?: boolean | undefined },
  io: Io,
  text: (answer: unknown) => string,
  request: (admin: AdminClient) => Promise<unknown>,
): Promise<number> {
  try {
    const answer = await request(adminClient(config, io.env));
    io.stdout(json ? `${JSON.stringify(answer)}\n` : text(answer));
    return EXIT.ok;
  } catch (error) {
    if (error instanceof AdminRefusal && json) io.stdout(`${JSON.stringify(error.answer)}\n`);
    else if (error instanceof AdminRefusal || error instanceof Unreachable)
      io.stderr(`egress-proxy: ${printable(hintFor(error), 2000)}\n`);
    else throw error;
    return error instanceof Unreachable ? EXIT.unreachable : EXIT.failed;
  }
}

/** What an error of the API means to whoever gave the command; `again`: how to give it once more. */
export function hintFor(error: Error, again = 'repeat this with'): string {
  if (!(error instanceof AdminRefusal) || at(error.answer, 'error') !== 'confirm-internal') return error.message;
  const addresses = list(error.answer, 'addresses');
  return `${addresses.join(', ')}: a private destination. If the tool needs it, ${again} --internal --addresses ${addresses.join(',')}`;
}

/** `host`, `host:port`, an address, `[v6]:port`, `*.suffix:port`. */
export function placeOf(text: string): { readonly host: string; readonly ports?: readonly number[] } {
  const bare = text.startsWith('*.') ? text.slice(2) : text;
  const isV6 = !text.startsWith('[') && (text.match(/:/g)?.length ?? 0) > 1;
  const parsed = isV6 ? null : parseHostField(bare);
  if (parsed === null || !parsed.ok) return { host: text };
  const host = `${text.startsWith('*.') ? '*.' : ''}${hostText(parsed.value.host)}`;
  return parsed.value.port === null ? { host } : { host, ports: [parsed.value.port] };
}

function scopeOf(values: { client?: string | undefined; for?: string | undefined; why?: string | undefined }) {
  return { ...given('client', values.client), ...given('for', values.for), ...given('why', values.why) };
}

function given(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: value };
}

function grantText(answer: unknown): string {
  const file = at(answer, 'file');
  const inFile =
    at(file, 'applied') === true
      ? `in the policy file, under policy.${at(file, 'section')}: ${at(file, 'line')}\n`
      : '';
  const notInFile =
    file !== null && inFile === ''
      ? `${at(file, 'explanation')} The line, for policy.${at(file, 'section')}:\n  ${at(file, 'line')}\n`
      : '';
  return printableText(`${oneGrant(at(answer, 'grant'), closedText(answer))}\n${inFile}${notInFile}`);
}

function listText(answer: unknown): string {
  const lines = [...list(answer, 'pauses').map(onePause), ...list(answer, 'grants').map((grant) => oneGrant(grant))];
  const error = at(at(answer, 'state'), 'error');
  return printableText(
    `${error === null ? '' : `${error}\n`}${lines.length === 0 ? 'nothing is decided at run time' : lines.join('\n')}\n`,
  );
}

/** `closed`: what that has closed, as text. */
function oneGrant(grant: unknown, closed = ''): string {
  const ports = at(grant, 'ports');
  const place = `${at(grant, 'host') ?? at(grant, 'address')}${Array.isArray(ports) ? `:${ports.join(',')}` : ''}`;
  const marks = [
    at(grant, 'internal') === true ? privateText(grant) : '',
    at(grant, 'once') === true ? 'once' : '',
    at(grant, 'inFile') === true ? 'in the policy file' : '',
    at(grant, 'why') === null ? '' : `(${at(grant, 'why')})`,
  ];
  const words = [
    at(grant, 'id'),
    at(grant, 'effect'),
    place,
    `for ${at(grant, 'client') ?? at(grant, 'clientAddress') ?? 'all'}`,
    until(grant, 'revoked'),
    ...marks,
  ];
  const warning = at(grant, 'warning');
  const below = typeof warning === 'string' ? `\n  warning: ${warning}` : '';
  return words.filter((word) => word !== '').join(' ') + closed + below;
}

function privateText(grant: unknown): string {
  if (at(grant, 'addresses') === null) return 'private';
  return `private, at ${list(grant, 'addresses').join(' and ') || 'no address that was confirmed: allow it again'}`;
}

function onePause(pause: unknown): string {
  const end = until(pause, 'resumed');
  if (at(pause, 'mode') === 'report') return `all: everything is let through but what nothing opens, ${end}`;
  return `${at(pause, 'client') ?? 'all'} paused ${end}`;
}

function until(item: unknown, ended: string): string {
  const expires = at(item, 'expires');
  return typeof expires === 'string' ? `until ${expires}` : `until ${ended}`;
}

function closedText(answer: unknown): string {
  const closed = at(answer, 'closed');
  return typeof closed === 'number' && closed > 0
    ? `, ${closed} open ${closed === 1 ? 'connection' : 'connections'} closed`
    : '';
}

function at(value: unknown, key: string): unknown {
  return (typeof value === 'object' && value !== null ? Reflect.get(value, key) : null) ?? null;
}

function list(value: unknown, key: string): readonly unknown[] {
  const found = at(value, key);
  return Array.isArray(found) ? found : [];
}
