/**
 * Fields by name, and the members of their lists (RFC 9110 section 5). Fields are flat lists:
 * name, value, name, value; names in the case and values in the bytes (latin1) in which they came.
 */
import { withoutOuterBlanks } from './characters.js';

/** Every value of a field, in order. `name` in lower case. */
export function values(raw: readonly string[], name: string): readonly string[] {
  let found: string[] | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const value = raw[i + 1];
    if (value === undefined || !isNamed(raw[i] ?? '', name)) continue;
    if (found === null) found = [value];
    else found.push(value);
  }
  return found ?? NONE;
}

/** True if a field of this name is among them. `name` in lower case. */
export function hasField(raw: readonly string[], name: string): boolean {
  for (let i = 0; i + 1 < raw.length; i += 2) if (isNamed(raw[i] ?? '', name)) return true;
  return false;
}

/** Without regard to case. `name` in lower case. */
export function isNamed(field: string, name: string): boolean {
  return field.length === name.length && (field === name || field.toLowerCase() === name);
}

const NONE: readonly string[] = Object.freeze([]);

/** The members of a list field (RFC 9110 section 5.6.1), in lower case. `value`: its value, or several joined by commas. */
export function listMembers(value: string): readonly string[] {
  if (isOneMember(value)) return [value.toLowerCase()];
  return value
    .toLowerCase()
    .split(',')
    .map((member) => withoutOuterBlanks(member))
    .filter((member) => member !== '');
}

/** True for nearly every field: nothing to split, nothing to trim. */
function isOneMember(value: string): boolean {
  return value !== '' && !value.includes(',') && withoutOuterBlanks(value) === value;
}
