import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { Language, type Node, Parser } from 'web-tree-sitter';

/**
 * The grammar of Windows PowerShell 5.1, which runs nowhere but on Windows: nothing in the script may need a newer one.
 * PowerShell 7 executes it in test/e2e/powershell.
 */
const SCRIPT = readFileSync(new URL('../../../docker/host/ssrf-egress-block.ps1', import.meta.url), 'utf8');
const require = createRequire(import.meta.url);

let root: Node;
let grammar: Language;
before(async () => {
  // The grammar is one huge function: the optimizing compiler would take it up and hold the process for ten seconds.
  setFlagsFromString('--liftoff-only');
  await Parser.init();
  grammar = await Language.load(require.resolve('tree-sitter-powershell/tree-sitter-powershell.wasm'));
  root = parse(SCRIPT);
});

test('the script is PowerShell by its grammar, and the grammar finds a broken one', () => {
  assert.equal(root.hasError, false);
  assert.equal(parse(SCRIPT.replace('Set-StrictMode', 'if (')).hasError, true);
});

test('it is ASCII: Windows PowerShell reads a file without byte order mark in the code page of the machine', () => {
  assert.doesNotMatch(SCRIPT, /[^\n\x20-\x7e]/);
});

test('it has the documented parameters, each with its help', () => {
  const block = root.descendantsOfType('param_block')[0];
  const names = block
    ?.descendantsOfType('script_parameter')
    .map((each) => each.children.find((child) => child?.type === 'variable')?.text);
  assert.deepEqual(names, [
    '$StackDir',
    '$ProxyDir',
    '$DryRun',
    '$Probe',
    '$Remove',
    '$Wsl',
    '$Distribution',
    '$Subnet',
  ]);
  for (const name of names ?? []) assert.match(SCRIPT, new RegExp(`^\\.PARAMETER ${name?.slice(1)}$`, 'm'));
});

test('every function of the script that is called is there, and every one that is there is called', () => {
  const defined = root.descendantsOfType('function_name').map((each) => each.text);
  const called = new Set(root.descendantsOfType('command_name').map((each) => each.text));
  const missing = [...called].filter((name) => !defined.includes(name) && !CMDLETS.has(name));
  assert.deepEqual(missing, []);
  assert.deepEqual(
    defined.filter((name) => !called.has(name)),
    [],
  );
});

test('programs run through the two functions that look at their exit codes, and their standard error is never redirected', () => {
  const invocations = root.descendantsOfType('command').filter((each) => each.text.startsWith('& $program'));
  assert.deepEqual(
    invocations.map((each) => each.text.split('|')[0]?.trim()),
    ['& $program @arguments', '& $program @arguments'],
  );
  assert.equal(root.descendantsOfType('redirection').length, 0);
  for (const name of root.descendantsOfType('command_name')) assert.doesNotMatch(name.text, /^(docker|wsl)/);
});

test('nothing in the Windows script needs PowerShell 7', () => {
  for (const [what, form] of Object.entries(ONLY_IN_7)) assert.doesNotMatch(withoutTextAndComments(), form, what);
});

test('no change is made in a dry run', () => {
  const changes = root
    .descendantsOfType('command')
    .filter((each) => /^(Move-Item|Copy-Item|Remove-Item|Write-Line|Restore-Stack|Show-Compose) /.test(each.text));
  const inRestore = (each: Node): boolean => functionOf(each)?.text.startsWith('function Restore-Stack') === true;
  assert.ok(changes.length >= 6);
  for (const change of changes) assert.ok(inRestore(change) || isBehindDryRun(change), change.text);
});

function functionOf(node: Node): Node | null {
  return node.type === 'function_statement' || node.parent === null ? node : functionOf(node.parent);
}

/** In the block of an `if (-not $DryRun)`, or in a function that a dry run has left before. */
function isBehindDryRun(node: Node): boolean {
  for (let at = node.parent; at !== null; at = at.parent) {
    if (at.type === 'if_statement' && at.text.startsWith('if (-not $DryRun) {')) return true;
  }
  return functionOf(node)?.text.includes('if ($DryRun) { return }') === true;
}

const CMDLETS = new Set([
  'ForEach-Object',
  'Get-Command',
  'Get-Location',
  'Join-Path',
  'Move-Item',
  'New-Object',
  'Out-Host',
  'Pop-Location',
  'Push-Location',
  'Resolve-Path',
  'Select-Object',
  'Set-StrictMode',
  'Split-Path',
  'Test-Path',
  'Where-Object',
  'Write-Information',
  'Write-Warning',
  '$program',
  '$action',
]);

const ONLY_IN_7 = {
  'the null-coalescing operators': /\?\?/,
  'the null-conditional operators': /\?\.|\?\[/,
  'the ternary operator': /\s\?\s[^{]/,
  'pipeline chains': /&&|\|\|/,
  'hash tables from JSON': /-AsHashtable/,
  'parallel loops': /-Parallel\b/,
  'the platform variables': /\$Is(Windows|Linux|MacOS|CoreCLR)\b/,
};

function withoutTextAndComments(): string {
  let text = SCRIPT;
  const nodes = ['comment', 'verbatim_string_characters'].flatMap((type) => root.descendantsOfType(type));
  for (const node of nodes) text = text.replace(node.text, '');
  return text;
}

function parse(text: string): Node {
  const tree = new Parser().setLanguage(grammar).parse(text);
  if (tree === null) throw new Error('the parser gave up');
  return tree.rootNode;
}
