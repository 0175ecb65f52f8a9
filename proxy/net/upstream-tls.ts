/** TLS to an origin over a connection that the dialer opened; certificates are always checked. */
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { EgressError } from '../core/reasons.js';
import { hostText, type Target } from '../core/target.js';
import type { Abortable } from './abort.js';

/**
 * The TLS socket once its handshake is done and the certificate is valid for the target's host. Rejects with an
 * EgressError `upstream-certificate`, `upstream-tls`, `upstream-reset`, `connect-timeout`, or `client-closed` when
 * `signal` aborts; `socket` is destroyed then.
 */
export function secure(
  socket: Socket,
  target: Target,
  options: { readonly signal: Abortable; readonly timeoutMs: number },
): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const host = hostText(target.host);
    const servername = target.host.kind === 'name' ? { servername: host } : {};
    const secured = tls.connect({ socket, host, ...servername, ALPNProtocols: ['http/1.1'], rejectUnauthorized: true });
    const finish = (): void => {
      clearTimeout(deadline);
      options.signal.removeEventListener('abort', onAbort);
      secured.off('error', onError).off('end', onEnd);
    };
    const fail = (error: EgressError): void => {
      finish();
      secured.on('error', () => undefined).destroy();
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => fail(new EgressError(reasonOfHandshake(error), { cause: error }));
    const onEnd = (): void => fail(new EgressError('upstream-reset'));
    const onAbort = (): void => fail(new EgressError('client-closed'));
    const deadline = setTimeout(() => fail(new EgressError('connect-timeout')), options.timeoutMs);
    options.signal.addEventListener('abort', onAbort, { once: true });
    secured.once('error', onError).once('end', onEnd);
    secured.once('secureConnect', () => {
      finish();
      resolve(secured);
    });
    if (options.signal.aborted) onAbort();
  });
}

/** For a failed check Node gives the OpenSSL verify code, or ERR_TLS_CERT_ALTNAME_INVALID. */
function reasonOfHandshake(error: Error): 'upstream-certificate' | 'upstream-tls' | 'upstream-reset' {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'upstream-reset';
  return /CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH/.test(code) ? 'upstream-certificate' : 'upstream-tls';
}
