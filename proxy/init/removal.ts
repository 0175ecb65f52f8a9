/** The plan that undoes `planInit`. */
import { withoutBlock } from './env-block.js';
import { InitError } from './init-error.js';
import { FOLDER, OVERRIDE } from './layout.js';
import { digestOf, digestsIn, isOurs } from './override.js';
import type { Plan } from './plan.js';
import type { Read } from './stack-files.js';

/** Our files that were changed since they were written stay, and a note names them. */
export function planRemoval(read: Read): Plan {
  const [dotEnv, override] = [read('.env'), read(OVERRIDE)];
  if (override !== null && !isOurs(override))
    throw new InitError(`${OVERRIDE} was not written by init: remove it by hand`);
  const beside = [...digestsIn(override ?? '')].map(([path, digest]) => ({ path: `${FOLDER}/${path}`, digest }));
  const isSame = ({ path, digest }: { path: string; digest: string }): boolean => digestOf(read(path) ?? '') === digest;
  const stay = beside.filter((one) => read(one.path) !== null && !isSame(one));
  const gone = [OVERRIDE, ...beside.filter(isSame).map(({ path }) => path)];
  const changes = [
    { path: '.env', before: dotEnv, after: withoutBlock(dotEnv) },
    ...gone.map((path) => ({ path, before: read(path), after: null })),
  ];
  return {
    changes: changes.filter(({ before, after }) => before !== after),
    notes: stay.map(({ path }) => `${path} stays: it has been changed since it was written`),
  };
}
