/** What looks like a Permit and is none: each is made from a real one in another way. */
import assert from 'node:assert/strict';
import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import type { Permit } from '../../proxy/core/policy.js';
import * as policyModule from '../../proxy/core/policy.js';
import { addressOf, policyOf } from './policy-question.js';

/** What no policy has vetted, and where each forgery wants to go. */
export const VICTIM = addressOf('127.0.0.2');

/** The same code once more, as a bundle may hold it: what it issues is worth nothing here. */
const policyAgain: typeof policyModule = await import(
  new URL('../../proxy/core/policy.js?again', import.meta.url).href
);
const NOBODY = { client: { name: null }, own: { addresses: [], ports: new Set<number>() } };
const PUBLIC = addressOf('93.184.215.14');

/** A caller of the dialer that takes a permit out of a bag of its own. */
interface Sending {
  readonly permit: Permit;
}

/** The first does not even compile, and nor does a literal with a prototype. */
export const FORGERIES: readonly (readonly [way: string, make: (real: Permit) => unknown])[] = [
  [
    'a spread with another address',
    (real) => {
      // @ts-expect-error: the private field of a Permit is not copied by a spread.
      const forged: Permit = { ...real, addresses: [VICTIM] };
      return forged;
    },
  ],
  [
    'parsed JSON that is typed as a Permit',
    (real) => {
      const forged: Permit = JSON.parse(JSON.stringify({ ...real, addresses: [VICTIM] }));
      return forged;
    },
  ],
  ['a cast in a generic', (real) => castTo<Permit>({ ...real, addresses: [VICTIM] })],
  [
    'Object.assign',
    (real) => {
      const forged: Permit = Object.assign({}, real, { addresses: [VICTIM] as const });
      return forged;
    },
  ],
  ['Reflect.get from a bag', (real) => Reflect.get({ permit: { ...real, addresses: [VICTIM] } }, 'permit')],
  ['structuredClone', (real) => structuredClone(real)],
  ['an empty object that is cast', () => ({}) as Permit],
  ['a cast of what is around it', (real) => ({ permit: { ...real, addresses: [VICTIM] } as unknown }) as Sending],
  ['an object whose prototype is a Permit', (real) => Object.create(real, { addresses: { value: [VICTIM] } })],
  [
    'a Proxy around a Permit',
    (real) => new Proxy(real, { get: (on, key) => (key === 'addresses' ? [VICTIM] : Reflect.get(on, key)) }),
  ],
  ['an object that is given its prototype', (real) => Object.setPrototypeOf({ ...real }, Object.getPrototypeOf(real))],
  ['all of its property descriptors', (real) => Object.defineProperties({}, Object.getOwnPropertyDescriptors(real))],
  [
    'an object whose prototype is that of every Permit',
    (real) =>
      Object.create(Object.getPrototypeOf(real), {
        ...Object.getOwnPropertyDescriptors(real),
        addresses: { value: [VICTIM] },
      }),
  ],
  ['a serialized copy', (real) => v8.deserialize(v8.serialize(real))],
  ['what another thread would get', throughPort],
  [
    'a verdict of a second copy of the policy',
    (real) => {
      const again = policyAgain.decideAddresses(policyOf({}), { target: real.target, ...NOBODY }, [PUBLIC]);
      assert.ok(again.outcome === 'allow' && policyAgain.isIssued(again.permit));
      return again.permit;
    },
  ],
  [
    'a class whose parent returns what it is given',
    (real) => {
      const Stamp = function (this: unknown, on: object) {
        return on;
      };
      Object.setPrototypeOf(Stamp, real.constructor);
      return Reflect.construct(Stamp, [{ ...real, addresses: [VICTIM] }], Object(real.constructor));
    },
  ],
  [
    'an instance of a class that extends its own',
    (real) => {
      const Own = class extends Object {};
      Object.setPrototypeOf(Own.prototype, Object.getPrototypeOf(real));
      return Object.assign(new Own(), real, { addresses: [VICTIM] });
    },
  ],
  [
    'the maker of Permits, called on another object',
    (real) => {
      const on = { ...real, addresses: [VICTIM] };
      const call = () => Reflect.apply(real.constructor, on, [Symbol(), real.target, [VICTIM], 'default']);
      assert.throws(call, TypeError);
      return on;
    },
  ],
  [
    'a question that is asked in place of it',
    (real) => {
      const on = { ...real, addresses: [VICTIM] };
      Reflect.set(real.constructor, 'isIssued', () => true);
      Reflect.set(Object.getPrototypeOf(real), 'isIssued', () => true);
      Object.defineProperty(on, Symbol.hasInstance, { value: () => true });
      return on;
    },
  ],
  [
    'what the policy exports',
    (real) => {
      assert.throws(() => Object.assign(policyModule, { isIssued: () => true, IssuedPermit: class {} }), TypeError);
      return { ...real, addresses: [VICTIM] };
    },
  ],
  ['a cast to never', (real) => ({ ...real, addresses: [VICTIM] }) as never],
  [
    'a class that claims the private field with a static block',
    (real) => {
      class Claim {
        static made: object;
        readonly #issued = true;
        static {
          Claim.made = Object.assign(new Claim(), real, { addresses: [VICTIM] });
          assert.ok(#issued in Claim.made);
        }
      }
      return Object.setPrototypeOf(Claim.made, Object.getPrototypeOf(real));
    },
  ],
  [
    'a subclass that makes itself with every symbol that can be found',
    (real) => {
      const made = real.constructor;
      const places = [real, made, Object.getPrototypeOf(real), real.target, real.addresses, policyModule];
      const found = places.flatMap((place) => Object.getOwnPropertySymbols(place));
      for (const symbol of [...found, Symbol.for(''), Symbol.for('ISSUING'), Symbol.species]) {
        const args = [symbol, real.target, [VICTIM], 'default'];
        assert.throws(() => Reflect.construct(made, args, class extends Object {}), TypeError);
      }
      return Reflect.construct(Object, [], made);
    },
  ],
  [
    'JSON that is revived with the prototype of a Permit',
    (real) =>
      JSON.parse(JSON.stringify({ ...real, addresses: [VICTIM] }), (key, value) =>
        key === '' ? Object.setPrototypeOf(value, Object.getPrototypeOf(real)) : value,
      ),
  ],
  [
    'an object literal with a Permit as its __proto__',
    (real) => {
      // @ts-expect-error: a prototype is no private field.
      const forged: Permit = { __proto__: real, addresses: [VICTIM] };
      return forged;
    },
  ],
  [
    'code of another realm',
    (real) =>
      runInNewContext('Object.setPrototypeOf({ ...real, addresses: [victim] }, Object.getPrototypeOf(real))', {
        real,
        victim: VICTIM,
      }),
  ],
  [
    'a class of another realm that is built as its own',
    (real) => runInNewContext('Reflect.construct(class { #issued = true }, [], real.constructor)', { real }),
  ],
  [
    'a function that is bound or called as the maker',
    (real) => {
      const make = Function.prototype.bind.call(real.constructor as never, null, Symbol('ISSUING'));
      assert.throws(() => Reflect.construct(make, [real.target, [VICTIM], 'default']), TypeError);
      return Object.create(make.prototype ?? Object.getPrototypeOf(real));
    },
  ],
  ['an array of one Permit', (real) => [real]],
  ['a Permit that is boxed again', (real) => Object.assign(Object(Symbol()), real)],
  ['nothing at all', () => undefined],
];

function throughPort(real: Permit): unknown {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(real);
  const got = receiveMessageOnPort(port2);
  port1.close();
  return got?.message;
}

function castTo<T>(value: unknown): T {
  return value as T;
}
