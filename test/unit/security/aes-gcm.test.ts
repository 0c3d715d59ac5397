/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encryption of packets and streams (wire protocol, section 5).
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { GossipCipher, type EncryptionVersion } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';

const first = Buffer.alloc(16, 0xa1);
const second = Buffer.alloc(24, 0xb2);
const third = Buffer.alloc(32, 0xc3);
const none = Buffer.alloc(0);
const label = Buffer.from('prod');
const versions = [0, 1] as const;

function cipherWith(keyring: Keyring | Buffer, version: EncryptionVersion = 1): GossipCipher {
  return new GossipCipher({
    keyring: keyring instanceof Keyring ? keyring : new Keyring(keyring),
    version,
    verifyIncoming: true,
    verifyOutgoing: true,
  });
}

/** A hand-made payload: any plaintext, encrypted without further padding. */
function sealedByHand(version: number, plain: Buffer, key = first): Buffer {
  const nonce = Buffer.alloc(12, 5);
  const cipher = createCipheriv(`aes-${key.length * 8}-gcm` as 'aes-128-gcm', key, nonce);
  cipher.setAAD(none);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.of(version), nonce, body, cipher.getAuthTag()]);
}

test('encryption round-trips for every key length, version and plaintext length', () => {
  for (const key of [first, second, third]) {
    for (const version of versions) {
      const cipher = cipherWith(key, version);
      for (let length = 0; length <= 50; length++) {
        const plain = Buffer.alloc(length, length);
        const sealed = cipher.seal(plain, label);
        assert.deepEqual(cipher.open(sealed, label), plain);
        assert.equal(cipher.sealedLength(length), sealed.length);
        assert.ok(sealed.length <= length + cipher.overheadBytes);
      }
    }
  }
});

test('a payload has the version, a nonce of 12 bytes, the ciphertext, and a tag of 16 bytes', () => {
  const cipher = cipherWith(first);
  const plain = Buffer.alloc(40);
  const [one, other] = [cipher.seal(plain, none), cipher.seal(plain, none)];
  assert.equal(one.length, 1 + 12 + 40 + 16);
  assert.equal(one[0], 1);
  assert.notDeepEqual(one.subarray(1, 13), other.subarray(1, 13));
  assert.notDeepEqual(one.subarray(13), other.subarray(13));
  assert.deepEqual(cipher.open(sealedByHand(1, plain), none), plain);
});

test('version 1 adds 29 bytes, version 0 up to 45 and always pads', () => {
  assert.equal(cipherWith(first, 1).overheadBytes, 29);
  assert.equal(cipherWith(first, 0).overheadBytes, 45);
  for (const [length, padded] of [
    [0, 16],
    [1, 16],
    [15, 16],
    [16, 32],
    [17, 32],
    [32, 48],
  ] as const) {
    const sealed = cipherWith(first, 0).seal(Buffer.alloc(length), none);
    assert.equal(sealed[0], 0);
    assert.equal(sealed.length, padded + 29);
  }
});

test('both versions are decrypted, whichever one the node sends', () => {
  const plain = Buffer.from('hello');
  for (const theirs of versions) {
    const sealed = cipherWith(first, theirs).seal(plain, label);
    for (const ours of versions) {
      assert.deepEqual(cipherWith(first, ours).open(sealed, label), plain);
    }
  }
});

test('a version other than 0 and 1 is not decrypted', () => {
  const cipher = cipherWith(first);
  for (const version of [2, 3, 127, 128, 255]) {
    assert.equal(cipher.open(sealedByHand(version, Buffer.alloc(16, 16)), none), undefined);
  }
});

test('the padding of version 0 is removed: 1 to 16 bytes that contain their number', () => {
  const cipher = cipherWith(first);
  for (let padding = 1; padding <= 16; padding++) {
    const content = Buffer.alloc(32 - padding, 0x61);
    const plain = Buffer.concat([content, Buffer.alloc(padding, padding)]);
    assert.deepEqual(cipher.open(sealedByHand(0, plain), none), content);
  }
});

test('padding that is out of range or not uniform is an error and not a crash', () => {
  const cipher = cipherWith(first);
  for (const end of [
    '00',
    '00'.repeat(16),
    '11',
    '11'.repeat(17),
    '20'.repeat(32),
    'ff',
    'ff'.repeat(16),
    '02',
    '0302',
    '03',
    '0103',
    '6103010303',
    '10'.repeat(15),
    '0f' + '10'.repeat(15),
  ]) {
    const bytes = Buffer.from(end, 'hex');
    const plain = Buffer.concat([Buffer.alloc(48 - bytes.length, 0x61), bytes]);
    assert.equal(cipher.open(sealedByHand(0, plain), none), undefined, end);
  }
});

test('version 0 without whole blocks is refused, even if its padding looks valid', () => {
  const cipher = cipherWith(first);
  for (let length = 0; length <= 64; length++) {
    for (const padding of [1, 2, 15, 16].filter((each) => each <= length)) {
      const content = Buffer.alloc(length - padding, 0x61);
      const plain = Buffer.concat([content, Buffer.alloc(padding, padding)]);
      const opened = cipher.open(sealedByHand(0, plain), none);
      assert.deepEqual(opened, length % 16 === 0 ? content : undefined, `${length}, ${padding}`);
    }
  }
  assert.equal(cipher.open(sealedByHand(0, none), none), undefined);
});

