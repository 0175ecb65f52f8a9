/** ClientHellos for tests: well-formed by default, with every part open to be broken. */
export interface HelloParts {
  readonly sni?: string | null;
  readonly extensions?: readonly Buffer[];
  readonly sessionId?: Buffer;
  readonly ciphers?: Buffer;
  readonly compression?: Buffer;
}

export function helloBody(parts: HelloParts = {}): Buffer {
  const { sni = 'site.test', sessionId = Buffer.alloc(32), ciphers = Buffer.from([0x13, 0x01]) } = parts;
  const extensions = [...(sni === null ? [] : [serverName(sni)]), ...(parts.extensions ?? [])];
  return Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    vector(1, sessionId),
    vector(2, ciphers),
    vector(1, parts.compression ?? Buffer.from([0])),
    vector(2, Buffer.concat(extensions)),
  ]);
}

export function serverName(name: string): Buffer {
  return serverNameList([{ type: 0, name: Buffer.from(name, 'latin1') }]);
}

export function serverNameList(names: readonly { type: number; name: Buffer }[]): Buffer {
  const entries = names.map(({ type, name }) => Buffer.concat([Buffer.from([type]), vector(2, name)]));
  return extension(0, vector(2, Buffer.concat(entries)));
}

export function extension(type: number, value: Buffer): Buffer {
  return Buffer.concat([integer(2, type), vector(2, value)]);
}

export function handshake(body: Buffer, type = 1): Buffer {
  return Buffer.concat([Buffer.from([type]), vector(3, body)]);
}

/** The handshake message cut into records of at most `fragment` octets. */
export function records(message: Buffer, fragment = 2 ** 14): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += fragment) parts.push(record(22, message.subarray(at, at + fragment)));
  return Buffer.concat(parts);
}

export function record(type: number, fragment: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 1]), vector(2, fragment)]);
}

/** A whole ClientHello on the wire. */
export function wireHello(parts: HelloParts = {}): Buffer {
  return records(handshake(helloBody(parts)));
}

function vector(width: number, value: Buffer): Buffer {
  return Buffer.concat([integer(width, value.length), value]);
}

function integer(width: number, value: number): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
}
