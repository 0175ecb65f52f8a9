/**
 * The last lines, so many and of so many bytes, as bytes outside the heap of JavaScript. As strings they would be copied by the collector
 * twice each before it leaves them alone, which cost a refused CONNECT a tenth of its time.
 */

/** Lines share one allocation of this many bytes; it is released with the last of them. */
const CHUNK_BYTES = 64 * 1024;

export interface LineStore {
  push(line: string): void;
  /** `age` 0 is the newest line; it must be less than `size()`. */
  read(age: number): string;
  size(): number;
}

/** `capacity`: how many lines are held, of no more than `bytes`. The newest one is held whatever its size. */
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
    // Or the chunk would live on with a line that nobody can read.
    chunks[slot] = null;
    held -= 1;
  };
  return {
    push(line) {
      // Three bytes of UTF-8 at most for each unit of a string.
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
