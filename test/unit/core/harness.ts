/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One engine in virtual time, with a world that only takes notes. Messages come in as encoded
// packets and what goes out is decoded again, so that tests speak of messages, never of bytes.
import { lanConfig } from '../../../src/config/presets.js';
import type { CoreSettings } from '../../../src/core/context.js';
import { Counters } from '../../../src/core/counters.js';
import { Engine } from '../../../src/core/engine.js';
import { versionBytes, type Identity } from '../../../src/core/local-node.js';
import { productionRules } from '../../../src/core/lifeguard/rules.js';
import type { Member, MemberState, Node } from '../../../src/core/member.js';
import type { MembershipEvent } from '../../../src/core/membership/events.js';
import type { Effects, SendFailure, StreamPingRequest } from '../../../src/core/ports.js';
import type { Report, ReportCode } from '../../../src/core/reports.js';
import { SeededRandom, VirtualClock } from '../../../src/testing/index.js';
import { joinHostPort, ipFromBytes, ipToBytes, type Address } from '../../../src/wire/address.js';
import { Label } from '../../../src/wire/label.js';
import { decodeMessage, encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type {
  AliveClaim,
  DeadClaim,
  MemberRecord,
  Message,
  SuspectClaim,
} from '../../../src/wire/messages.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';

/** The name of the node under test. */
export const ME = 'me';
/** The port of everybody, unless a test says otherwise. */
export const PORT = 7946;
/** Where packets come from, unless a test says otherwise. */
export const SOMEWHERE: Address = { addr: '10.9.9.9:7946' };

/** A user's message in a packet: its body is no MessagePack. */
export interface UserMessage {
  readonly type: typeof MessageType.user;
  readonly payload: Buffer;
}

/** A packet that the engine sent. `fail` reports that it could not be sent. */
export interface SentPacket {
  readonly at: number;
  readonly to: Address;
  readonly packet: Buffer;
  readonly messages: (Message | UserMessage)[];
  readonly fail: (failure: SendFailure) => void;
}

export interface StreamPing {
  readonly request: StreamPingRequest;
  readonly answer: (answered: boolean) => void;
}

export interface HarnessOptions {
  /** Over the LAN defaults. */
  readonly settings?: Partial<CoreSettings>;
  /** Over effects that take notes; an `objectionToAlive` counts as an alive delegate. */
  readonly effects?: Partial<Effects>;
  readonly identity?: Partial<Identity>;
  readonly meta?: Buffer | null;
  readonly seed?: number | string;
  readonly clock?: VirtualClock;
  readonly codec?: PacketCodec;
  /** Whether probe, gossip and push/pull run by themselves; false unless given. */
  readonly schedulers?: boolean;
}

export interface MemberOptions extends Partial<Omit<AliveClaim, 'type' | 'node'>> {
  readonly state?: MemberState;
}

/** A member's row, as a push/pull has it. */
export function recordOf({
  name,
  addr,
  port,
  meta,
  vsn,
  incarnation,
  stateCode,
}: Member): MemberRecord {
  return { name, addr, port, meta, vsn, incarnation, state: stateCode };
}

/** The settings of a node called `me`: LAN defaults. */
export function settingsFor(overrides: Partial<CoreSettings> = {}): CoreSettings {
  const none = {
    disableTcpPingsForNode: undefined,
    hasAliveDelegate: false,
    forgetMs: 3_600_000,
  };
  return { ...lanConfig(), name: ME, ...none, lifeguard: productionRules, ...overrides };
}

/** A started engine that knows itself only, with nothing sent, told or queued yet. */
export function makeEngine(options: HarnessOptions = {}): Harness {
  return new Harness(options);
}

export class Harness {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly counters = new Counters();
  readonly settings: CoreSettings;
  readonly engine: Engine;
  readonly codec: PacketCodec;
  readonly sent: SentPacket[] = [];
  readonly events: MembershipEvent[] = [];
  readonly reports: Report[] = [];
  readonly streamPings: StreamPing[] = [];
  readonly pushPulls: Address[] = [];
  readonly userMessages: { payload: Buffer; from: Address }[] = [];
  readonly isolationChanges: boolean[] = [];
  readonly pingsCompleted: { node: Node; roundTripMs: number; payload: Buffer }[] = [];

  constructor(options: HarnessOptions) {
    this.clock = options.clock ?? new VirtualClock({ now: 10_000 });
    this.random = new SeededRandom(options.seed ?? 1);
    const hasAliveDelegate = options.effects?.objectionToAlive !== undefined;
    this.settings = settingsFor({ hasAliveDelegate, ...options.settings });
    const label = new Label({ label: '', skipInboundCheck: false });
    this.codec = options.codec ?? new PacketCodec({ label, cipher: undefined, compress: false });
    const { clock, random, counters, settings } = this;
    const effects = { ...this.#notes(), ...options.effects };
    const vsn = versionBytes({ ...lanConfig(), ...settings });
    const identity = { addr: ip('10.0.0.1'), port: PORT, vsn, ...options.identity };
    this.engine = new Engine(
      { clock, random, counters, settings, effects },
      { codec: this.codec, identity },
    );
    this.engine.start(options.meta ?? null);
    if (options.schedulers !== true) this.engine.stopSchedulers();
    this.forget();
  }

  /** A packet comes in, and waits for its turn to be handled. */
  readonly receive = (message: Message | UserMessage | Buffer, from = SOMEWHERE): void => {
    const packet = Buffer.isBuffer(message) ? message : this.packet(message);
    this.engine.receivePacket(packet, from, this.clock.now());
    this.run(0);
  };

  /** A packet with these messages, as a peer would send it. */
  readonly packet = (...messages: (Message | UserMessage)[]): Buffer =>
    this.codec.encode(messages.map(encodeAny), { checksum: false });

  /** Lets a member be known in some state, by the claims that lead there, and forgets their traces. */
  readonly addMember = (name: string, options: MemberOptions = {}): Member => {
    const { state = 'alive', ...claimed } = options;
    const claim = alive(name, { addr: this.#nextAddr(), ...claimed });
    const { incarnation } = claim;
    this.receive(claim);
    if (state === 'suspect') this.receive(suspect(name, { incarnation }));
    if (state === 'dead') this.receive(dead(name, { incarnation }));
    if (state === 'left') this.receive(dead(name, { incarnation, from: name }));
    this.forget();
    return this.member(name);
  };

  /** A member that must be there. */
  readonly member = (name: string): Member => {
    const member = this.engine.table.get(name);
    if (member === undefined) throw new Error(`${name} is not in the table`);
    return member;
  };

  /** Everything that was sent to an address or to a node of that name. */
  readonly messagesTo = (addrOrName: string): (Message | UserMessage)[] =>
    this.sent
      .filter(({ to }) => to.addr === addrOrName || to.name === addrOrName)
      .flatMap(({ messages }) => messages);

  /** What is queued to be gossiped; the queue is empty afterwards, and all in it finished. */
  readonly takeBroadcasts = (): Message[] => {
    const messages = this.engine.queue.getBroadcasts(0, Infinity);
    this.engine.queue.reset();
    return messages.map((message) => decodeMessage(Buffer.from(message)));
  };

  /** What was told, in short: the types of the events, and why members left. */
  get eventKinds(): string[] {
    return this.events.map((event) => (event.type === 'leave' ? event.reason : event.type));
  }

  /** The reports with a code. */
  readonly reported = <Code extends ReportCode>(code: Code): Extract<Report, { code: Code }>[] =>
    this.reports.filter(
      (report): report is Extract<Report, { code: Code }> => report.code === code,
    );

  /** Lets virtual time pass. */
  readonly run = (ms: number): void => this.clock.advance(ms);

  /** Forgets what was sent, told, reported and queued so far. Counters go on. */
  readonly forget = (): void => {
    this.engine.queue.reset();
    const { sent, events, reports, streamPings, pushPulls, userMessages, pingsCompleted } = this;
    const notes = [sent, events, reports, streamPings, pushPulls, userMessages, pingsCompleted];
    for (const list of notes) list.length = 0;
  };

  // 10.0.0.2 for the first that is added, and so on.
  #nextAddr(): Buffer {
    const place = this.engine.table.size + 1;
    return Buffer.of(10, 0, place >> 8, place & 0xff);
  }

  #notes(): Effects {
    return {
      sendPacket: (packet, to, onFailure) => {
        const messages = this.#decode(packet);
        const fail = (failure: SendFailure): void => onFailure?.(failure);
        this.sent.push({ at: this.clock.now(), to, packet, messages, fail });
      },
      streamPing: (request, answer) => void this.streamPings.push({ request, answer }),
      pushPull: (to) => void this.pushPulls.push(to),
      notify: (event) => void this.events.push(event),
      report: (report) => void this.reports.push(report),
      pingCompleted: (node, roundTripMs, payload) =>
        void this.pingsCompleted.push({ node, roundTripMs, payload }),
      isolationChanged: (isIsolated) => void this.isolationChanges.push(isIsolated),
      userMessage: (payload, from) => void this.userMessages.push({ payload, from }),
      ackPayload: () => null,
      hasUserBroadcasts: () => true,
      userBroadcasts: () => [],
      gossipTargets: () => [],
      allowsIp: () => true,
      objectionToAlive: () => undefined,
    };
  }

  #decode(packet: Buffer): (Message | UserMessage)[] {
    const messages: (Message | UserMessage)[] = [];
    this.codec.decode(packet, (buf, start, end) => {
      const isUser = buf[start] === MessageType.user;
      const payload = buf.subarray(start + 1, end);
      messages.push(isUser ? { type: MessageType.user, payload } : decodeMessage(buf, start, end));
    });
    return messages;
  }
}

/** An alive claim, by default under incarnation 1, of one who speaks protocol 2 of 1 to 5. */
export function alive(node: string, claim: Partial<Omit<AliveClaim, 'type'>> = {}): AliveClaim {
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const defaults = { node, incarnation: 1, addr: ip('10.0.0.2'), port: PORT, meta: null, vsn };
  return { type: MessageType.alive, ...defaults, ...claim };
}

/** A suspect claim, by default from `accuser` about incarnation 1. */
export function suspect(
  node: string,
  claim: Partial<Omit<SuspectClaim, 'type'>> = {},
): SuspectClaim {
  return { type: MessageType.suspect, node, incarnation: 1, from: 'accuser', ...claim };
}

/** A dead claim, by default from `accuser` about incarnation 1. */
export function dead(node: string, claim: Partial<Omit<DeadClaim, 'type'>> = {}): DeadClaim {
  return { type: MessageType.dead, node, incarnation: 1, from: 'accuser', ...claim };
}

/** A member in a push/pull; by default alive. */
export function record(name: string, overrides: Partial<MemberRecord> = {}): MemberRecord {
  const { addr, port, meta, incarnation, vsn } = alive(name);
  return { name, addr, port, meta, incarnation, vsn, state: 0, ...overrides };
}

/** The bytes of an IP. */
export function ip(text: string): Buffer {
  const bytes = ipToBytes(text);
  if (bytes === undefined) throw new Error(`'${text}' is not an IP`);
  return bytes;
}

/** An IPv4 address mapped into IPv6: the same in 16 bytes. */
export function mapped(text: string): Buffer {
  return Buffer.concat([Buffer.alloc(10), Buffer.of(0xff, 0xff), ip(text)]);
}

/** `'ip:port'` of a claim. */
export function addressOf({ addr, port }: { addr: Buffer; port: number }): string {
  return joinHostPort(ipFromBytes(addr) ?? 'no address', port);
}

function encodeAny(message: Message | UserMessage): Buffer {
  if (message.type !== MessageType.user) return encodeMessage(message);
  return Buffer.concat([Buffer.of(MessageType.user), message.payload]);
}
