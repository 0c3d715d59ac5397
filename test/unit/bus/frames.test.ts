/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Every frame survives encoding and decoding; other bytes are refused without an allocation that they claim.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFrame } from '../../../src/bus/decode.js';
import { dataHead, digestEntry, digestOf, encodeFrame } from '../../../src/bus/encode.js';
import { relayHead, repairHead } from '../../../src/bus/encode.js';
import { answerKinds, type Frame } from '../../../src/bus/frames.js';
import { busLimits } from '../../../src/bus/limits.js';
import { MalformedFrame } from '../../../src/bus/malformed-frame.js';
import { createRecord, packRecords, type BusRecord } from '../../../src/bus/records.js';

const boot = fc.stringMatching(/^[0-9a-f]{16}$/);
const name = fc.string({ maxLength: 40 });
const topic = fc.string({ minLength: 1, maxLength: 60 });
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const seq = fc.nat(Number.MAX_SAFE_INTEGER - 1_000).map((n) => n + 1);

const records = fc
  .tuple(
    seq,
    fc.array(fc.record({ topic, payload, confirm: fc.boolean(), skip: fc.nat(5) }), {
      maxLength: 20,
    }),
  )
  .map(([first, messages]) => {
    let at = first;
    return messages.map(({ skip, ...message }, i) => {
      at += i === 0 ? 0 : 1 + skip;
      return createRecord(at, message);
    });
  });

const whole = { start: 0, maxBytes: Infinity };

// Records of fast-check have no prototype: spreading them gives them one.
function roundTrip(bytes: Buffer): Frame {
  return decodeFrame(bytes) ?? assert.fail('not decoded');
}

test('frames with messages survive, and so do the skipped numbers', () => {
  fc.assert(
    fc.property(records, boot, name, fc.boolean(), (messages, id, publisher, flag) => {
      const heads = [
        { head: dataHead({ boot: id, isDirect: flag }), frame: { type: 'data', isDirect: flag } },
        { head: relayHead({ publisher, boot: id }), frame: { type: 'relay', publisher } },
        {
          head: repairHead({ publisher, boot: id, isLast: flag, lowest: 3, high: 9 }),
          frame: { type: 'repair', publisher, isLast: flag, lowest: 3, high: 9 },
        },
      ];
      for (const { head, frame } of heads) {
        const { frame: bytes } = packRecords(head, messages, whole);
        assert.deepEqual(roundTrip(bytes), { ...frame, boot: id, records: messages });
      }
    }),
  );
});

test('messages are packed in order, none is left out, and no frame exceeds its limit', () => {
  fc.assert(
    fc.property(records, fc.integer({ min: 500, max: 1_500 }), (messages, maxBytes) => {
      const head = dataHead({ boot: '0123456789abcdef', isDirect: true });
      const got: BusRecord[] = [];
      for (let start = 0; start < messages.length;) {
        const { frame, end } = packRecords(head, messages, { start, maxBytes });
        assert.ok(frame.length <= maxBytes && end > start);
        const decoded = roundTrip(frame);
        assert.ok(decoded.type === 'data');
        got.push(...decoded.records);
        start = end;
      }
      assert.deepEqual(got, messages);
    }),
  );
});

