/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The extensions of one node in a world that only takes notes.
import assert from 'node:assert/strict';
import { factsFrom, Member, type MemberState } from '../../../src/core/member.js';
import { MemberTable } from '../../../src/core/member-table.js';
import { ExtensionHost } from '../../../src/extensions/extension-host.js';
import type { HostedNode } from '../../../src/extensions/hosted-node.js';
import { type Extension, type ExtensionContext, type ExtensionHooks } from '../../../src/index.js';
import { SeededRandom, VirtualClock } from '../../../src/testing/index.js';
import { decodeEnvelope } from '../../../src/wire/extension-envelope.js';
import { encodeTrailer } from '../../../src/wire/extension-trailer.js';
import { alive } from '../core/harness.js';

const trailer = (name: string): Buffer => encodeTrailer([[name, 1]]);
/** A node with two extensions, and members to talk to. */
export class World {
  readonly clock = new VirtualClock();
  readonly table = new MemberTable(new SeededRandom(1));
  readonly notes: string[] = [];
  readonly errors: unknown[] = [];
  readonly contexts = new Map<string, ExtensionContext>();
  readonly host: ExtensionHost;

  constructor(hooks: Record<string, ExtensionHooks> = { one: {}, two: {} }, hasDelegate = false) {
    const note = (text: string): void => void this.notes.push(text);
    const self = this.add('me', 'one');
    const node: HostedNode = {
      ownName: 'me',
      clock: this.clock,
      retransmitMult: 1,
      gossipInterval: 200,
      keyring: undefined,
      keyFile: undefined,
      forget: () => false,
      shutdown: () => Promise.resolve(),
      broadcastBudget: 100,
      table: this.table,
      self: () => self.snapshot(),
      numMembers: () => this.table.count((member) => !member.isGone),
      wakeGossip: () => note('wake'),
      sendPacket: (to, message) => {
        note(`packet to ${to.name}: ${text(Buffer.from(message))}`);
        return Promise.resolve();
      },
      sendPackets: (to, message) => {
        const names = to.map(({ name }) => name).join(' ');
        note(`packet to ${names}: ${text(Buffer.from(message))}`);
        return Promise.resolve();
      },
      sendStream: (to, message) => {
        note(`stream to ${to.name}: ${text(Buffer.from(message))}`);
        return Promise.resolve();
      },
      updateMeta: () => note('updateMeta'),
      log: (level, message, fields) => note(`${level} ${message} ${JSON.stringify(fields)}`),
      dropMalformed: (extension, from, detail) =>
        note(`malformed ${extension} of ${from}: ${detail}`),
      dropped: (extension, from) => note(`dropped ${extension} of ${from}`),
      failed: (extension, hook, error) => {
        note(`failed ${extension}, ${hook}`);
        this.errors.push(error);
      },
    };
    const use = Object.entries(hooks).map(([name, own]): Extension => ({
      name,
      attach: (context) => {
        this.contexts.set(name, context);
        return own;
      },
    }));
    const randomFor = (): SeededRandom => new SeededRandom(1);
    this.host = new ExtensionHost(node, {
      ...{ use, fanOut: 3, randomFor, hasDelegate },
      hasPing: false,
    });
  }

  add(name: string, extension?: string, state: MemberState = 'alive'): Member {
    const meta = extension === undefined ? null : trailer(extension);
    const facts = factsFrom(alive(name, { meta }));
    assert.ok(facts);
    const member = new Member(name, facts, state, 0);
    this.table.add(member);
    return member;
  }

  get one(): ExtensionContext {
    return this.contexts.get('one') ?? assert.fail();
  }

  /** The notes since the last call. */
  take(): string[] {
    return this.notes.splice(0);
  }
}

/** A message as text. */
export function text(message: Buffer): string {
  const { extension, sender, payload } = decodeEnvelope(message) ?? assert.fail();
  return `${extension} ${sender ?? 'no sender'} ${payload.toString()}`;
}

/** A world whose extensions are attached. */
export function attached(hooks?: Record<string, ExtensionHooks>): World {
  const world = new World(hooks);
  world.host.attach();
  return world;
}
