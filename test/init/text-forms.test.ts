/** Small grammars of compose files: references to variables, and published ports. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portOf } from '../../proxy/init/port.js';
import { substitute } from '../../proxy/init/variables.js';

const ENV = new Map([
  ['A', '1'],
  ['EMPTY', ''],
]);

test('variables are replaced as Compose replaces them', () => {
  const table: readonly (readonly [string, string])[] = [
    ['$A-${A}', '1-1'],
    ['${B}', ''],
    ['${B:-x}${B-y}', 'xy'],
    ['${EMPTY:-x}${EMPTY-y}', 'x'],
    ['${A:+x}${B:+x}${EMPTY+z}', 'xz'],
    ['${B:-${A}-${C:-d}}', '1-d'],
    ['${A:?needed}', '1'],
    ['$$A 5$', '$A 5$'],
    ['${unclosed', '${unclosed'],
  ];
  for (const [text, expected] of table) assert.equal(substitute(text, ENV), expected, text);
});

test('ports in either form, and none where the relay can carry none', () => {
  const table: readonly (readonly [unknown, readonly string[]])[] = [
    ['8811:8811', ['', '8811', '8811']],
    ['127.0.0.1:8899:8811', ['127.0.0.1', '8899', '8811']],
    ['[::1]:8899:8811/tcp', ['::1', '8899', '8811']],
    ['${P:-7}:8811', ['', '7', '8811']],
    ['8811', ['', '', '8811']],
    [8811, ['', '', '8811']],
    [{ target: 8811, published: '${A}', host_ip: '10.0.0.1' }, ['10.0.0.1', '1', '8811']],
  ];
  for (const [value, [host, published, target]] of table)
    assert.deepEqual(portOf(value, ENV), [{ host, published, target }]);
  for (const none of ['53:53/udp', '1-2:1-2', { target: 53, protocol: 'udp' }, null])
    assert.deepEqual(portOf(none, ENV), []);
});
