/** The command `watch`: what is decided, as it is decided, and a key to allow or block it. */

import { printable } from '../audit/facts/printable.js';
import { hostPortText } from '../core/target.js';
import { obeysEscapes } from '../observe/terminal.js';
import { type AdminClient, AdminRefusal, adminClient, Unreachable } from './admin-client.js';
import { command, EXIT, type Io } from './command.js';
import { hintFor } from './decide.js';
import { eventsOf } from './event-stream.js';
import { WatchList, type WatchRow } from './watch-list.js';
import { type Effect, WatchScreen } from './watch-screen.js';

const LIFETIME = '10m';

export const watchCommand = command({
  name: 'watch',
  synopsis: '[--all] [--json] [--config FILE]',
  details:
    '  Shows refusals and questions as they come; with --all also what is allowed. At a terminal, "a" allows and "b" blocks\n  the chosen one for ten minutes. Elsewhere it prints a line for each, with --json a record.\n  exit code: 0 ended by a key, 4 no answer, or the instance has ended',
  options: { config: { type: 'string' }, json: { type: 'boolean' }, all: { type: 'boolean' } },
  async run({ config, json, all }, _operands, io) {
    try {
      const admin = adminClient(config, io.env);
      const isScreen = json !== true && process.stdin.isTTY === true && obeysEscapes(process.stdout, io.env);
      return await (isScreen
        ? onScreen(admin, io, all === true)
        : asLines(admin, io, { json: json === true, all: all === true }));
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof AdminRefusal)) throw error;
      io.stderr(`egress-proxy: ${printable(error.message)}\n`);
      return EXIT.unreachable;
    }
  },
});

interface Shown {
  readonly json: boolean;
  readonly all: boolean;
}

async function asLines(admin: AdminClient, io: Io, { json, all }: Shown): Promise<number> {
  for await (const { record } of events(admin, all)) {
    if (record === null) continue;
    const list = new WatchList();
    list.add(record, new Set());
    const [line] = list.lines(1, 400);
    if (json) io.stdout(`${JSON.stringify(record)}\n`);
    else if (line !== undefined) io.stdout(`${line.slice(2)}\n`);
  }
  return EXIT.unreachable;
}

async function onScreen(admin: AdminClient, io: Io, all: boolean): Promise<number> {
  const clients = await clientNames(admin);
  const list = new WatchList();
  let opened = (): void => undefined;
  const isOpen = new Promise<void>((resolve) => {
    opened = resolve;
  });
  const streaming = async (): Promise<Error> => {
    for await (const { record, ended } of events(admin, all, opened)) {
      if (ended === null) list.add(record, clients);
      else list.ended(ended);
      screen.change();
    }
    return new Unreachable('the instance has ended');
  };
  const ended = streaming().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  const screen = new WatchScreen({ io, list, ended, decide: (effect, row) => decide(admin, list, effect, row) });
  await Promise.race([isOpen, ended]);
  const fault = await screen.run();
  if (fault !== null) throw fault;
  process.exit(EXIT.ok);
}

/** What to say of it. */
async function decide(admin: AdminClient, list: WatchList, effect: Effect, row: WatchRow): Promise<string> {
  const { host, port, grantClient, from } = row;
  try {
    const warning = effect === 'block' ? null : (row.warning ?? (await warningOf(admin, host)));
    if (warning !== null && list.warn(row, warning)) return `${warning} Press "a" again to allow it all the same.`;
    await admin.send('POST', '/v1/grants', { effect, host, ports: [port], client: grantClient, for: LIFETIME, from });
    list.decided(row, effect);
    return `${effect}: ${hostPortText(host, port)} for ${grantClient ?? 'all'}, ${LIFETIME}`;
  } catch (error) {
    const whom = grantClient === null ? '' : ` --client ${grantClient}`;
    const again = `egress-proxy allow ${hostPortText(host, port)}${whom} --for ${LIFETIME}`;
    return error instanceof Error ? hintFor(error, again) : String(error);
  }
}

/** `ended`: the question that is none any more; null: `record` is a decision or a question. */
type WatchEvent = { readonly ended: null; readonly record: object } | { readonly ended: string; readonly record: null };

/** Ends with the instance. */
async function* events(admin: AdminClient, all: boolean, onOpen?: () => void): AsyncGenerator<WatchEvent> {
  for await (const { event, data } of eventsOf(admin, '/v1/decisions/stream', onOpen)) {
    if (event !== 'message' && event !== 'question' && event !== 'question-ended') continue;
    const record: unknown = JSON.parse(data);
    if (typeof record !== 'object' || record === null) continue;
    const isClose = Reflect.get(record, 'event') === 'closed';
    if (event === 'question-ended') yield { ended: String(Reflect.get(record, 'id')), record: null };
    else if (!isClose && (all || Reflect.get(record, 'outcome') !== 'allow')) yield { ended: null, record };
  }
}

/** What to look at twice in the host of a decision; a question has it. */
async function warningOf(admin: AdminClient, host: string): Promise<string | null> {
  const answer = await admin.send('GET', `/v1/look-alikes?${new URLSearchParams({ host })}`);
  const warning: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'warning') : null;
  return typeof warning === 'string' ? warning : null;
}

async function clientNames(admin: AdminClient): Promise<ReadonlySet<string>> {
  const policy = await admin.send('GET', '/v1/policy');
  const clients: unknown = typeof policy === 'object' && policy !== null ? Reflect.get(policy, 'clients') : [];
  return new Set((Array.isArray(clients) ? clients : []).map(({ name }) => String(name)));
}
