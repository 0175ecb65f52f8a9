/** A certificate authority for one run, made with openssl: its certificate, and one for `origin.test` and the names below it. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Authority {
  /** Path of the authority's certificate, PEM. */
  readonly certificatePath: string;
  /** A PKCS #12 store with it for Java, password `changeit`. */
  readonly trustStorePath: string;
  readonly key: Buffer;
  readonly certificate: Buffer;
}

export async function createAuthority(folder: string): Promise<Authority> {
  await mkdir(folder, { recursive: true });
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'];
  await openssl('req', '-x509', ...newKey, '-days', '2', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA');
  await openssl('req', ...newKey, '-keyout', 'origin.key', '-out', 'origin.csr', '-subj', '/CN=origin.test');
  await writeFile(at('names'), 'subjectAltName=DNS:origin.test,DNS:*.origin.test\nbasicConstraints=CA:FALSE\n');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  await openssl('x509', '-req', '-in', 'origin.csr', ...signed, '-out', 'origin.pem');
  const store = ['-storetype', 'PKCS12', '-keystore', 'trust.p12', '-storepass', 'changeit'];
  await run('keytool', ['-importcert', '-noprompt', '-alias', 'ca', '-file', 'ca.pem', ...store], { cwd: folder });
  return {
    certificatePath: at('ca.pem'),
    trustStorePath: at('trust.p12'),
    key: await readFile(at('origin.key')),
    certificate: await readFile(at('origin.pem')),
  };
}
