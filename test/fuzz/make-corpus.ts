/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Regenerates the corpus: node --import tsx test/fuzz/make-corpus.ts
// Draws mutants for every lane, and keeps the seeds and the shortest mutant for each mark that no other
// reaches. A lane's cipher uses random nonces, so sealed bytes differ each time.
import { writeFileSync } from 'node:fs';
import { schemaOfType } from '../../src/wire/schemas.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { wrapForStream } from '../../src/wire/stream-codec.js';
import { Cluster } from './cluster.js';
import { addTo } from './coverage.js';
import { FailureWatch, Guard } from './guard.js';
import { itemText, corpusFolder, type Item } from './item-file.js';
import { lanes, layersOf, nameOf, type Lane } from './lane.js';
import { MemoryAttack } from './memory-attack.js';
import { parseTrees, type Tree } from './msgpack-tree.js';
import { examine } from './replay.js';
import { messagesAbout, requestsAbout } from './seeds.js';
import { Supply } from './supply.js';

const packetsDrawn = 20_000;
const streamsDrawn = 4_000;
const longest = 1_600;
const longestPlain = 300;

// Marks that only this lane distinguishes, since the folder should stay small.
function isFirst({ label, keyHex }: Lane): boolean {
  return label === '' && keyHex === undefined;
}

// Whether a packet is one short message without layers.
function isPlainMessage(packet: Buffer, marks: readonly string[], lane: Lane): boolean {
  const isMessage = schemaOfType(packet[0] ?? -1) !== undefined && marks.length <= 3;
  return isFirst(lane) && isMessage && packet.length < longestPlain;
}

async function interesting(lane: Lane): Promise<Item[]> {
  await using cluster = await Cluster.start(lane, 'memory');
  const supply = new Supply(cluster, `corpus ${nameOf(lane)}`);
  const shortest = new Map<string, Item>();
  using watch = new FailureWatch();
  const guard = new Guard(cluster, watch);
  const attack = new MemoryAttack({ cluster, supply, guard });
  let before = await cluster.counted();
  const consider = async (item: Item): Promise<void> => {
    if (Buffer.isBuffer(item)) attack.packet(item);
    else await attack.stream(item);
    const counts = await cluster.counted();
    addTo(counts, cluster.taken);
    const effects = [...counts.keys()].filter((key) => counts.get(key) !== before.get(key));
    before = counts;
    const { marks } = examine(item, lane);
    const length = lengthOf(item);
    if (length > longest) return;
    const end = Buffer.isBuffer(item) ? 'packet' : `stream ${item.end}`;
    const keys = [...marks, ...effects];
    if (isFirst(lane)) keys.push(`${end}: ${marks.at(-1)}`);
    if (Buffer.isBuffer(item) && isPlainMessage(item, marks, lane)) {
      const isOk = marks.at(-1)?.startsWith('form');
      keys.push(...formsIn(item).map((form) => `${form} ${isOk ? 'ok' : 'wrong'}`));
    }
    for (const key of keys) {
      const known = shortest.get(key);
      if (known === undefined || length < lengthOf(known)) shortest.set(key, item);
    }
  };
  for (let i = 0; i < packetsDrawn; i++) await consider(supply.packet());
  for (let i = 0; i < streamsDrawn; i++) await consider(supply.stream());
  return [...unchanged(cluster), ...new Set(shortest.values())];
}

/** The seeds of the mutants, unchanged. */
function unchanged({ lane, target, peer }: Cluster): Item[] {
  const layers = layersOf(lane);
  const codec = new PacketCodec(layers);
  const where = { target: target.localNode.address, peer: peer.localNode.address };
  const requests = requestsAbout(where).map((request): Item => {
    const stream = Buffer.concat([layers.label.header, wrapForStream(request, layers)]);
    return { pieces: [stream], end: 'ends' };
  });
  return [
    ...messagesAbout(where).map((message) => codec.encode([message], { checksum: false })),
    ...requests,
  ];
}

function lengthOf(item: Item): number {
  if (Buffer.isBuffer(item)) return item.length;
  // Many pieces have the same effect as few, but are longer to read.
  return item.pieces.reduce((length, piece) => length + piece.length + 1, 0);
}

/** The encodings of the values of an unwrapped message. */
function formsIn(packet: Buffer): string[] {
  const forms = new Set<string>();
  const visit = (tree: Tree, place: 'body' | 'key' | 'value'): void => {
    const first = tree.kind === 'verbatim' ? `${tree.bytes[0] ?? 0}` : String(tree.form);
    const isNumber = tree.kind === 'verbatim' && (tree.bytes[0] ?? 0) < 0x80;
    forms.add(`${place} ${tree.kind} ${isNumber ? 'small' : first}`);
    if (place !== 'body' || (tree.kind !== 'map' && tree.kind !== 'array')) return;
    for (const [i, item] of tree.items.slice(0, 40).entries()) {
      visit(item, tree.kind === 'map' && i % 2 === 0 ? 'key' : 'value');
    }
  };
  for (const tree of parseTrees(packet, 1).trees.slice(0, 1)) visit(tree, 'body');
  return [...forms];
}

for (const lane of lanes) {
  const items = await interesting(lane);
  const remarks = [`${nameOf(lane)}; made by make-corpus.ts`];
  const path = `${corpusFolder}${nameOf(lane).replaceAll(' ', '-')}.hex`;
  const text = itemText({ lane, items, remarks }, (item) => {
    const marks = [...new Set(examine(item, lane).marks)];
    return marks.slice(0, 4).join(', ');
  });
  writeFileSync(path, text);
  console.log(`${path}: ${items.length} items, ${text.length} bytes`);
}
