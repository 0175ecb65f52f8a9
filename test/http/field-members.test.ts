/** Members of list fields, as an intermediary reads them: whoever reads more into one than others do can be made to disagree with them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listMembers } from '../../proxy/http/fields.js';
import { requestFields } from '../../proxy/http/passed-on.js';
import { framingFault } from '../../proxy/http/request-head.js';
import { framingOf, noted as notedOfResponse } from '../../proxy/http/response-head.js';
import { requestHead } from './request-head.js';

/** What `trim` removes beside space and tab, as far as field values may hold it. */
const NO_BREAK_SPACE = '\u00a0';

test('around a member only space and tab are dropped', () => {
  assert.deepEqual(listMembers(` a\t,\t b ,${NO_BREAK_SPACE}c`), ['a', 'b', `${NO_BREAK_SPACE}c`]);
});

test('a transfer coding with an octet more is another one, and is refused', () => {
  for (const value of [`${NO_BREAK_SPACE}chunked`, `chunked${NO_BREAK_SPACE}`, `chunked,${NO_BREAK_SPACE}`]) {
    const fields = ['Transfer-Encoding', value];
    assert.equal(framingFault(requestHead(fields)), 'malformed-request', value);
    assert.equal(
      framingOf({ minor: 1, status: 200, phrase: '', fields, noted: notedOfResponse(fields) }, 'GET'),
      null,
      value,
    );
  }
});

test('whatever is wrong with the framing of a request, it does not pass for one without content', () => {
  const faults = [
    ...['', ' ', '1x', '-1', '+0', '0,0', '9999999999999999'].map((length) => ['Content-Length', length]),
    ...['', '0'].map((length) => ['Content-Length', length, 'content-length', length]),
    ...['', ',', 'gzip', 'chunked, chunked'].map((coding) => ['Transfer-Encoding', coding]),
    ['Content-Length', '0', 'Transfer-Encoding', 'chunked'],
  ];
  for (const fields of faults) {
    assert.equal(framingFault(requestHead(fields)), 'malformed-request', `${fields}`);
    assert.equal(requestHead(fields).noted.hasContent, true, `${fields}`);
  }
});

test('many names in Connection are removed as few are, in any case, but for the length', () => {
  for (const count of [1, 8, 9, 200]) {
    const names = Array.from({ length: count }, (_, i) => `X-${i}`);
    const raw = ['Connection', [...names, 'Content-Length'].join(', '), ...names.flatMap((name) => [name, 'v'])];
    const passed = requestFields(requestHead([...raw, 'Content-Length', '1', 'Y', 'v']), 'a.test');
    const expected = ['Host', 'a.test', 'Content-Length', '1', 'Y', 'v', 'Via', '1.1 mcp-egress-proxy'];
    assert.deepEqual(passed, expected, `${count}`);
  }
});