test('a changed bit anywhere after the version byte is detected, in both versions', () => {
  for (const version of versions) {
    const cipher = cipherWith(first, version);
    const sealed = cipher.seal(Buffer.from('node-a is alive, at 10.0.0.1'), label);
    for (let bit = 8; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = changed.readUInt8(bit >> 3) ^ (1 << (bit & 7));
      assert.equal(cipher.open(changed, label), undefined);
    }
  }
});

// As in Go, the tag does not cover the version byte. A changed byte is detected by the
// padding, and by the message codec.
test('a changed version byte yields the plaintext with its padding, nothing, or no plaintext', () => {
  const cipher = cipherWith(first);
  const plain = Buffer.from('hello');
  const padded = cipherWith(first, 0).seal(plain, none);
  padded[0] = 1;
  assert.deepEqual(cipher.open(padded, none), Buffer.concat([plain, Buffer.alloc(11, 11)]));
  const bare = cipher.seal(plain, none);
  bare[0] = 0;
  assert.equal(cipher.open(bare, none), undefined);
  bare[0] = 2;
  assert.equal(cipher.open(bare, none), undefined);
});

test('a shortened or extended payload is not decrypted', () => {
  for (const version of versions) {
    const cipher = cipherWith(first, version);
    const sealed = cipher.seal(Buffer.alloc(20), none);
    for (let length = 0; length < sealed.length; length++) {
      assert.equal(cipher.open(sealed.subarray(0, length), none), undefined);
    }
    assert.equal(cipher.open(Buffer.concat([sealed, Buffer.of(0)]), none), undefined);
  }
  assert.equal(cipherWith(first).open(Buffer.alloc(29), none), undefined);
});

test('another key, of the same or another length, does not decrypt the payload', () => {
  const sealed = cipherWith(first).seal(Buffer.alloc(20), none);
  const almost = Buffer.from(first);
  almost[15] = 0xa0;
  for (const key of [almost, second, third]) {
    assert.equal(cipherWith(key).open(sealed, none), undefined);
  }
});

test('other additional data does not decrypt the payload', () => {
  const cipher = cipherWith(first);
  for (const [given, needed] of [
    [none, label],
    [label, none],
    [label, Buffer.from('prof')],
    [label, Buffer.from('prod\0')],
  ] as const) {
    const sealed = cipher.seal(Buffer.alloc(20), given);
    assert.equal(cipher.open(sealed, needed), undefined);
    assert.deepEqual(cipher.open(sealed, given), Buffer.alloc(20));
  }
});

test('every installed key decrypts, and only the primary key encrypts', () => {
  const keyring = new Keyring(first, [second, third]);
  const cipher = cipherWith(keyring);
  for (const key of [first, second, third]) {
    for (const version of versions) {
      const sealed = cipherWith(key, version).seal(Buffer.from('hello'), label);
      assert.equal(cipher.open(sealed, label)?.toString(), 'hello');
    }
  }
  const sealed = cipher.seal(Buffer.from('hello'), label);
  assert.ok(cipherWith(first).open(sealed, label));
  assert.equal(cipherWith(second).open(sealed, label), undefined);
});

test('a change of the keyring takes effect with the next packet', () => {
  const keyring = new Keyring(first);
  const cipher = cipherWith(keyring);
  const old = cipher.seal(Buffer.from('old'), none);
  keyring.addKey(third);
  assert.ok(cipherWith(first).open(cipher.seal(Buffer.from('still old'), none), none));
  keyring.useKey(third);
  const fresh = cipher.seal(Buffer.from('new'), none);
  assert.equal(cipherWith(first).open(fresh, none), undefined);
  assert.equal(cipherWith(third).open(fresh, none)?.toString(), 'new');
  assert.equal(cipher.open(old, none)?.toString(), 'old');
  keyring.removeKey(first);
  assert.equal(cipher.open(old, none), undefined);
  assert.equal(cipher.open(fresh, none)?.toString(), 'new');
});

test('the settings for encrypting and for requiring encryption take effect', () => {
  const keyring = new Keyring(first);
  for (const verifyIncoming of [true, false]) {
    for (const verifyOutgoing of [true, false]) {
      const cipher = new GossipCipher({ keyring, version: 1, verifyIncoming, verifyOutgoing });
      assert.equal(cipher.requiresSealed, verifyIncoming);
      assert.equal(cipher.sealsOutgoing, verifyOutgoing);
    }
  }
});

test('the input buffers are not changed', () => {
  const cipher = cipherWith(first, 0);
  const plain = Buffer.from('hello');
  const sealed = cipher.seal(plain, label);
  const copy = Buffer.from(sealed);
  cipher.open(sealed, label)?.fill(0);
  assert.equal(plain.toString(), 'hello');
  assert.deepEqual(sealed, copy);
});
