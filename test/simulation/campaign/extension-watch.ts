/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What must hold of extensions, whatever goes wrong.

import type { Report } from '../../../src/core/reports.js';
import type { Node, Peer } from '../../../src/index.js';
import { layersFor } from '../../../src/security/layers.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import { CampaignExtension } from './extension.js';
import { extensionsOf } from './extension-plan.js';
import type { Scenario } from './scenario.js';
import type { Life } from './stage.js';
import { Violation } from './violation.js';

/** A message of an extension. */
export interface Sent {
  readonly by: CampaignExtension;
  readonly how: 'packet' | 'stream' | 'gossip';
  /** The address of its receiver; undefined where any peer may receive it. */
  readonly to: string | undefined;
  readonly payload: Buffer;
  /** How often a receiver got it. */
  deliveries: number;
}

/** What the watch needs to know of the run. */
export interface ExtensionWorld {
  now(): number;
  /** Called with everything that does not hold. */
  fail(error: Error): void;
  /** The last life of a node; undefined before it started. */
  life(key: string): Life | undefined;
  running(): readonly Life[];
  /** The names that nodes had at an address, forged ones included. */
  namesAt(address: string): ReadonlySet<string>;
  /** A node is about to leave in this incarnation. */
  leaves(name: string, incarnation: number): void;
  /** Whether a node at this address may receive a message of the product's extensions that it cannot use. */
  mayReceive(detail: string, address: string): boolean;
  /** An extension of the product threw. Returns false for all others. */
  threw(key: string, extension: string, error: Error): boolean;
}

/** What nodes at one address run, of all the lives that there were. */
interface Place {
  readonly with: Set<string>;
  readonly without: Set<string>;
}

const idBytes = 4;

/** Watches the extensions of one run. */
export class ExtensionWatch {
  readonly #scenario: Scenario;
  readonly #world: ExtensionWorld;
  readonly #names: readonly string[];
  /** What the messages of each extension begin with. */
  readonly #marks: ReadonlyMap<string, Buffer>;
  readonly #all: CampaignExtension[] = [];
  readonly #sent: Sent[] = [];
  readonly #places = new Map<string, Place>();
  readonly #homes = new Map<string, string>();
  #codec: PacketCodec | undefined;
  #deliveries = 0;

  constructor(scenario: Scenario, world: ExtensionWorld) {
    this.#scenario = scenario;
    this.#world = world;
    this.#names = Object.keys(scenario.extensions?.shares ?? {});
    this.#marks = new Map(this.#names.map((name) => [name, markOf(name)] as const));
  }

  /** Whether the scenario has extensions. */
  get isActive(): boolean {
    return this.#names.length > 0;
  }

  /** Messages that were received. */
  get deliveries(): number {
    return this.#deliveries;
  }

  now(): number {
    return this.#world.now();
  }

  fail(error: Error): void {
    this.#world.fail(error);
  }

  leaves(name: string, incarnation: number): void {
    this.#world.leaves(name, incarnation);
  }

  /** All members that a node has in its table. */
  known(key: string): Node[] {
    const table = this.#world.life(key)?.engine.table ?? [];
    return Array.from(table, (member) => member.snapshot());
  }

  /** The extensions for a life of a node that is about to start. */
  forLife(key: string): CampaignExtension[] {
    const { extensions, isCalm } = this.#scenario;
    if (extensions === undefined) return [];
    const { intervalMs, throws } = extensions;
    const made = extensionsOf(this.#scenario, key).map(
      (name) => new CampaignExtension(this, { name, key, intervalMs, throws, isCalm }),
    );
    this.#all.push(...made);
    return made;
  }

