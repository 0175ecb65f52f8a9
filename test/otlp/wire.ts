/** Protobuf as it is on the wire, read without a schema: fields by number. https://protobuf.dev/programming-guides/encoding */
export class Message {
  readonly #fields = new Map<number, (Buffer | number | bigint)[]>();

  constructor(bytes: Buffer) {
    let at = 0;
    const varint = (): number => {
      for (let value = 0, factor = 1; ; factor *= 128) {
        const byte = bytes.readUInt8(at++);
        value += (byte & 127) * factor;
        if (byte < 128) return value;
      }
    };
    const take = (length: number): Buffer => {
      if (at + length > bytes.length) throw new RangeError('a field ends behind its message');
      at += length;
      return bytes.subarray(at - length, at);
    };
    while (at < bytes.length) {
      const tag = varint();
      const type = tag & 7;
      if (type !== 0 && type !== 1 && type !== 2 && type !== 5) throw new RangeError(`wire type ${type}`);
      const value = type === 0 ? varint() : take(type === 1 ? 8 : type === 5 ? 4 : varint());
      const field = Math.floor(tag / 8);
      this.#fields.set(field, [...(this.#fields.get(field) ?? []), value]);
    }
  }

  all(field: number): Message[] {
    return this.#bytes(field).map((bytes) => new Message(bytes));
  }

  /** The one at the end of a path of fields, each there once. */
  at(...path: readonly number[]): Message {
    return path.reduce<Message>((message, field) => message.all(field)[0] ?? new Message(Buffer.alloc(0)), this);
  }

  text(field: number): string {
    return this.#bytes(field)[0]?.toString('utf8') ?? '';
  }

  number(field: number): number | null {
    const value = this.#fields.get(field)?.[0];
    return typeof value === 'number' ? value : null;
  }

  double(field: number): number | null {
    return this.#bytes(field)[0]?.readDoubleLE() ?? null;
  }

  fixed64(field: number): bigint | null {
    return this.#bytes(field)[0]?.readBigUInt64LE() ?? null;
  }

  /** Packed. */
  fixed64s(field: number): bigint[] {
    const bytes = this.#bytes(field)[0] ?? Buffer.alloc(0);
    return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readBigUInt64LE(8 * i));
  }

  doubles(field: number): number[] {
    const bytes = this.#bytes(field)[0] ?? Buffer.alloc(0);
    return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
  }

  #bytes(field: number): Buffer[] {
    return (this.#fields.get(field) ?? []).filter((value) => Buffer.isBuffer(value));
  }
}

/** KeyValue messages as an object: texts, numbers and lists of texts. */
export function attributes(pairs: readonly Message[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map((pair) => [pair.text(1), anyValue(pair.at(2))]));
}

function anyValue(value: Message): unknown {
  const list = value.all(5)[0];
  if (list !== undefined) return list.all(1).map(anyValue);
  return value.double(4) ?? value.number(3) ?? value.number(2) ?? value.text(1);
}
