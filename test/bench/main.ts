/** `npm run bench`: measures this proxy beside others in one interleaved run. See README.md in test/bench. */
import { chmodSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { againstBudget, type Budget, readBudget } from './budget.js';
import { type Contender, contenders, type Field, type Standing } from './contenders.js';
import { firstTunnel } from './fresh.js';
import { goalsTable } from './goals.js';
import type { Sample } from './load.js';
import { type Options, readOptions } from './options.js';
import { capture, firstLine, type Running, start, stop } from './process.js';
import { cellOf, print, printBudget, type Report, save, say } from './report.js';
import type { Results } from './results.js';
import { enter, isInside, ORIGIN_ADDRESS } from './sandbox.js';
import { SPAWN_ROWS, spawnResults } from './spawn.js';
import { compile, nodeBinary } from './toolchain.js';
import { type Workload, workloads } from './workloads.js';

const options = readOptions(process.argv.slice(2));
// Fetched before the namespace is entered, which has no way out.
const nodes: string[] = [];
for (const wish of options.nodes) nodes.push(await nodeBinary(wish));
const folder = mkdtempSync(join(tmpdir(), 'egress-bench-'));
chmodSync(folder, 0o755);
try {
  const status = isInside() ? null : enter(folder);
  if (status !== null) process.exitCode = status;
  else await measureAll(options);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measureAll(options: Options): Promise<void> {
  const reports: Report[] = [];
  for (const node of nodes) reports.push(await measure(options, node));
  if (options.table) for (const report of reports) say(`\n${goalsTable(report)}`);
}

async function measure(options: Options, node: string): Promise<Report> {
  const { repeats, smoke, check, workloads: only, compare, json } = options;
  if (!isInside()) say('no root or no unshare: on plain loopback, names are resolved by ours only');
  const helpers: Running[] = [];
  const field = await prepare(helpers, node);
  const chosen = workloads(smoke).filter(({ name }) => only.length === 0 || only.includes(name));
  const taking = contenders().filter(
    ({ name }) => options.contenders.length === 0 || options.contenders.includes(name),
  );
  const standings = await startAll(taking, field);
  try {
    const samples = await collect({ repeats, chosen, taking, standings, field });
    const version = (await capture(node, ['--version'])).trim();
    const isOurs = taking.some(({ name }) => name === 'ours');
    const isSpawning = isOurs && (only.length === 0 || SPAWN_ROWS.some(({ name }) => only.includes(name)));
    const spawns = isSpawning ? await spawnResults(repeats, smoke ? 3 : 20) : {};
    const report = { node: version, namespace: isInside(), repeats, results: { ...results(samples), ...spawns } };
    print(report, [...chosen, ...SPAWN_ROWS], compare);
    if (json !== null) save(report, nodes.length === 1 ? json : `${json}.${version}`);
    if (check && !printBudget(againstBudget(chosenOf(readBudget(), only), report.results))) process.exitCode = 1;
    return report;
  } finally {
    for (const { running } of standings.values()) if (running !== null) await stop(running);
    for (const helper of helpers.reverse()) await stop(helper);
  }
}

async function prepare(helpers: Running[], node: string): Promise<Field> {
  const programs = await compile(folder);
  const origin = await start(programs.origin, [ORIGIN_ADDRESS], { stdio: ['pipe', 'pipe', 'inherit'] });
  helpers.push(origin);
  const { stream = 0, http = 0, dns = 0 } = await firstLine(origin);
  const pipe = join(mkdtempSync(join(folder, 'log-')), 'pipe');
  await capture('mkfifo', [pipe]);
  helpers.push(await start('sh', ['-c', 'exec cat > /dev/null < "$0"', pipe]));
  return { folder, programs, node, origin: { stream, http, dns }, logPipe: openSync(pipe, 'w') };
}

async function startAll(taking: readonly Contender[], field: Field): Promise<Map<string, Standing>> {
  const standings = new Map<string, Standing>();
  for (const contender of taking) {
    const standing = await contender.start(field);
    if (standing === null) {
      say(`skipped: ${contender.name} is not installed`);
      continue;
    }
    standings.set(contender.name, standing);
    if (contender.abilities.includes('tunnel')) await firstTunnel(contender, standing, field);
  }
  return standings;
}

interface Run {
  readonly repeats: number;
  readonly chosen: readonly Workload[];
  readonly taking: readonly Contender[];
  readonly standings: ReadonlyMap<string, Standing>;
  readonly field: Field;
}

type Samples = Map<string, Map<string, Sample[]>>;

/** Workload by workload and contender by contender, the whole round again for each repeat. */
async function collect({ repeats, chosen, taking, standings, field }: Run): Promise<Samples> {
  const samples: Samples = new Map();
  for (let round = 0; round < repeats; round++) {
    const from = performance.now();
    for (const workload of chosen) {
      const row = samples.get(workload.name) ?? new Map<string, Sample[]>();
      samples.set(workload.name, row);
      for (const contender of taking.filter((one) => isAble(one, workload))) {
        const standing = standings.get(contender.name);
        if (standing === undefined) continue;
        const sample = await workload.run(contender, standing, field);
        row.set(contender.name, [...(row.get(contender.name) ?? []), sample]);
      }
    }
    process.stderr.write(`round ${round + 1} of ${repeats}, ${Math.round((performance.now() - from) / 1000)} s\n`);
  }
  return samples;
}

/** The rows of the workloads that were asked for. */
function chosenOf(budget: Budget, only: readonly string[]): Budget {
  return Object.fromEntries(Object.entries(budget).filter(([workload]) => only.includes(workload)));
}

function isAble({ name, abilities }: Contender, { needs }: Workload): boolean {
  if (needs === 'name' && !isInside() && name !== 'ours') return false;
  return abilities.includes(needs) || (needs === 'forward' && abilities.includes('http-passthrough'));
}

function results(samples: Samples): Results {
  return Object.fromEntries(
    [...samples].map(([workload, row]) => [
      workload,
      Object.fromEntries([...row].map(([contender, list]) => [contender, cellOf(list)])),
    ]),
  );
}
