/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ipFromBytes,
  ipToBytes,
  isSameIp,
  joinHostPort,
  splitHostPort,
} from '../../src/wire/address.js';

/** Sixteen bytes with many zeros among them, and now and then an IPv4 address. */
const sixteenBytes = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc
    .array(fc.constantFrom([0, 0], [0, 0], [0, 1], [0xff, 0xff]), { minLength: 8, maxLength: 8 })
    .map((groups) => Uint8Array.from(groups.flat())),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map(toMapped),
);
const ipBytes = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), sixteenBytes);

/** Text that is an address or looks much like one. */
const ipLikeText = fc.oneof(
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  fc.stringMatching(/^(?:[\da-fA-F]{0,5}[:.]{1,3}){0,9}[\da-f]{0,5}$/),
  fc.stringMatching(/^(?:\d{1,3}\.){2,4}\d{1,3}$/),
  fc.stringMatching(/^(?:[\da-f]{1,4}:){5,7}(?:\d{1,3}\.){3}\d{1,3}$/),
  fc
    .tuple(fc.ipV6(), fc.nat(40), fc.constantFrom(':', '::', '.', '0', 'f', 'g', ' ', '\n'))
    .map(([text, at, extra]) => text.slice(0, at) + extra + text.slice(at)),
);

function toMapped(ipv4: Uint8Array): Uint8Array {
  return Uint8Array.from([...new Array<number>(10).fill(0), 0xff, 0xff, ...ipv4]);
}

/** IPv4 in four bytes, whichever way it came. */
function normalised(bytes: Uint8Array): Buffer {
  const hex = Buffer.from(bytes).toString('hex');
  return Buffer.from(/^0{20}ffff([\da-f]{8})$/.exec(hex)?.[1] ?? hex, 'hex');
}

test('text is accepted as an IP exactly if Node accepts it', () => {
  fc.assert(
    fc.property(ipLikeText, (text) => {
      assert.equal(ipToBytes(text) !== undefined, isIP(text) !== 0, JSON.stringify(text));
    }),
    { numRuns: 10_000 },
  );
});

test('the text of bytes is an IP of the right family', () => {
  fc.assert(
    fc.property(ipBytes, (bytes) => {
      const text = ipFromBytes(bytes)!;
      assert.ok(normalised(bytes).length === 4 ? isIPv4(text) : isIPv6(text));
    }),
  );
});

test('IPv6 text has the form of the WHATWG URL standard', () => {
  fc.assert(
    fc.property(sixteenBytes, (bytes) => {
      const text = ipFromBytes(bytes)!;
      if (normalised(bytes).length === 16) {
        const full = Buffer.from(bytes).toString('hex').match(/.{4}/g)!.join(':');
        assert.equal(`[${text}]`, new URL(`http://[${full}]/`).hostname);
      }
    }),
    { numRuns: 3000 },
  );
});

test('IPv6 text in any spelling has the same meaning as in a URL', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const bytes = ipToBytes(text)!;
      const mapped = bytes.length === 4 ? Buffer.from(toMapped(bytes)) : bytes;
      const full = mapped.toString('hex').match(/.{4}/g)!.join(':');
      assert.equal(new URL(`http://[${text}]/`).hostname, new URL(`http://[${full}]/`).hostname);
    }),
    { numRuns: 2000 },
  );
});

test('bytes can be read back from their text, IPv4 in four', () => {
  fc.assert(
    fc.property(ipBytes, (bytes) => {
      assert.deepEqual(ipToBytes(ipFromBytes(bytes)!), normalised(bytes));
    }),
  );
});

test('addresses are equal exactly if their texts are', () => {
  fc.assert(
    fc.property(ipBytes, ipBytes, fc.nat(2), (a, other, kinship) => {
      const b = kinship === 0 ? other : kinship === 1 || a.length !== 4 ? a.slice() : toMapped(a);
      assert.equal(isSameIp(a, b), ipFromBytes(a) === ipFromBytes(b));
      assert.equal(isSameIp(b, a), isSameIp(a, b));
    }),
    { numRuns: 1000 },
  );
});

test('a joined host and port can be split again', () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(host, fc.nat(65535), (ip, port) => {
      assert.deepEqual(splitHostPort(joinHostPort(ip, port)), { host: ip, port });
    }),
    { numRuns: 1000 },
  );
});

test('every address that can be split is an IP or a name, and joins to the same address', () => {
  const almost = fc.oneof(
    fc.string(),
    fc
      .tuple(ipLikeText, fc.constantFrom(':', ']:', ''), fc.nat(99_999))
      .map(([text, between, port]) => `${between === ']:' ? '[' : ''}${text}${between}${port}`),
  );
  fc.assert(
    fc.property(almost, (address) => {
      const split = splitHostPort(address);
      if (split === undefined) return;
      assert.equal(joinHostPort(split.host, split.port), address);
      assert.ok(split.port <= 65535);
      assert.equal(split.host.includes(':'), isIPv6(split.host));
    }),
    { numRuns: 5000 },
  );
});
