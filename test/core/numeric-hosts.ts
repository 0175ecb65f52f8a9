/** Generators of host texts that look like IP addresses, right and wrong, for the differential and fuzz tests. */
import fc from 'fast-check';

const ODD_PARTS = ['', '0x', '0X', '00', '08', '+1', '-1', '1e3', '0b1', 'a', '0x0000000007f', '00000000177'];
const hexDigits = fc.string({ minLength: 0, maxLength: 4, unit: fc.constantFrom(...'0123456789abcdefABCDEF') });

const ipv4Part = fc.oneof(
  fc.nat(300).map(String),
  fc.nat(2 ** 31).map((value) => `0${value.toString(8)}`),
  fc.integer({ min: 0, max: 2 ** 33 }).map((value) => `0x${value.toString(16)}`),
  fc.integer({ min: 0, max: 2 ** 33 }).map(String),
  fc.constantFrom(...ODD_PARTS),
);

const ipv6Group = fc.oneof(
  hexDigits,
  fc.constantFrom('', '', '0', '1', 'ffff', '00001', 'g', '1.2.3.4', '127.0.0.1', '01.2.3.4', '256.1.1.1', '1.2.3'),
);

export const numericHosts = {
  ipv4: fc
    .tuple(fc.array(ipv4Part, { minLength: 1, maxLength: 5 }), fc.constantFrom('', '', '.', '..'))
    .map(([parts, end]) => parts.join('.') + end),
  ipv6: fc.oneof(
    fc.array(ipv6Group, { minLength: 1, maxLength: 10 }).map((groups) => groups.join(':')),
    fc.string({ unit: fc.constantFrom(...'01:::::fF.2'), maxLength: 20 }),
  ),
};
