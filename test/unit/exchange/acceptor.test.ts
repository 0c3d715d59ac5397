/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The exchanges that peers start.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError, ShutdownError } from '../../../src/errors.js';
import { limits } from '../../../src/wire/limits.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import {
  encodePushPull,
  encodeUserMessage,
  StreamReader,
  wrapForStream,
} from '../../../src/wire/stream-codec.js';
import {
  layersOf,
  ours,
  ping,
  pushPull,
  readAll,
  Harness,
  StuckConnection,
  theirs,
} from './acceptor-harness.js';

test('a ping for this node, or without a name, is answered with its own number', async () => {
  const harness = await Harness.open();
  for (const [node, seqNo] of [
    ['target', 7],
    ['', 4_294_967_295],
    ['target', 0],
  ] as const) {
    assert.deepEqual(await harness.asked(ping(node, seqNo)), { type: 2, seqNo, payload: null });
  }
  assert.deepEqual(harness.host.drops, []);
  assert.equal(harness.running, 0);
});

test('a ping for another name is not answered, and counted', async () => {
  const harness = await Harness.open();
  assert.equal((await harness.ask(ping('target-2'))).length, 0);
  assert.deepEqual(harness.host.drops, ['misaddressed']);
  assert.equal(harness.clock.now(), 0);
});

test('a user message is delivered with its sender and not answered', async () => {
  const harness = await Harness.open();
  assert.equal((await harness.ask(encodeUserMessage(Buffer.from('hello')))).length, 0);
  const [[payload, from] = ['', '']] = harness.host.users;
  assert.equal(payload, 'hello');
  assert.match(from, /^10\.0\.0\.2:\d+$/);
});

test('a push/pull is answered with the local state and then merged', async () => {
  const harness = await Harness.open();
  for (const join of [true, false]) {
    const answer = await harness.asked(encodePushPull({ join, ...theirs }));
    assert.deepEqual(answer, { type: 6, join, ...ours });
    assert.deepEqual(harness.host.merged.pop(), { type: 6, join, ...theirs });
  }
});

test('a refused push/pull is answered with the reason and not merged', async () => {
  const harness = await Harness.open();
  harness.host.objection = new ProtocolError('this cluster is full');
  assert.deepEqual(await harness.asked(pushPull), { type: 13, error: 'this cluster is full' });
  assert.deepEqual(harness.host.merged, []);
  assert.deepEqual(harness.host.drops, ['incompatible']);
  const cause = new Error('this cluster is full');
  harness.host.objection = new ProtocolError('merge refused: this cluster is full', { cause });
  await harness.asked(pushPull);
  assert.deepEqual(harness.host.drops, ['incompatible', 'refused-merge']);
});

test('an unreadable request is answered with an err that has the reason', async () => {
  const harness = await Harness.open();
  for (const [request, reason] of [
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'unknown-type'],
    [Buffer.from('00c1', 'hex'), 'malformed'],
    [Buffer.from('0681a54e6f646573ce00100001', 'hex'), 'too-large'],
    [Buffer.from('0affffffff', 'hex'), 'undecryptable'],
    [Buffer.from('0982a4416c676f07a3427566a0', 'hex'), 'bad-compression'],
  ] as const) {
    const answer = await harness.asked(request);
    assert.ok(answer?.type === 13);
    assert.equal(answer.error, harness.host.details.at(-1));
    assert.equal(harness.host.drops.at(-1), reason);
  }
  assert.equal(harness.clock.now(), 0);
});

