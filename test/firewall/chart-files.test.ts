import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { chartFiles } from '../../build/chart.js';

const FILES = new URL('../../../docker/kubernetes/chart/files/', import.meta.url);

test('the chart carries the tables that the proxy enforces, and its alerts (else: npm run chart)', () => {
  for (const [name, text] of Object.entries(chartFiles())) {
    assert.ok(
      readFileSync(new URL(name, FILES), 'utf8') === text,
      `docker/kubernetes/chart/files/${name} is out of date`,
    );
  }
});