test('all other frames survive', () => {
  const nat = fc.maxSafeNat();
  const id = { boot, id: nat };
  const range = fc.tuple(fc.integer({ min: 1, max: 1e9 }), fc.nat(1_000));
  const frame = fc.oneof(
    fc.record({
      type: fc.constant('fetch' as const),
      publisher: name,
      boot,
      ranges: fc.array(range, { maxLength: busLimits.fetchRanges }).map((steps) => {
        let at = 0;
        return steps.map(([step, length]) => {
          const from = at + step;
          at = from + length;
          return { from, to: at };
        });
      }),
    }),
    fc.record({
      type: fc.constant('hello' as const),
      boot,
      ageMs: nat,
      wantsRetained: fc.boolean(),
      isRestarted: fc.boolean(),
    }),
    fc.record({
      ...{ type: fc.constant('welcome' as const), boot, to: boot },
      ...{ base: nat, high: nat, ageMs: nat, listedMs: nat },
    }),
    fc.record({ type: fc.constant('ack' as const), boot, from: nat, through: nat }),
    fc.constant({ type: 'prune' as const }),
    fc.constant({ type: 'graft' as const }),
    fc.record({ type: fc.constant('request' as const), ...id, timeoutMs: nat, topic, payload }),
    fc.record({
      type: fc.constant('response' as const),
      ...id,
      kind: fc.constantFrom(...answerKinds),
      payload,
    }),
    fc.record({ type: fc.constant('cancel' as const), ...id }),
  );
  fc.assert(
    fc.property(frame, (each) => assert.deepEqual(roundTrip(encodeFrame(each)), { ...each })),
  );
  const entry = fc.record({
    ...{ publisher: name, boot, lowest: nat, high: nat, isFinal: fc.boolean() },
  });
  const flags = fc.record({
    ...{ wantsAck: fc.boolean(), isReply: fc.boolean(), isOffer: fc.boolean() },
  });
  fc.assert(
    fc.property(flags, fc.array(entry), (bits, entries) => {
      const bytes = digestOf(bits, entries.map(digestEntry));
      assert.deepEqual(roundTrip(bytes), {
        ...{ type: 'digest', ...bits },
        entries: entries.map((each) => ({ ...each })),
      });
    }),
  );
});

test('arbitrary and truncated bytes are refused, or are a frame', () => {
  const anyBytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(fc.nat(15), anyBytes, (type, bytes) => {
      attempt(Buffer.concat([Buffer.of(1, type), bytes]));
    }),
    { numRuns: 2_000 },
  );
  const head = dataHead({ boot: '0123456789abcdef', isDirect: true });
  const messages = [1, 2, 9].map((at) =>
    createRecord(at, { topic: 'topic', payload: Buffer.from('payload'), confirm: false }),
  );
  const { frame } = packRecords(head, messages, whole);
  let refused = 0;
  for (let length = 0; length < frame.length; length++) {
    if (!attempt(frame.subarray(0, length))) refused++;
  }
  // It may end between two messages, and before the first one.
  assert.equal(refused, frame.length - 3);
});

/** Whether it is a frame. */
function attempt(bytes: Buffer): boolean {
  try {
    decodeFrame(bytes);
    return true;
  } catch (error) {
    assert.ok(error instanceof MalformedFrame, String(error));
    return false;
  }
}

test('a frame of another version, or of an unknown type, is no error', () => {
  assert.equal(decodeFrame(Buffer.of(2, 1, 0)), undefined);
  assert.equal(decodeFrame(Buffer.of(1, 99, 0)), undefined);
});

test('rules of single fields', () => {
  const id = Buffer.alloc(8);
  const bytes = (...parts: (number | Buffer)[]): Buffer =>
    Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)));
  const refused = (frame: Buffer, rule: RegExp): void => {
    assert.throws(
      () => decodeFrame(frame),
      (error) => {
        assert.ok(error instanceof MalformedFrame);
        assert.match(error.message, rule);
        return true;
      },
    );
  };
  refused(bytes(1, 1, id, 2), /the flag 2/);
  refused(bytes(1, 1, id, 0, 0, 0), /sequence number 0/);
  refused(bytes(1, 1, id, 0, 5, 4), /unknown flags 4/);
  refused(bytes(1, 1, id, 0, 5, 0, 0x81, 0x02, Buffer.alloc(300)), /a topic of 257 bytes/);
  refused(bytes(1, 1, id, 0, 5, 0, 1, 65, 0xff, 0xff, 3), /truncated/);
  refused(bytes(1, 1, id, 0, Buffer.alloc(8, 0xff)), /over 2\^53/);
  refused(bytes(1, 8, id, 0x80, 0, 1), /superfluous/);
  refused(bytes(1, 8, id, 1, 1, 1), /after the end/);
  refused(bytes(1, 4, 0, id, 0, 1), /range of no numbers/);
  refused(bytes(1, 4, 0, id, Buffer.alloc(2 * 33, 1)), /too many ranges/);
  refused(bytes(1, 5, 8), /unknown flags 8/);
  const entries = Buffer.concat(Array.from({ length: 1_025 }, () => bytes(0, id, 1, 1, 0)));
  refused(bytes(1, 5, 0, entries), /too many publishers/);
  refused(bytes(1, 12, id, 1, 5), /the answer 5/);
});