test('with encryption, plaintext is refused and the err is encrypted', async () => {
  const layers = layersOf({ key: Buffer.alloc(16, 1) });
  const harness = await Harness.open(layers);
  const raw = await harness.ask(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  assert.equal(raw[0], 10);
  const answer = new StreamReader(layers, { expectLabel: false }).push(raw);
  assert.ok(answer?.type === 13);
  assert.deepEqual(harness.host.drops, ['undecryptable']);
  assert.equal((await harness.asked(wrapForStream(ping(''), layers), layers))?.type, 2);
});

test('peers without the key receive few encrypted errors, peers with the key receive all', async () => {
  const key = Buffer.alloc(16, 1);
  const layers = layersOf({ key });
  const harness = await Harness.open(layers);
  const garbage = [
    Buffer.of(0, 0x80),
    wrapForStream(ping(''), layersOf({ key: Buffer.alloc(16, 2) })),
  ];
  const answered = async (): Promise<number> => {
    let count = 0;
    for (let i = 0; i < 20; i++) {
      const reply = await harness
        .ask(garbage[i % 2]!)
        .catch((error: unknown) => (error as { code?: string }).code);
      if (reply !== 'ECONNRESET') count++;
    }
    return count;
  };
  assert.equal(await answered(), limits.strangerErrors);
  assert.equal(harness.traffic.withheldErrors, 20 - limits.strangerErrors);
  assert.equal(harness.host.drops.length, 20, 'each is counted');
  const member = wrapForStream(Buffer.of(99), layers);
  for (let i = 0; i < 10; i++) assert.equal((await harness.asked(member, layers))?.type, 13);

  harness.clock.advance(2 * limits.strangerErrorMs);
  assert.equal(await answered(), 2);
  const plain = await Harness.open();
  for (let i = 0; i < 10; i++) assert.equal((await plain.asked(Buffer.of(99)))?.type, 13);
});

test('a peer with another label receives no answer', async () => {
  const harness = await Harness.open(layersOf({ label: 'prod' }));
  for (const request of [ping(''), Buffer.from('f40474657374' + '0080', 'hex')]) {
    await assert.rejects(harness.ask(request), { code: 'ECONNRESET' });
  }
  assert.deepEqual(harness.host.drops, ['bad-label', 'bad-label']);
  assert.deepEqual(harness.host.foreign, [
    ['', 'prod'],
    ['test', 'prod'],
  ]);
  assert.equal(
    (await harness.asked(Buffer.concat([Buffer.from('f40470726f64', 'hex'), ping('')])))?.type,
    2,
  );
});

test('a response as a request is dropped without an answer', async () => {
  const harness = await Harness.open();
  const ack = encodeMessage({ type: 2, seqNo: 7, payload: null });
  for (const request of [ack, encodeMessage({ type: 13, error: 'no' })]) {
    await assert.rejects(harness.ask(request), { code: 'ECONNRESET' });
    assert.equal(harness.host.drops.at(-1), 'unknown-type');
  }
});

test('a peer that closes without sending a byte is not reported', async () => {
  const harness = await Harness.open();
  const connection = await harness.dial();
  connection.close();
  await harness.idle();
  assert.deepEqual(harness.host.drops, []);
  assert.equal(harness.clock.now(), 0);
});

test('a peer that closes in the middle of a request is counted as truncated, wherever', async () => {
  for (let length = 1; length < pushPull.length; length++) {
    const harness = await Harness.open();
    const connection = await harness.dial();
    await connection.write(pushPull.subarray(0, length));
    connection.close();
    await harness.idle();
    assert.deepEqual(harness.host.drops, ['truncated']);
    assert.deepEqual(harness.host.merged, []);
    assert.equal(harness.clock.now(), 0);
  }
});

test('a peer that sends one byte a second is cut off by the deadline', async () => {
  const harness = await Harness.open();
  const connection = await harness.dial();
  for (let i = 0; i < 30; i++) {
    const byte = pushPull.subarray(i, i + 1);
    harness.clock.setTimer(i * 1000, () => {
      connection.write(byte).catch(() => undefined);
    });
  }
  await assert.rejects(harness.finish(readAll(connection)), { code: 'ECONNRESET' });
  assert.equal(harness.clock.now(), 10_000);
  assert.deepEqual(harness.host.drops, ['timed-out']);
});

test('a peer that sends nothing is cut off by the deadline', async () => {
  const harness = await Harness.open();
  const connection = await harness.dial();
  await assert.rejects(harness.finish(connection.read()), { code: 'ECONNRESET' });
  assert.equal(harness.clock.now(), 10_000);
  assert.deepEqual(harness.host.drops, ['timed-out']);
});

test('when the err cannot be sent, the original reason is counted', async () => {
  const harness = await Harness.open();
  const connection = new StuckConnection(Buffer.from('GET /'));
  connection.write = () => Promise.reject(new Error('EPIPE'));
  await harness.acceptor.accept(connection);
  assert.deepEqual(harness.host.drops, ['unknown-type']);
});

test('a stream that breaks, or a host that throws, never makes accept reject', async () => {
  const harness = await Harness.open();
  const connection = new StuckConnection(Buffer.alloc(0));
  connection.read = () => Promise.reject(new Error('ECONNRESET'));
  await harness.acceptor.accept(connection);
  const bug = new TypeError('a bug');
  harness.host.merge = () => {
    throw bug;
  };
  assert.equal((await harness.asked(pushPull))?.type, 6);
  assert.deepEqual(harness.host.drops, ['broken']);
  assert.deepEqual(harness.host.failures, [bug]);
  assert.equal(harness.running, 0);
});

test('a stream that is refused or breaks without an answer is reset; one that was answered ends', async () => {
  const key = Buffer.alloc(16, 1);
  const refused: [Buffer, (harness: Harness) => void, ReturnType<typeof layersOf>?][] = [
    [pushPull, ({ host }) => (host.allowsIp = () => false)],
    [pushPull, () => undefined, layersOf({ label: 'another' })],
    [
      encodeUserMessage(Buffer.from('hello')),
      ({ host }) => {
        host.userMessage = () => {
          throw new ShutdownError('a message');
        };
      },
    ],
  ];
  for (const [request, prepare, layers] of refused) {
    const harness = await Harness.open(layers);
    prepare(harness);
    await assert.rejects(harness.ask(request), { code: 'ECONNRESET' });
    assert.equal(harness.host.drops.length, 1);
  }
  const answered = await Harness.open(layersOf({ key }));
  assert.ok((await answered.ask(pushPull)).length > 0, 'an error, and then the end');
  const taken = await Harness.open();
  assert.equal((await taken.ask(encodeUserMessage(Buffer.from('hello')))).length, 0);
  assert.equal((await taken.ask(ping('another'))).length, 0, 'a ping for another is not answered');
});