  /** A life of a node began at this address. */
  started(key: string, address: string): void {
    const place = this.#places.get(address) ?? { with: new Set(), without: new Set() };
    this.#places.set(address, place);
    this.#homes.set(key, address);
    const own = extensionsOf(this.#scenario, key);
    for (const name of this.#names) (own.includes(name) ? place.with : place.without).add(name);
  }

  /** A message that an extension is about to send. */
  message(
    by: CampaignExtension,
    { how, length, to }: { how: Sent['how']; length: number; to: string | undefined },
  ): Sent {
    const id = this.#sent.length;
    const payload = Buffer.alloc(Math.max(idBytes, length), id);
    payload.writeUInt32BE(id);
    const sent = { by, how, to, payload, deliveries: 0 };
    this.#sent.push(sent);
    return sent;
  }

  /** A message reached an extension. */
  received(at: CampaignExtension, payload: Buffer, from: Peer): void {
    const sent = payload.length < idBytes ? undefined : this.#sent[payload.readUInt32BE()];
    if (!sent?.payload.equals(payload)) {
      const bytes = payload.subarray(0, 20).toString('hex');
      return this.fail(
        new Violation('a message of an extension arrives unaltered', `${at.where}: ${bytes}`),
      );
    }
    sent.deliveries++;
    this.#deliveries++;
    const what = `${at.where}: ${sent.how} of ${sent.by.name} on ${sent.by.key}`;
    const home = this.#homes.get(at.key);
    if (sent.by.name !== at.name || (sent.to !== undefined && sent.to !== home)) {
      this.fail(new Violation('a message of an extension reaches its receiver alone', what));
    }
    if (sent.how === 'stream' && sent.deliveries > 1) {
      this.fail(new Violation('a reliable message is delivered once', what));
    }
    this.#checkSender(sent, at, from);
  }

  /** A reliable message's promise resolved. */
  acknowledged(sent: Sent): void {
    if (sent.deliveries === 1) return;
    // After a silent crash of the sender: the simulation ends its streams, and there is no process left in reality.
    if (sent.by.stops > 0) return;
    // Another node may have this address by now.
    if (this.#places.get(sent.to ?? '')?.without.has(sent.by.name) === true) return;
    const what = `${sent.by.where}, ${sent.deliveries} times to ${sent.to}`;
    this.fail(new Violation('a reliable message is delivered once', what));
  }

  #checkSender({ by, how }: Sent, at: CampaignExtension, from: Peer): void {
    const { name, address } = by.context.self;
    const said = `${at.where}: ${from.name} at ${from.address}, and it is ${name} at ${address}`;
    const isRight = how === 'stream' ? this.#isStream(from, by) : this.#isPacket(from, by, at);
    if (!isRight) this.fail(new Violation('a message of an extension names its sender', said));
  }

  #isStream(from: Peer, by: CampaignExtension): boolean {
    const { name, address } = by.context.self;
    return from.name === name && hostOf(from.address) === hostOf(address);
  }

  // The source address is certain. A name is what the receiver's table has at it.
  #isPacket(from: Peer, by: CampaignExtension, at: CampaignExtension): boolean {
    const { name, address } = by.context.self;
    if (from.address !== address) return false;
    const names = this.#world.namesAt(address);
    if (from.name !== undefined) return names.has(from.name);
    const row = at.context.member(name);
    return row?.state !== 'alive' || row.address !== address || names.size > 1;
  }

  /** An extension of a node, or the node itself, reports something. */
  report(key: string, report: Report): void {
    if (
      report.code === 'extension-threw' &&
      !this.#world.threw(key, report.extension, report.error)
    )
      this.#threw(key, report.extension, report.error);
    if (report.code !== 'packet-dropped' || report.reason !== 'unknown-extension') return;
    const place = this.#places.get(this.#homes.get(key) ?? '');
    if (place === undefined) return;
    if (this.#names.some((name) => report.detail.includes(` ${name},`) && place.with.has(name)))
      return;
    if (this.#world.mayReceive(report.detail, this.#homes.get(key) ?? '')) return;
    this.fail(leaked(`${key} at ${this.now()}: ${report.detail}`));
  }

  #threw(key: string, name: string, error: Error): void {
    const lives = this.#all.filter((each) => each.key === key && each.name === name);
    const extension = lives.at(-1);
    if (error.message === 'on purpose' && extension !== undefined) {
      extension.reported++;
      if (extension.reported <= extension.thrown) return;
    }
    const what = `${name} on ${key} at ${this.now()}: ${error.stack}`;
    this.fail(new Violation('an exception of an extension is reported once', what));
  }

  /** A node emits a membership event. */
  emitted(key: string, type: string, node: Node): void {
    for (const extension of this.#world.life(key)?.extensions ?? []) {
      extension.emitted.push({ type, node });
    }
  }

  /** What holds at any time. */
  check(): void {
    if (!this.isActive) return;
    for (const life of this.#world.running()) {
      for (const extension of life.extensions) {
        this.#checkEvents(extension);
        this.#checkPeers(extension, life);
      }
    }
  }

  #checkEvents(extension: CampaignExtension): void {
    const { heard, emitted } = extension;
    extension.heard = [];
    extension.emitted = [];
    const isSame =
      heard.length === emitted.length &&
      heard.every(({ type, node }, i) => type === emitted[i]?.type && node === emitted[i].node);
    if (isSame) return;
    const text = (events: typeof heard): string =>
      events.map(({ type, node }) => `${type} ${node.name}`).join(', ');
    const what = `${extension.where}: ${text(heard)} instead of ${text(emitted)}`;
    this.fail(new Violation('an extension is notified of each event of its node', what));
  }

