/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Malicious streams over real sockets, and their effects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compressContent } from '../../src/wire/compression.js';
import { limits } from '../../src/wire/limits.js';
import { StreamReader, wrapForStream } from '../../src/wire/stream-codec.js';
import { ask, errorIn, layersOf, MiB, RawStream, Target } from './hostile-target.js';

const key = Buffer.alloc(32, 0x21);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/**
 * Sends each of these requests; asserts that all are refused for these reasons, immediately and without harm.
 */
async function refused(
  requests: readonly (readonly [request: Buffer, reason: string, words: RegExp])[],
  { secretKey, memory = MiB }: { secretKey?: Buffer; memory?: number } = {},
): Promise<void> {
  await using target = await Target.start({ ...(secretKey && { secretKey }), tcpTimeout: 30_000 });
  for (const [request, , words] of requests) {
    const what = request.subarray(0, 24).toString('hex');
    const before = process.memoryUsage();
    const { answer, tookMs } = await ask(target, request);
    const after = process.memoryUsage();
    assert.ok(tookMs < 5_000, `${what}: ${Math.round(tookMs)} ms, without waiting for a deadline`);
    assert.ok(after.arrayBuffers - before.arrayBuffers < memory, `${what}: ${after.arrayBuffers}`);
    assert.match(errorIn(answer, secretKey), words, what);
    await target.assertUnharmed();
  }
  await target.node.shutdown();
  for (const reason of new Set(requests.map(([, each]) => each))) {
    const expected = requests.filter(([, each]) => each === reason).length;
    assert.equal(target.dropped(reason), expected, reason);
  }
  assert.deepEqual(target.messages, []);
}

test('GET / HTTP/1.1 is answered with an error and closed', async () => {
  const request = Buffer.from('GET / HTTP/1.1\r\nHost: localhost:7946\r\n\r\n');
  await refused([[request, 'unknown-type', /^message type 71 on a stream$/]]);
  await refused([[request, 'undecryptable', /plaintext/]], { secretKey: key });
});

test('a length of 4 GiB is refused when it is read, in each position', async () => {
  await refused([
    [hex('08 81aa557365724d73674c656e ceffffffff'), 'too-large', /user message of 4294967295/],
    [hex('08 dfffffffff'), 'too-large', /values/],
    [
      hex('06 83a44a6f696ec2 a54e6f646573ceffffffff ac5573657253746174654c656e00'),
      'too-large',
      /4294967295 nodes/,
    ],
    [hex('06 81a44a6f696e ddffffffff'), 'too-large', /values/],
    [
      hex('06 83a44a6f696ec2 a54e6f64657301 ac5573657253746174654c656e00 81a44e616d65 dbffffffff'),
      'too-large',
      /value/,
    ],
    [hex('00 81a44e6f6465 dbffffffff'), 'too-large', /value/],
    [hex('00 81a44e6f6465 c6ffffffff'), 'too-large', /value/],
    [hex('00 81a178 c9ffffffff'), 'too-large', /value/],
    [hex('0d 81a54572726f72 dbffffffff'), 'too-large', /value/],
    [hex('09 82a4416c676f00a3427566 dbffffffff'), 'too-large', /value/],
    [hex('09 82a4416c676f00a3427566 ddffffffff'), 'too-large', /values/],
    [hex('0a ffffffff'), 'undecryptable', /no key/],
  ]);
  await refused([[hex('0a ffffffff 01'), 'too-large', /encrypted message of 4294967295/]], {
    secretKey: key,
  });
});

test('an array that is 10,000 deep is refused at the 32nd level', async () => {
  const deep = Buffer.concat([Buffer.alloc(10_000, 0x91), Buffer.of(0)]);
  await refused(
    ['00 81a178', '06', '06 81a54e6f646573', '08', '09', '0d 81a54572726f72'].map((start) => {
      return [Buffer.concat([hex(start), deep]), 'too-deep', /32 deep/] as const;
    }),
  );
});

