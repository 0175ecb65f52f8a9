/** The command `watch`: what is decided, as it is decided, and a key to allow or block it. */
import { printable } from '../audit/facts/printable.js';
import { type AdminClient, AdminRefusal, adminClient, Unreachable } from './admin-client.js';
import { command, EXIT, type Io } from './command.js';
import { eventsOf } from './event-stream.js';
import { WatchList } from './watch-list.js';

const LIFETIME = '10m';
const SCREEN = { clear: '\x1b[2J\x1b[H', rows: 24, columns: 80 } as const;
const KEYS = 'up, down: choose   a: allow for 10 minutes   b: block for 10 minutes   q: quit';

export const watchCommand = command({
  name: 'watch',
  synopsis: '[--all] [--json] [--config FILE]',
  details:
    '  Shows refusals and questions as they come; --all: allowed requests, too. At a terminal, "a" allows and "b" blocks the\n  chosen one for ten minutes; elsewhere one line, or with --json one record, for each.',
  options: { config: { type: 'string' }, json: { type: 'boolean' }, all: { type: 'boolean' } },
  async run({ config, json, all }, _operands, io) {
    try {
      const admin = adminClient(config, io.env);
      const isScreen = json !== true && process.stdin.isTTY === true && process.stdout.isTTY === true;
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
  for await (const record of records(admin, all)) {
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
  let said = '';
  const draw = (): void => {
    const { rows = SCREEN.rows, columns = SCREEN.columns } = process.stdout;
    const lines = list.lines(rows - 3, columns);
    io.stdout(`${SCREEN.clear}${[...lines, '', said.slice(0, columns), KEYS.slice(0, columns)].join('\n')}`);
  };
  const decide = async (effect: 'allow' | 'block'): Promise<void> => {
    const row = list.chosen;
    if (row === null) return;
    const { host, port, grantClient, from } = row;
    const body = { effect, host, ports: [port], client: grantClient, for: LIFETIME, from };
    said = await admin.send('POST', '/v1/grants', body).then(
      () => `${effect}: ${host}:${port} for ${grantClient ?? 'all'}, ${LIFETIME}`,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    said = printable(said, 400);
    draw();
  };
  const ended = new Promise<number>((resolve) => {
    process.stdin.setRawMode(true).on('data', (bytes: Buffer) => {
      const key = bytes.toString('latin1');
      if (key === 'q' || key === '\x03') return resolve(EXIT.ok);
      if (key === '\x1b[A' || key === 'k') list.move(-1);
      if (key === '\x1b[B' || key === 'j') list.move(1);
      if (key === 'a') void decide('allow');
      if (key === 'b') void decide('block');
      draw();
    });
  });
  draw();
  const streamed = (async (): Promise<number> => {
    for await (const record of records(admin, all)) {
      list.add(record, clients);
      draw();
    }
    return EXIT.unreachable;
  })();
  const code = await Promise.race([ended, streamed]);
  process.stdin.setRawMode(false).pause();
  process.exit(code);
}

/** Decision records and questions. Ends with the instance. */
async function* records(admin: AdminClient, all: boolean): AsyncGenerator<unknown> {
  for await (const { event, data } of eventsOf(admin, '/v1/decisions/stream')) {
    if (event !== 'message' && event !== 'question') continue;
    const record: unknown = JSON.parse(data);
    const outcome = typeof record === 'object' && record !== null ? Reflect.get(record, 'outcome') : null;
    const isClose = typeof record === 'object' && record !== null && Reflect.get(record, 'event') === 'closed';
    if (!isClose && (all || outcome !== 'allow')) yield record;
  }
}

async function clientNames(admin: AdminClient): Promise<ReadonlySet<string>> {
  const policy = await admin.send('GET', '/v1/policy');
  const clients: unknown = typeof policy === 'object' && policy !== null ? Reflect.get(policy, 'clients') : [];
  return new Set((Array.isArray(clients) ? clients : []).map(({ name }) => String(name)));
}
