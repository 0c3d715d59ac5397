/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The sources of mutants: golden bytes of the Go implementation, the corpus, and a few messages that traffic
// between healthy nodes does not contain.
import { readFileSync } from 'node:fs';
import { ipToBytes, splitHostPort } from '../../src/wire/address.js';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { noBytes } from '../../src/wire/messages.js';
import { encodePushPull, encodeUserMessage } from '../../src/wire/stream-codec.js';

/** The node under attack. */
export const TARGET = 'fuzz-target';
/** Its only peer. */
export const PEER = 'fuzz-peer';

interface Vector {
  readonly kind: string;
  readonly hex: string;
}

const fixture = new URL('../fixtures/memberlist-v0.6.json', import.meta.url);
const vectors = JSON.parse(readFileSync(fixture, 'utf8')) as Vector[];

/** Golden bytes of these kinds, without the largest. */
export function golden(...kinds: string[]): Buffer[] {
  const chosen = vectors.filter(({ kind, hex }) => kinds.includes(kind) && hex.length < 8_000);
  return chosen.map(({ hex }) => Buffer.from(hex, 'hex'));
}

/** The addresses of the two nodes, as `'ip:port'`. */
export interface Whereabouts {
  readonly target: string;
  readonly peer: string;
}

/** Messages about the two nodes, each with its type byte. */
export function messagesAbout({ target, peer }: Whereabouts): Buffer[] {
  const [mine, theirs] = [placeOf(target), placeOf(peer)];
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const source = { sourceAddr: noBytes, sourcePort: 0, sourceNode: '' };
  const meta = Buffer.from('{"role":"web"}');
  const { suspect, dead, alive, ping, indirectPing, ackResp, nackResp, err } = MessageType;
  const messages = [
    encodeMessage({ type: ping, seqNo: 7, node: TARGET, ...source }),
    encodeMessage({ type: ping, seqNo: 8, node: '', ...source, sourceNode: PEER }),
    encodeMessage({
      ...{ type: indirectPing, seqNo: 9, node: PEER, nack: true, ...source },
      ...{ target: theirs.addr, port: theirs.port },
    }),
    encodeMessage({ type: suspect, incarnation: 1, node: PEER, from: 'n'.repeat(1000) }),
    encodeMessage({ type: ackResp, seqNo: 7, payload: Buffer.from('payload') }),
    encodeMessage({ type: nackResp, seqNo: 7 }),
    encodeMessage({ type: err, error: 'remote said no' }),
    encodeMessage({ type: suspect, incarnation: 9, node: TARGET, from: PEER }),
    encodeMessage({ type: dead, incarnation: 99, node: TARGET, from: PEER }),
    encodeMessage({ type: dead, incarnation: 0, node: PEER, from: PEER }),
    encodeMessage({ type: suspect, incarnation: 1, node: 'stranger', from: PEER }),
    encodeMessage({ type: alive, incarnation: 9, node: PEER, ...theirs, meta, vsn }),
    encodeMessage({ type: alive, incarnation: 9, node: TARGET, ...mine, meta, vsn }),
    encodeMessage({ type: alive, incarnation: 1, node: 'stranger', ...theirs, meta, vsn }),
    encodeMessage({
      ...{ type: alive, incarnation: 2, node: PEER, port: theirs.port, meta: null, vsn },
      addr: Buffer.of(192, 0, 2, 1),
    }),
    encodeMessage({
      ...{ type: alive, incarnation: 2, node: PEER, ...theirs, vsn },
      meta: Buffer.alloc(600, 0x61),
    }),
  ];
  return [...messages, Buffer.from([MessageType.user, ...Buffer.from('a best-effort message')])];
}

/** Stream requests, each with its type byte and without layers. */
export function requestsAbout({ target, peer }: Whereabouts): Buffer[] {
  const [mine, theirs] = [placeOf(target), placeOf(peer)];
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const record = { incarnation: 3, meta: null, vsn, state: 0 };
  const records = [
    { ...record, name: PEER, ...theirs },
    { ...record, name: TARGET, ...mine },
    { ...record, name: 'stranger', ...theirs, meta: Buffer.alloc(40, 0x61) },
    { ...record, name: 'departed', ...theirs, state: 3 },
    { ...record, name: 'n'.repeat(1000), ...theirs },
  ];
  const source = { sourceAddr: noBytes, sourcePort: 0, sourceNode: '' };
  const old = { ...record, name: 'ancient', ...theirs, vsn: Buffer.of(1, 1, 1, 0, 0, 0) };
  return [
    encodePushPull({ join: true, records: [old], userState: noBytes }),
    encodePushPull({ join: true, records, userState: Buffer.from('the state of a user') }),
    encodePushPull({ join: false, records: records.slice(0, 2), userState: noBytes }),
    encodeUserMessage(Buffer.from('a reliable message')),
    encodeMessage({ type: MessageType.ping, seqNo: 5, node: TARGET, ...source }),
    encodeMessage({ type: MessageType.ping, seqNo: 5, node: PEER, ...source }),
    encodeMessage({ type: MessageType.err, error: 'an error as a request' }),
    ...golden('stream'),
    ...golden('message').filter((message) => [0, 2, 13].includes(message[0] ?? -1)),
    Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    Buffer.from('0affffffff00', 'hex'),
    Buffer.from('0683a44a6f696ec2a54e6f646573ceffffffffac5573657253746174654c656e00', 'hex'),
    Buffer.from('0683a44a6f696ec3a54e6f64657302ac5573657253746174654c656eceffffffff', 'hex'),
  ];
}

/** An address as messages contain it. */
export function placeOf(address: string): { addr: Buffer; port: number } {
  const { host = '', port = 0 } = splitHostPort(address) ?? {};
  return { addr: ipToBytes(host) ?? noBytes, port };
}
