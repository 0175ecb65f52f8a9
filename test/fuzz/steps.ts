/**
 * What a piece of code costs, counted and not timed: how often V8 entered each block of the product's code, and how much
 * text or memory it handed to what is not JavaScript (searching, copying, matching).
 */
import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';

// Machine code is made on another thread, counts differently from bytecode, and takes over at whatever moment it is ready.
for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug', '--no-flush-bytecode']) setFlagsFromString(flag);

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** What looks at all of its subject, or of what it makes: its length is what it costs. */
const NATIVES: readonly (readonly [owner: object, names: readonly string[]])[] = [
  [
    String.prototype,
    ['indexOf', 'includes', 'split', 'slice', 'trim', 'toLowerCase', 'replace', 'replaceAll', 'matchAll', 'match'],
  ],
  [RegExp.prototype, ['exec', 'test']],
  [Buffer.prototype, ['indexOf', 'toString', 'subarray', 'latin1Slice']],
  [Uint8Array.prototype, ['set', 'fill', 'slice']],
];
/** Cheap whatever they are called on: a view, or a slice that shares the text. */
const CONSTANT: ReadonlySet<string> = new Set(['subarray', 'slice']);

// From the beginning on: of a function that has run before, V8 counts the calls alone, and no turn of its loops.
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/** Steps of `work`, in code of `proxy/`: the same number each time, for one version of Node. */
export async function stepsOf(work: () => unknown): Promise<number> {
  // What was counted so far does not count.
  await session.post('Profiler.takePreciseCoverage');
  const native = await countNatives(work);
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const ours = result.filter(({ url }) => url.includes('/dist/proxy/'));
  const counts = ours.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)));
  return counts.reduce((sum, count) => sum + count, native);
}

async function countNatives(work: () => unknown): Promise<number> {
  let count = 0;
  const restore = NATIVES.flatMap(([owner, names]) =>
    names.flatMap((name) => {
      const before: unknown = Reflect.get(owner, name);
      if (typeof before !== 'function') return [];
      const original = before as Method;
      const counted: Method = function (...args) {
        const from = this instanceof RegExp ? this.lastIndex : 0;
        const result = Reflect.apply(original, this, args);
        count += name === 'indexOf' ? searched(this, args, result) : costOf(name, this, args, from);
        return result;
      };
      Reflect.set(owner, name, counted);
      return [() => Reflect.set(owner, name, original)];
    }),
  );
  try {
    await work();
  } finally {
    for (const undo of restore) undo();
  }
  return count;
}

function costOf(name: string, self: unknown, args: readonly unknown[], from: number): number {
  if (CONSTANT.has(name)) return 1;
  const [first] = args;
  if (name === 'set') return 1 + lengthOf(first);
  // As `split` and `replace` go through a text: from match to match, or from place to place.
  if (self instanceof RegExp && (self.sticky || self.global))
    return 1 + (self.lastIndex > from ? self.lastIndex - from : self.sticky ? 1 : lengthOf(first) - from);
  return 1 + Math.max(lengthOf(self), lengthOf(first));
}

function searched(self: unknown, [, start]: readonly unknown[], found: unknown): number {
  const end = typeof found === 'number' && found >= 0 ? found : lengthOf(self);
  return 1 + end - (typeof start === 'number' ? start : 0);
}

function lengthOf(one: unknown): number {
  return typeof one === 'string' || one instanceof Uint8Array ? one.length : 0;
}
