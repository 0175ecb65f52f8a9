/**
 * The last so many lines, as bytes outside of the heap of JavaScript. As strings they would be copied by the collector
 * twice each before it leaves them alone, which cost a refused CONNECT a tenth of its time.
 */

/** Lines share one allocation of this many bytes; it is let go of with the last of them. */
const CHUNK_BYTES = 64 * 1024;

export interface LineStore {
  push(line: string): void;
  /** `age` 0 is the newest line; it must be less than `size()`. */
  read(age: number): string;
  size(): number;
}

/** `capacity`: how many lines are held. */
export function createLineStore(capacity: number): LineStore {
  const chunks: Buffer[] = [];
  const starts = new Uint32Array(capacity);
  const ends = new Uint32Array(capacity);
  let chunk = Buffer.alloc(0);
  let used = 0;
  let count = 0;
  return {
    push(line) {
      // Three bytes of UTF-8 at most for each unit of a string.
      const most = line.length * 3;
      if (chunk.length - used < most) {
        chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, most));
        used = 0;
      }
      const slot = count % capacity;
      chunks[slot] = chunk;
      starts[slot] = used;
      used += chunk.write(line, used);
      ends[slot] = used;
      count += 1;
    },
    read(age) {
      const slot = (count - 1 - age) % capacity;
      return chunks[slot]?.toString('utf8', starts[slot], ends[slot]) ?? '';
    },
    size: () => Math.min(count, capacity),
  };
}
