/** The files under .github: what they run is pinned, and what they may do is said job by job. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, '.github/workflows');
const FILES = readdirSync(FOLDER).filter((name) => /\.ya?ml$/.test(name));

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly uses?: string;
  readonly permissions?: Readonly<Record<string, string>> | string;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const textOf = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');
const read = (file: string): Workflow => parse(textOf(file));

/** Everything that a workflow runs of others. */
function usesOf({ jobs }: Workflow): string[] {
  return Object.values(jobs).flatMap(({ uses, steps = [] }) =>
    [uses, ...steps.map((step) => step.uses)].filter(isText),
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

test('each workflow that is meant to be there is there', () => {
  for (const name of ['ci.yml', 'kubernetes.yml', 'release.yml', 'scan.yml', 'windows.yml'])
    assert.ok(FILES.includes(name), name);
});

for (const file of FILES) {
  test(`${file}: every action is named by its commit, with its version beside it`, () => {
    const uses = usesOf(read(file));
    assert.ok(uses.length > 0);
    for (const name of uses) {
      if (name.startsWith('./')) assert.ok(existsSync(join(ROOT, name)), name);
      else assert.match(name, /^[\w.-]+(?:\/[\w.-]+)+@[0-9a-f]{40}$/);
    }
    const lines = textOf(file)
      .split('\n')
      .filter((line) => /^\s*(?:- )?uses: [^.]/.test(line));
    assert.deepEqual(
      lines.filter((line) => !/ # v\d+\.\d+\.\d+$/.test(line)),
      [],
    );
  });

  test(`${file}: nothing is permitted but what a job says it needs`, () => {
    const { permissions, jobs } = read(file);
    assert.deepEqual(permissions, {});
    for (const [name, job] of Object.entries(jobs)) {
      assert.equal(typeof job.permissions, 'object', `${name} says what it may do`);
      if (file !== 'release.yml')
        assert.notEqual(
          job.permissions !== undefined && JSON.stringify(job.permissions).includes('id-token'),
          true,
          name,
        );
    }
  });

  test(`${file}: no text of an event gets into a script`, () => {
    const scripts = Object.values(read(file).jobs).flatMap(({ steps = [] }) => steps.flatMap(({ run }) => run ?? []));
    assert.deepEqual(
      scripts.filter((script) => script.includes('${{')),
      [],
    );
  });

  test(`${file}: it has no host name of a registry`, () => {
    assert.doesNotMatch(textOf(file), /ghcr\.io|docker\.io|quay\.io|registry\.|npmjs/);
  });
}

test('one action has one commit in all of them', () => {
  const commits = new Map<string, Set<string>>();
  for (const name of FILES.flatMap((file) => usesOf(read(file)))) {
    const [action = '', commit] = name.split('@');
    if (commit !== undefined) commits.set(action, (commits.get(action) ?? new Set()).add(commit));
  }
  assert.deepEqual(
    [...commits].filter(([, found]) => found.size > 1).map(([action]) => action),
    [],
  );
});

test('CI runs the gate of this repository, and a release waits for it', () => {
  const gate = Object.values(read('ci.yml').jobs).flatMap(({ steps = [] }) => steps.map(({ run = '' }) => run));
  assert.ok(gate.some((run) => run.startsWith('.ci/run')));
  const { jobs } = read('release.yml');
  assert.equal(jobs.gate?.uses, './.github/workflows/ci.yml');
});

test('the chart is installed in a cluster whose node image is fixed, and its test has to fail without the policies', () => {
  const steps = Object.values(read('kubernetes.yml').jobs).flatMap(({ steps = [] }) => steps);
  assert.match(textOf('kubernetes.yml'), /node_image: "kindest\/node:v[\d.]+@sha256:[0-9a-f]{64}"/);
  const scripts = steps.flatMap(({ run }) => run ?? []);
  assert.ok(scripts.some((run) => run.startsWith('helm test egress-proxy ')));
  assert.ok(scripts.some((run) => /delete networkpolicy --all[\s\S]*if helm test [^\n]*; then [^\n]*exit 1/.test(run)));
});

test('whatever gets into the image, or installs it, is tried in a cluster before it lands', () => {
  const { on } = parse(textOf('kubernetes.yml'));
  const paths: string[] = on.pull_request.paths;
  const built: readonly string[] = readFileSync(join(ROOT, '.dockerignore'), 'utf8').match(/^!.+$/gm) ?? [];
  assert.ok(built.includes('!build') && built.includes('!package-lock.json'));
  for (const path of [
    ...built.map((line) => line.slice(1)),
    '.dockerignore',
    'docker',
    '.github/workflows/kubernetes.yml',
  ])
    assert.ok(paths.includes(statSync(join(ROOT, path)).isDirectory() ? `${path}/**` : path), path);
});

test('dependabot looks after packages, images and actions', () => {
  const { version, updates } = parse(readFileSync(join(ROOT, '.github/dependabot.yml'), 'utf8'));
  assert.equal(version, 2);
  const kinds: string[] = updates.map((update: { 'package-ecosystem': string }) => update['package-ecosystem']);
  assert.deepEqual(kinds.sort(), ['docker', 'github-actions', 'npm']);
});

test('the notes of a release are those of its version in CHANGELOG.md', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const notes = (of: string): string =>
    execFileSync('sh', ['build/release-notes.sh', of], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  assert.match(notes(version), /### Added/);
  assert.doesNotMatch(notes(version), /^## \[/m);
  assert.throws(() => notes('9.9.9'));
});
