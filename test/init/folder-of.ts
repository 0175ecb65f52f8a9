/** A folder as data, and what a plan makes of it. */
import { readFileSync } from 'node:fs';
import { type Plan, planInit, type Shipped, type Wishes } from '../../proxy/init/plan.js';
import { planRemoval } from '../../proxy/init/removal.js';
import type { Read } from '../../proxy/init/stack-files.js';

export type Files = Readonly<Record<string, string>>;

const shippedFile = (path: string): string =>
  readFileSync(new URL(`../../../build/${path}`, import.meta.url), 'latin1');

export const SHIPPED: Shipped = {
  override: shippedFile('install/compose.override.yml'),
  beside: new Map([
    ['config/policy.yaml', shippedFile('policy.yaml')],
    ['docker/guard/cli.json', shippedFile('install/docker/guard/cli.json')],
  ]),
};

export function readOf(files: Files): Read {
  return (path) => (Object.hasOwn(files, path) ? (files[path] ?? null) : null);
}

export function plan(files: Files, wishes: Partial<Wishes> = {}): Plan {
  return planInit(readOf(files), SHIPPED, { taken: [], avoid: [], ...wishes });
}

/** The folder after a plan. */
export function after(files: Files, { changes }: Plan): Files {
  const result = new Map(Object.entries(files));
  for (const { path, after: text } of changes) {
    if (text === null) result.delete(path);
    else result.set(path, text);
  }
  return Object.fromEntries(result);
}

export function initialized(files: Files, wishes: Partial<Wishes> = {}): Files {
  return after(files, plan(files, wishes));
}

export function removed(files: Files): Files {
  return after(files, planRemoval(readOf(files)));
}
