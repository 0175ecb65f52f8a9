/** Reading of JSON that someone else wrote: a wrong type is an absent value, and no message quotes what was read. */
import { AuditError } from './audit-error.js';

export type Json = unknown;

/** Node's own message of a syntax error quotes the text around it, which may be a secret. */
export function parseJson(text: string, name: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    const size = text.length === 0 ? 'is empty' : `(${text.length} characters) is not JSON`;
    throw new AuditError(`${name} ${size}`);
  }
}

export function field(value: Json, name: string): Json {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

/** What is at the end of `names`, each a field of the one before. */
export function at(value: Json, ...names: readonly string[]): Json {
  return names.reduce<Json>(field, value);
}

export function text(value: Json): string | null {
  return typeof value === 'string' ? value : null;
}

export function list(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

export function texts(value: Json): readonly string[] {
  return list(value).filter((item) => typeof item === 'string');
}

/** The fields of a mapping; none of anything else. */
export function entries(value: Json): readonly (readonly [string, Json])[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}
