/** One line of a watch. */
import { ApiFailure } from './failure.js';
import { mapping } from './pod.js';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
  readonly version: string;
}

/** Throws an ApiFailure: `gone` if the server no longer has the version, `malformed` for what is no event. */
export function readEvent(line: string): WatchEvent {
  const { type, object } = mapping(parseJson(line));
  if (type === 'ERROR') throw new ApiFailure(mapping(object).code === 410 ? 'gone' : 'refused');
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK')
    throw new ApiFailure('malformed');
  return { type, object, version: versionOf(object) };
}

/** The resource version of an object or of a list. */
export function versionOf(object: unknown): string {
  const { resourceVersion } = mapping(mapping(object).metadata);
  if (typeof resourceVersion !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(resourceVersion))
    throw new ApiFailure('malformed');
  return resourceVersion;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiFailure('malformed');
  }
}
