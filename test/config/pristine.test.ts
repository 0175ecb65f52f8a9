import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { repository } from './fixture.js';

const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

test('the policy of the image is the shipped one', () => {
  const message = 'config/policy.yaml and build/policy.yaml differ: a change of the shipped policy belongs in both';
  assert.equal(read('build/policy.yaml'), read('config/policy.yaml'), message);
});

test('nothing of config/ gets into a build but the schema', () => {
  const rules = read('.dockerignore').split('\n');
  assert.equal(
    rules.find((line) => line === '*'),
    '*',
    'what is not named stays out',
  );
  assert.deepEqual(
    rules.filter((line) => line.startsWith('!config')),
    ['!config/policy.schema.json'],
  );
  const copies = read('docker/Dockerfile').match(/^(?:COPY|ADD) .*$/gm) ?? [];
  assert.deepEqual(
    copies.filter((line) => /\bconfig\b/.test(line)),
    ['COPY config/policy.schema.json config/'],
  );
  assert.ok(!copies.some((line) => /(?:COPY|ADD) (?:--\S+ )*\.\/? /.test(line)), 'nor the folder around it');
});
