/** Reads one object of a create request by its table. Refusals are thrown as `Refused`, with the path of the field. */
import { type FieldTable, isEmpty } from './fields.js';
import { quote, Refused, refuse } from './refusal.js';
import { isObject, type Json, type JsonObject } from './strict-json.js';

export class FieldReader {
  readonly #object: JsonObject;
  readonly #path: string;

  /** Checks every key. `path`: of the object, such as `HostConfig`; empty for the request itself. */
  constructor(value: Json | undefined, table: FieldTable, path: string) {
    if (value !== undefined && value !== null && !isObject(value)) throw malformed(path, 'an object');
    this.#object = isObject(value) ? value : new Map();
    this.#path = path;
    for (const [key, item] of this.#object) {
      const rule = table.get(key);
      if (rule === 'read' || rule === 'drop' || isEmpty(item)) continue;
      throw rule === 'empty' ? refused(this.at(key)) : unknown(this.at(key));
    }
  }

  /** The path of a field of this object. */
  at(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  value(key: string): Json {
    return this.#object.get(key) ?? null;
  }

  /** False where it is absent. */
  flag(key: string): boolean {
    const value = this.value(key) ?? false;
    if (typeof value !== 'boolean') throw malformed(this.at(key), 'true or false');
    return value;
  }

  /** Empty where it is absent. */
  text(key: string): string {
    const value = this.value(key) ?? '';
    if (typeof value !== 'string') throw malformed(this.at(key), 'a string');
    return value;
  }

  /** Null where it is absent. */
  whole(key: string): number | null {
    const value = this.value(key);
    if (value !== null && typeof value !== 'number') throw malformed(this.at(key), 'a whole number');
    return value;
  }

  list(key: string): readonly Json[] {
    const value = this.value(key) ?? [];
    if (!Array.isArray(value)) throw malformed(this.at(key), 'a list');
    return value;
  }

  texts(key: string): readonly string[] {
    return this.list(key).map((item) => {
      if (typeof item !== 'string') throw malformed(this.at(key), 'a list of strings');
      return item;
    });
  }

  /** The object below `key`, read by its own table. */
  below(key: string, table: FieldTable): FieldReader {
    return new FieldReader(this.value(key), table, this.at(key));
  }

  /** The entries of a map whose keys are the client's. */
  entries(key: string): readonly (readonly [string, Json])[] {
    const value = this.value(key);
    if (value === null) return [];
    if (!isObject(value)) throw malformed(this.at(key), 'an object');
    return [...value];
  }
}

/** For a field that has to be empty, or whose value is not accepted. */
export function refused(path: string, why = 'the spawn guard accepts no value for it'): Refused {
  return new Refused(refuse('field-refused', `${path} is refused: ${why}`, path));
}

export function malformed(path: string, form: string): Refused {
  const where = path === '' ? 'the body' : path;
  return new Refused(refuse('field-malformed', `${where} must be ${form}`, path === '' ? null : path));
}

function unknown(path: string): Refused {
  const message = `${quote(path)} is not a field that the spawn guard knows, and it is not empty`;
  return new Refused(refuse('field-malformed', message, path.slice(0, 128)));
}