test('layers within layers are refused: compression in compression, compounds, encryption', async () => {
  const compound = Buffer.concat([Buffer.of(7, 255), Buffer.alloc(255 * 2)]);
  await refused([
    [compressContent(compressContent(hex('0080'))), 'unknown-type', /type 9 on/],
    [compound, 'unknown-type', /type 7 on/],
    [compressContent(compound), 'unknown-type', /type 7 on/],
    [compressContent(hex('0a00000000')), 'unknown-type', /type 10 on/],
    [hex('0c00000000'), 'unknown-type', /type 12 on/],
  ]);
});

test('an LZW bomb is stopped at 40 MiB, sealed or not', async () => {
  // It decompresses to 64 MiB. The test measures reserved memory, not released memory.
  const bomb = compressContent(Buffer.alloc(64 * MiB, 8));
  assert.ok(bomb.length < 200_000, `${bomb.length}`);
  const most = 3 * limits.decompressedStreamBytes;
  await refused([[bomb, 'too-large', /LZW data of more than 41943040 bytes/]], { memory: most });
  const sealed = wrapForStream(bomb, layersOf(key));
  await refused([[sealed, 'too-large', /more than 41943040/]], { secretKey: key, memory: most });
});

test('a small message that decodes to a million nodes is refused before it is decoded', async () => {
  const count = limits.pushPullNodes;
  const header = hex('06 83a44a6f696ec2 a54e6f646573ce00000000 ac5573657253746174654c656e00');
  header.writeUInt32BE(count, header.indexOf(0xce) + 1);
  const bombOf = (record: Buffer): Buffer => {
    const all = Buffer.alloc(count * record.length, record);
    return compressContent(Buffer.concat([header, all]));
  };
  const smallest = hex('81a44e616d65aa61626364656667686970');
  assert.ok(smallest.length >= limits.recordBytes);
  await using target = await Target.start({ tcpTimeout: 30_000 });
  for (const [record, words] of [
    [hex('80'), /node of 1 bytes/],
    [hex('81a44e616d65a161'), /node of 8 bytes/],
    [smallest, /more nodes than \d+ bytes can contain/],
  ] as const) {
    const bomb = bombOf(record);
    assert.ok(bomb.length < count / 4, `${bomb.length} bytes`);
    const before = process.memoryUsage().heapUsed;
    const { answer } = await ask(target, bomb);
    const grown = process.memoryUsage().heapUsed - before;
    assert.match(errorIn(answer), words);
    assert.ok(grown < 24 * MiB, `the heap grew by ${grown} bytes`);
  }
  await target.assertUnharmed();
});

test('a stream that arrives byte by byte costs time per byte, not for all earlier bytes', () => {
  // The worst case: thousands of values before a long one.
  const values = Buffer.concat([hex('09 83a178 dc0fa0'), Buffer.alloc(4_000, 1)]);
  const long = hex('a4416c676f00 a3427566 db00100000');
  const request = Buffer.concat([values, long, Buffer.alloc(MiB)]);
  const reader = new StreamReader(layersOf(), { expectLabel: true });
  const cpu = process.cpuUsage();
  for (let i = 0; i < request.length - 1; i++) reader.push(request.subarray(i, i + 1));
  const { user } = process.cpuUsage(cpu);
  assert.ok(user < 10_000_000, `${user / 1000} ms for 1 MiB`);
  assert.throws(() => reader.push(request.subarray(-1)), /LZW/);
});

test('a stream of one byte every 50 ms ends with the deadline', async () => {
  await using target = await Target.start({ tcpTimeout: 500 });
  const stream = await new RawStream(target).connected();
  const startedAt = performance.now();
  let sent = 0;
  const request = Buffer.concat([hex('08 81aa557365724d73674c656e cd1000'), Buffer.alloc(4_096)]);
  const dripping = setInterval(() => stream.socket.write(request.subarray(sent, ++sent)), 50);
  assert.equal((await stream.answer()).length, 0);
  clearInterval(dripping);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs > 400 && tookMs < 5_000, `${tookMs} ms`);
  assert.ok(sent < request.length);
  stream.destroy();
  await target.assertUnharmed();
  assert.equal(target.dropped('timed-out'), 1);
});
