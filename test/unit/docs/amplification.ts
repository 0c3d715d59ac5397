/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How much one forged packet makes a node without a key send to addresses that the attacker chooses: the table of
// docs/SECURITY.md. node --import tsx test/unit/docs/amplification.ts
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { SeededRandom } from '../../../src/testing/index.js';
import type { Address } from '../../../src/wire/address.js';
import { Label } from '../../../src/wire/label.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type { Message } from '../../../src/wire/messages.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import { alive, ip, makeEngine } from '../core/harness.js';

/** IPv4 and UDP. */
const headerBytes = 28;
const victim = { sourceAddr: ip('192.0.2.1'), sourcePort: 53, sourceNode: '' };
const member = { addr: ip('10.0.0.2'), port: 7946 };
const stranger: Address = { addr: '198.51.100.1:4000' };
const queuedClaims = 200;

/** Bytes with all headers, and packets. */
export interface Amplification {
  readonly what: string;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
}

function ping(source: typeof victim): Message {
  return { type: MessageType.ping, seqNo: 1, node: '', ...source };
}

function indirectPing(source: typeof victim): Message {
  const target = { target: source.sourceAddr, port: source.sourcePort, nack: true };
  return { ...ping(source), ...target, type: MessageType.indirectPing } as Message;
}

function measure(
  what: string,
  messages: Message[],
  { hasUpdates, from = stranger }: { hasUpdates: boolean; from?: Address },
): Amplification {
  const label = new Label({ label: '', skipInboundCheck: false });
  const codec = new PacketCodec({ label, cipher: undefined, compress: true });
  const harness = makeEngine({ codec, settings: { gossipInterval: 0, probeInterval: 0 } });
  harness.addMember('m', member);
  // Metadata that does not compress, so that packets are as long as they may be.
  const random = new SeededRandom('metadata');
  for (let n = 0; hasUpdates && n < queuedClaims; n++) {
    const meta = Buffer.from(Array.from({ length: 256 }, () => Math.floor(256 * random.next())));
    harness.receive(alive(`m-${n}`, { addr: ip('10.0.1.1'), port: 1 + n, meta }));
  }
  harness.sent.length = 0;
  const packet = harness.packet(...messages);
  harness.receive(packet, from);
  // The target of an indirect ping does not answer.
  harness.run(harness.settings.probeTimeout + 1);
  const { sent } = harness;
  return {
    what,
    bytesIn: headerBytes + packet.length,
    packetsOut: sent.length,
    bytesOut: sent.reduce((sum, { packet: { length } }) => sum + headerBytes + length, 0),
  };
}

/** All measured kinds of packets. */
export function amplifications(): Amplification[] {
  const many = (message: Message): Message[] => new Array<Message>(255).fill(message);
  const [quiet, busy] = [{ hasUpdates: false }, { hasUpdates: true }];
  const known = { sourceAddr: member.addr, sourcePort: member.port, sourceNode: 'm' };
  return [
    measure('a ping', [ping(victim)], quiet),
    measure('a ping, while claims are queued', [ping(victim)], busy),
    measure('255 pings', many(ping(victim)), quiet),
    measure('255 pings, while claims are queued', many(ping(victim)), busy),
    measure('an indirect ping', [indirectPing(victim)], quiet),
    measure('255 indirect pings', many(indirectPing(victim)), quiet),
    measure('255 indirect pings, while claims are queued', many(indirectPing(victim)), busy),
    measure('a ping with a member as its source, while claims are queued', [ping(known)], busy),
    measure(
      'the same, with the member’s address forged as the source of the packet',
      [ping(known)],
      {
        hasUpdates: true,
        from: { addr: '10.0.0.2:7946' },
      },
    ),
  ];
}

/** The rows as Markdown. */
export function amplificationRows(): string[] {
  return amplifications().map(({ what, bytesIn, packetsOut, bytesOut }) => {
    const factor = (bytesOut / bytesIn).toFixed(1);
    return `| ${what} | ${bytesIn.toLocaleString('en')} | ${packetsOut} | ${bytesOut.toLocaleString('en')} | ${factor} |`;
  });
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  process.stdout.write(`${amplificationRows().join('\n')}\n`);
}
