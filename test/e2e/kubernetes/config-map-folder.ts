/** A ConfigMap as the kubelet mounts it: files are links through `..data`, which one rename points to a new folder. */
import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Each call is a state of the ConfigMap; the one before it is removed, as the kubelet does it. */
export function writeConfigMap(folder: string, data: Readonly<Record<string, string>>, revision: number): void {
  const name = `..2026_11_26_12_00_${String(revision).padStart(2, '0')}.123456789`;
  mkdirSync(join(folder, name), { recursive: true });
  for (const [file, text] of Object.entries(data)) writeFileSync(join(folder, name, file), text);
  const before = revision === 1 ? null : readlinkSync(join(folder, '..data'));
  symlinkSync(name, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  if (before !== null) rmSync(join(folder, before), { recursive: true });
  else for (const file of Object.keys(data)) symlinkSync(join('..data', file), join(folder, file));
}
