/** A certificate authority and one certificate of it for an IPv4 address, made of octets: X.509 (RFC 5280) in DER. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Certificates {
  /** PEM, each. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const ECDSA_SHA256 = der(0x30, oid('2a8648ce3d040302'));
const CRITICAL = der(0x01, Buffer.from([0xff]));
const IS_CA = der(0x30, oid('551d13'), CRITICAL, octets(der(0x30, der(0x01, Buffer.from([0xff])))));
/** `name`: of the authority. */
export function createCertificates(name: string, address = '127.0.0.1'): Certificates {
  const isFor = der(0x87, Buffer.from(address.split('.').map(Number)));
  const extension = der(0x30, oid('551d11'), octets(der(0x30, isFor)));
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { name, key: authority.privateKey };
  return {
    ca: certificate(issuer, { name, key: authority.publicKey, extension: IS_CA }),
    certificate: certificate(issuer, { name: 'kube-apiserver', key: server.publicKey, extension }),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

interface Subject {
  readonly name: string;
  readonly key: KeyObject;
  readonly extension: Buffer;
}

function certificate(issuer: { readonly name: string; readonly key: KeyObject }, subject: Subject): string {
  const validity = der(0x30, utcTime('200101000000Z'), utcTime('491231235959Z'));
  const signed = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([subject.name.length])),
    ECDSA_SHA256,
    nameOf(issuer.name),
    validity,
    nameOf(subject.name),
    subject.key.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, subject.extension)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', signed, issuer.key));
  const text = der(0x30, signed, ECDSA_SHA256, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

function nameOf(common: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(common)))));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function octets(content: Buffer): Buffer {
  return der(0x04, content);
}

function utcTime(text: string): Buffer {
  return der(0x17, Buffer.from(text));
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
