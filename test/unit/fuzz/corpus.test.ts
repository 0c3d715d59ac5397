/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The corpus of the fuzzer and all its former findings, played again: to the codecs, to an engine,
// and to a whole node.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { decodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import { StreamReader, type StreamMessage } from '../../../src/wire/stream-codec.js';
import { WireError } from '../../../src/wire/wire-error.js';
import { unreachedIn } from '../../fuzz/coverage.js';
import { corpusFiles, readItems, type ItemFile } from '../../fuzz/item-file.js';
import { lanes, layersOf, nameOf } from '../../fuzz/lane.js';
import { examine, replay } from '../../fuzz/replay.js';
import { PEER, TARGET } from '../../fuzz/seeds.js';
import type { StreamMutant } from '../../fuzz/stream-mutants.js';
import { makeEngine, type Harness } from '../core/harness.js';

const files = corpusFiles().map((path): ItemFile & { name: string } => {
  return { name: basename(path, '.hex'), ...readItems(path) };
});
const packetsOf = ({ items }: ItemFile): Buffer[] =>
  items.filter((item): item is Buffer => Buffer.isBuffer(item));
const streamsOf = ({ items }: ItemFile): StreamMutant[] =>
  items.filter((item): item is StreamMutant => !Buffer.isBuffer(item));

/** What `work` gives, or the fault that it ends with; anything else that is thrown fails the test. */
function faultOr<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return error.fault;
  }
}

test('there is a corpus for every lane', () => {
  for (const lane of lanes) {
    assert.ok(files.some((file) => nameOf(file.lane) === nameOf(lane) && file.items.length > 100));
  }
});

for (const file of files) {
  test(`${file.name}: nothing but a WireError comes out of the codecs`, () => {
    const layers = layersOf(file.lane);
    const codec = new PacketCodec(layers);
    for (const packet of packetsOf(file)) {
      const marks: string[] = [];
      const fault = faultOr(() => {
        codec.decode(packet, (buf, start, end) => {
          if (buf[start] === MessageType.user) return;
          const message = faultOr(() => decodeMessage(buf, start, end));
          marks.push(typeof message === 'string' ? message : 'ok');
        });
      });
      // The fuzzer's own look, layer by layer, comes as far.
      const seen = examine(packet, file.lane);
      assert.equal(seen.messages.length, marks.filter((mark) => mark === 'ok').length);
      if (fault !== undefined && fault !== 'too-deep' && fault !== 'empty') {
        assert.ok(seen.marks.some((mark) => mark.endsWith(` ${fault}`)) || fault === 'bad-label');
      }
    }
  });

  test(`${file.name}: a stream is understood alike, however it is cut`, () => {
    const layers = layersOf(file.lane);
    // A fault may be noticed sooner or later, or not before the stream ends: no message comes of it.
    const read = (pieces: readonly Buffer[]): StreamMessage | undefined => {
      const reader = new StreamReader(layers, { expectLabel: true });
      const message = faultOr(() => {
        for (const piece of pieces) {
          const read = reader.push(piece);
          if (read !== undefined) return read;
        }
        return undefined;
      });
      return typeof message === 'string' ? undefined : message;
    };
    for (const { pieces } of streamsOf(file)) {
      const whole = Buffer.concat(pieces);
      const expected = read([whole]);
      assert.deepEqual(read(pieces), expected);
      if (whole.length > 2_000) continue;
      assert.deepEqual(read(Array.from(whole, (byte) => Buffer.of(byte))), expected);
    }
  });

  test(`${file.name}: an engine takes it, and its members stay as they are`, () => {
    const codec = new PacketCodec(layersOf(file.lane));
    const objectionToAlive = (peer: () => { name: string }): Error | undefined =>
      [TARGET, PEER].includes(peer().name) ? undefined : new Error('not one of us');
    const engine = makeEngine({ codec, settings: { name: TARGET }, effects: { objectionToAlive } });
    engine.addMember(PEER);
    const members = view(engine);
    for (const packet of packetsOf(file)) {
      engine.receive(packet);
      assert.equal(view(engine), members);
    }
    engine.run(60_000);
    assert.equal(view(engine), members);
  });

  test(`${file.name}: a node takes it without harm`, async () => {
    const { finding } = await replay(file);
    assert.equal(finding, undefined);
  });
}

test('the corpus reaches every layer, in every lane', async () => {
  for (const lane of lanes) {
    const marks = new Map<string, number>();
    for (const file of files.filter((each) => nameOf(each.lane) === nameOf(lane))) {
      const outcome = await replay(file);
      for (const mark of [...outcome.marks.flat(), ...outcome.counts.keys()]) marks.set(mark, 1);
      for (const { end } of streamsOf(file)) marks.set(`stream ${end}`, 1);
    }
    assert.deepEqual(unreachedIn([{ lane, packets: Infinity, marks }], ['memory']), []);
  }
});

function view({ engine }: Harness): string {
  return Array.from(engine.table, ({ name, state }) => `${name} ${state}`)
    .sort()
    .join();
}
