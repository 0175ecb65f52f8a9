/** An index as Git writes it. */

/** gitformat-index: names in order; from version 4 on each without what it has in common with the one before. */
export function gitIndex(version: 2 | 3 | 4, names: readonly string[]): Buffer {
  const head = Buffer.alloc(12);
  head.write('DIRC');
  head.writeUInt32BE(version, 4);
  head.writeUInt32BE(names.length, 8);
  const entries = names.map((name, i) => entry(version, name, names[i - 1] ?? ''));
  return Buffer.concat([head, ...entries, Buffer.alloc(20)]);
}

function entry(version: 2 | 3 | 4, name: string, before: string): Buffer {
  const fields = Buffer.alloc(version === 3 ? 64 : 62, 7);
  fields.writeUInt16BE(version === 3 ? 0x4000 : 0, 60);
  if (version === 4) {
    const same = [...name].findIndex((char, i) => char !== before[i]);
    const drop = before.length - same;
    const offset = drop < 128 ? [drop] : [0x80 | ((drop >> 7) - 1), drop & 0x7f];
    return Buffer.concat([fields, Buffer.from(offset), Buffer.from(`${name.slice(same)}\0`)]);
  }
  const length = fields.length + Buffer.byteLength(name);
  return Buffer.concat([fields, Buffer.from(name), Buffer.alloc(8 - (length % 8))]);
}
