/** The containers that this guard has made. Its clients can reach no others. */
import type { Lease } from '../core/lease.js';

export interface Tool {
  readonly id: string;
  readonly name: string;
  readonly server: string;
  readonly lease: Lease | null;
  /** True: it was started without an attached client, and ends by itself. */
  readonly isDetached: boolean;
  isStarted: boolean;
  /** How many requests follow it: attach and wait. */
  followers: number;
}

const WHOLE_ID = /^[0-9a-f]{64}$/;
const START_OF_ID = /^[0-9a-f]{12,63}$/;

export class Roster {
  readonly #tools = new Map<string, Tool>();
  /** Creates that the engine has not answered yet. They count as well, or twenty at once would pass a limit of ten. */
  #pending = 0;

  get size(): number {
    return this.#tools.size + this.#pending;
  }

  get tools(): readonly Tool[] {
    return [...this.#tools.values()];
  }

  add(tool: Tool): void {
    this.#tools.set(tool.id, tool);
  }

  remove(id: string): Tool | null {
    const tool = this.#tools.get(id) ?? null;
    this.#tools.delete(id);
    return tool;
  }

  /** By a whole id, or by the start of one if it is unique among these containers. The engine is never asked. */
  find(reference: string): Tool | null {
    if (WHOLE_ID.test(reference)) return this.#tools.get(reference) ?? null;
    if (!START_OF_ID.test(reference)) return null;
    const found = this.tools.filter(({ id }) => id.startsWith(reference));
    return found.length === 1 ? (found[0] ?? null) : null;
  }

  /** Holds a place while `work` runs. */
  async reserve<T>(work: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    try {
      return await work();
    } finally {
      this.#pending -= 1;
    }
  }
}

export function isContainerId(text: unknown): text is string {
  return typeof text === 'string' && WHOLE_ID.test(text);
}
