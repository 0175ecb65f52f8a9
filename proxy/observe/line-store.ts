/**
 * The last lines, bounded in number and bytes, as bytes outside of JavaScript's heap. The collector would copy each string
 * twice before leaving it alone, which took a tenth of the time of a refused CONNECT.
 */

/** Lines share allocations of this many bytes, each of which is released with the last of its lines. */
const CHUNK_BYTES = 64 * 1024;

export interface LineStore {
  push(line: string): void;
  /** `age` 0 is the newest line; it must be less than `size()`. */
  read(age: number): string;
  size(): number;
}

/** `capacity`: the most lines that are held, with no more than `bytes` in all. The newest one is held whatever its size. */
export function createLineStore(capacity: number, bytes = Number.POSITIVE_INFINITY): LineStore {
  const chunks: (Buffer | null)[] = [];
  const starts = new Uint32Array(capacity);
  const ends = new Uint32Array(capacity);
  let chunk = Buffer.alloc(0);
  let used = 0;
  let count = 0;
  let held = 0;
  let heldBytes = 0;
  const dropOldest = (): void => {
    const slot = (count - held) % capacity;
    heldBytes -= (ends[slot] ?? 0) - (starts[slot] ?? 0);
    // Otherwise the chunk would stay alive for a line that nobody can read.
    chunks[slot] = null;
    held -= 1;
  };
  return {
    push(line) {
      // UTF-8 takes at most three bytes for each unit of a string.
      const most = line.length * 3;
      if (chunk.length - used < most) {
        chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, most));
        used = 0;
      }
      if (held === capacity) dropOldest();
      const slot = count % capacity;
      chunks[slot] = chunk;
      starts[slot] = used;
      const size = chunk.write(line, used);
      used += size;
      ends[slot] = used;
      count += 1;
      held += 1;
      heldBytes += size;
      while (heldBytes > bytes && held > 1) dropOldest();
    },
    read(age) {
      const slot = (count - 1 - age) % capacity;
      return chunks[slot]?.toString('utf8', starts[slot], ends[slot]) ?? '';
    },
    size: () => held,
  };
}
