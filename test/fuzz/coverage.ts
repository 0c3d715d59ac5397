/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The marks that a run must reach in each lane: every layer valid and invalid, every type of message decoded,
// and every answer of the node. A fuzzer whose bytes are all dropped at the first layer proves little.
import type { Entrance } from './cluster.js';
import { nameOf, type Lane } from './lane.js';

const always = [
  // layers
  ...['crc ok', 'crc bad-checksum', 'crc truncated'],
  ...['lzw ok', 'lzw bad-compression', 'lzw too-large', 'lzw malformed', 'lzw truncated'],
  ...['snappy ok', 'snappy bad-compression', 'snappy too-large'],
  ...['compound ok', 'compound malformed', 'compound truncated'],
  // messages
  ...['ping', 'indirectPing', 'ackResp', 'nackResp', 'suspect', 'alive', 'dead', 'err', 'user'].map(
    (type) => `${type} ok`,
  ),
  ...['form ours', 'form foreign', 'unknown unknown-type'],
  ...['malformed', 'truncated', 'too-deep', 'too-large'].map((fault) => `alive ${fault}`),
  // streams
  ...['ping', 'pushPull', 'user', 'err'].map((type) => `stream ${type} ok`),
  ...['cut', 'malformed', 'too-large'].map((what) => `stream pushPull ${what}`),
  ...['stream user cut', 'stream unknown unknown-type', 'stream ends', 'stream breaks'],
  // reactions of the node
  ...['truncated', 'malformed', 'too-large', 'too-deep', 'unknown-type', 'bad-checksum'],
  ...['bad-compression', 'misaddressed', 'bad-address', 'bad-name', 'bad-versions'],
  ...['meta-too-large', 'not-allowed', 'refused-by-delegate', 'unexpected-ack', 'broken'],
  ...['unexpected-message', 'incompatible', 'name-too-long', 'too-many-pings'],
].map((mark) => (/^[a-z]+(-[a-z]+)*$/.test(mark) ? `dropped ${mark}` : mark));
const taken = [
  'refuted',
  'received a user message',
  'accepted new metadata',
  'detected a conflict',
];
/** Marks that a run reaches with tables of forged members. The corpus need not reach them. */
export const forgedMemberMarks: readonly string[] = [
  'admitted a forged member',
  'dropped too-many-members',
];
const labels = ['label ok', 'label bad-label', 'dropped bad-label'];
const ciphers = ['cipher ok', 'cipher undecryptable', 'dropped undecryptable'];
const inMemory = [
  ...['stream stalls', 'dropped timed-out'],
  ...['answered a ping over a stream', 'answered a push/pull', 'answered with an error'],
];

/** With fewer packets in a lane, a run cannot reach every mark in each lane. */
const enough = 20_000;

/** The marks of one lane. */
export interface Reached {
  readonly lane: Lane;
  readonly packets: number;
  readonly marks: ReadonlyMap<string, number>;
}

/** The missing marks. Lanes with few packets are combined. */
export function unreachedIn(
  all: readonly Reached[],
  entrances: readonly Entrance[],
  more: readonly string[] = [],
): string[] {
  const wantedIn = (lane: Lane): string[] => [...required(lane, entrances), ...more];
  const missing = all
    .filter(({ packets }) => packets >= enough)
    .flatMap(({ lane, marks }) =>
      wantedIn(lane)
        .filter((mark) => !marks.has(mark))
        .map((mark) => `${nameOf(lane)}: ${mark}`),
    );
  const short = all.filter(({ packets }) => packets < enough);
  const sum = new Map<string, number>();
  for (const { marks } of short) addTo(sum, marks);
  // Tables of forged members are rare: a short run need not contain a large one.
  const wanted = new Set(short.flatMap(({ lane }) => required(lane, entrances)));
  return [...missing, ...[...wanted].filter((mark) => !sum.has(mark))];
}

function required({ keyHex }: Lane, entrances: readonly Entrance[]): string[] {
  return [
    ...[...always, ...taken, ...labels],
    ...(keyHex === undefined ? [] : ciphers),
    ...(entrances.includes('memory') ? inMemory : []),
  ];
}

/** Adds a tally to another. */
export function addTo(sum: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [mark, count] of counts) sum.set(mark, (sum.get(mark) ?? 0) + count);
}