  #checkPeers(extension: CampaignExtension, { engine, list }: Life): void {
    const { name } = extension;
    const peers = new Set(extension.context.peers().map((peer) => peer.name));
    const expected: string[] = [];
    for (const member of engine.table) {
      if (member.state !== 'alive' || member.name === list.config.name) continue;
      if (member.snapshot().extensions[name] !== undefined) expected.push(member.name);
    }
    if (peers.size === expected.length && expected.every((each) => peers.has(each))) return;
    const what = `${extension.where}: ${[...peers].join(' ')}, and these announce it: ${expected.join(' ')}`;
    this.fail(new Violation('peers are the alive members that announce the extension', what));
  }

  /** After agreement the peers of an extension are the nodes that run it. */
  checkAgreement(): void {
    const lives = this.#world.running();
    for (const { key, extensions } of lives) {
      for (const extension of extensions) {
        const { name, version } = extension;
        const runs = ({ extensions: others }: Life): boolean =>
          others.some((other) => other.name === name);
        const expected = lives.filter((life) => life.key !== key && runs(life));
        const names = expected.map(({ list }) => list.config.name).sort();
        const peers = extension.context.peers();
        const found = peers.map((peer) => peer.name).sort();
        const isRight = peers.every((peer) => peer.extensions[name] === version);
        if (isRight && found.join(' ') === names.join(' ')) continue;
        const what = `${extension.where}: ${found.join(' ')} instead of ${names.join(' ')}`;
        this.fail(new Violation('in the end the peers are the nodes that run the extension', what));
      }
    }
  }

  /** Extensions do nothing any more. */
  rest(): void {
    for (const { extensions } of this.#world.running()) {
      for (const extension of extensions) extension.rest();
    }
  }

  /** Extensions are busy again. */
  wake(): void {
    for (const { extensions } of this.#world.running()) {
      for (const extension of extensions) extension.wake();
    }
  }

  /** Right before a shutdown: each extension has something in its queue. */
  broadcast(): void {
    for (const { extensions } of this.#world.running()) {
      for (const extension of extensions) extension.broadcast(true);
    }
  }

  /** In a quiet cluster nothing waits to be gossiped to peers. */
  checkQuiet(): void {
    for (const { extensions } of this.#world.running()) {
      for (const extension of extensions) {
        if (extension.unfinished === 0 || extension.context.peers().length === 0) continue;
        const what = `${extension.where}: ${extension.unfinished} are not finished`;
        this.fail(new Violation('a broadcast ends once', what));
      }
    }
  }

  /** After the shutdown of all nodes. */
  checkEnd(): void {
    for (const extension of this.#all) {
      const { stops, thrown, reported } = extension;
      if (stops !== 1) {
        this.fail(
          new Violation('an extension is stopped once', `${extension.where}: ${stops} times`),
        );
      }
      if (thrown === reported) continue;
      const what = `${extension.where}: ${reported} of ${thrown}`;
      this.fail(new Violation('an exception of an extension is reported once', what));
    }
  }

  /** A packet is sent. */
  packet(packet: Buffer, from: string, to: string): void {
    for (const name of this.#suspects(to)) {
      if (!this.#isInPacket(packet, from, name)) continue;
      if (this.#mayReceive(name, from, to)) continue;
      this.fail(leaked(`a packet of ${name} from ${from} to ${to} at ${this.now()}`));
    }
  }

  /** A piece of a stream is written. */
  stream(data: Buffer, from: string, to: string): void {
    // A compressed one shows nothing; its receiver reports what it must not get.
    if (this.#scenario.settings.enableCompression) return;
    for (const name of this.#suspects(to)) {
      if (this.#places.get(to)?.with.has(name) === true) continue;
      if (!data.includes(this.#marks.get(name) as Buffer)) continue;
      this.fail(leaked(`a stream of ${name} from ${from} to ${to} at ${this.now()}`));
    }
  }

  /** The extensions whose messages this address must not get, or not at all times. */
  #suspects(to: string): readonly string[] {
    const place = this.#places.get(to);
    if (this.#scenario.encrypted || place?.without.size === 0) return [];
    return place === undefined ? this.#names : [...place.without];
  }

  #isInPacket(packet: Buffer, from: string, name: string): boolean {
    const mark = this.#marks.get(name) as Buffer;
    if (!this.#scenario.settings.enableCompression) return packet.includes(mark);
    const sender = this.#senderAt(from);
    if (sender === undefined || sender.extensions.length === 0) return false;
    const codec = (this.#codec ??= new PacketCodec(layersFor(sender.list.config)));
    let isThere = false;
    codec.decode(packet, (buf, start, end) => {
      const isUser = buf[start] === MessageType.user;
      isThere ||= isUser && buf.subarray(start + 1, end).indexOf(mark) === 0;
    });
    return isThere;
  }

  // At an address that had nodes with and without the extension the sender may hold the former for alive. What waited
  // in a blocked socket was sent earlier.
  #mayReceive(name: string, from: string, to: string): boolean {
    if (this.#places.get(to)?.with.has(name) !== true) return false;
    const sender = this.#senderAt(from);
    if (!sender?.transport.gates.outward.isClear) return true;
    return sender.list
      .members()
      .some(({ address, extensions }) => address === to && extensions[name] !== undefined);
  }

  #senderAt(address: string): Life | undefined {
    return this.#world.running().find(({ transport }) => transport.addr === address);
  }
}

function leaked(what: string): Violation {
  return new Violation('nothing of an extension is sent to a node without it', what);
}

/** What a message of an extension begins with: docs/EXTENSIONS.md. */
function markOf(name: string): Buffer {
  return Buffer.concat([Buffer.of(0xc1, 0xfd, name.length), Buffer.from(name)]);
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
