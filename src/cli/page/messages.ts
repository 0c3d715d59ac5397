/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The messages of /events, from the server to the page's script. Types only: both sides use them.
import type { MemberState } from '../../core/member.js';

/** One row of the table. Texts that peers chose are printable and of bounded length. */
export interface ShownMember {
  readonly name: string;
  readonly address: string;
  /** `dead` is shown as "failed". */
  readonly state: MemberState;
  readonly incarnation: number;
  readonly meta: string;
  /** Whether it is the node that serves the page. */
  readonly isSelf: boolean;
  /** When it entered a state other than alive, in Unix milliseconds on the agent's clock; absent if unknown. */
  readonly since?: number;
  /** How often it failed recently; present while it is flapping. */
  readonly failures?: number;
}

/** Event `members`: the whole table. Sent when it has changed. */
export interface MembersMessage {
  /** At most 2,000; members with problems come first. */
  readonly members: readonly ShownMember[];
  /** The number of members that are not in the list: all alive or left, unless thousands have problems. */
  readonly notShown: number;
}

/** A member answered a probe directly: its name, the round trip in milliseconds, and the agent's Unix time. */
export type ProbeResult = readonly [name: string, roundTripMs: number, at: number];

/** Event `probes`: the last result of each member, for a browser that has just connected. */
export type ProbesMessage = readonly ProbeResult[];

/** A suspicion: which member suspected which other member. */
export interface Suspicion {
  readonly at: number;
  readonly by: string;
  readonly of: string;
}

/** Event `status`: the heartbeat, once a second. */
export interface StatusMessage {
  /** The agent's clock, in Unix milliseconds. */
  readonly at: number;
  readonly name: string;
  readonly address: string;
  /** The version of node-memberlist. */
  readonly version: string;
  /** Empty if there is none. */
  readonly label: string;
  /** Such as `off` or `AES-256-GCM, 2 keys`. */
  readonly encryption: string;
  readonly uptimeMs: number;
  /** 0 is healthy. */
  readonly healthScore: number;
  readonly isLeaving: boolean;
  readonly counts: Readonly<Record<MemberState | 'flapping', number>>;
  readonly numbers: Readonly<Record<'queue' | 'packets', number>>;
  /** Messages that were dropped since the start, by reason; only reasons that occurred. */
  readonly drops: readonly (readonly [reason: string, count: number])[];
  /** Of the last minute. */
  readonly suspicions: readonly Suspicion[];
  /** Results since the last heartbeat. */
  readonly probes: ProbesMessage;
}

/** A topic of the message bus. */
export interface ShownTopic {
  readonly topic: string;
  readonly messages: number;
  readonly bytes: number;
  /** The member that published the last message, and its time in Unix milliseconds. */
  readonly publisher: string;
  readonly at: number;
}

/** A publisher of the message bus. */
export interface ShownPublisher {
  readonly name: string;
  readonly bootId: string;
  /** The number of its last message. */
  readonly seq: number;
  readonly retained: number;
  /** Whether it left, failed or restarted. */
  readonly isGone: boolean;
  readonly gaps: number;
  readonly missed: number;
}

/** Event `bus`: the message bus, if the agent has one. Sent when it has changed, once a second at most. */
export interface BusView {
  /** The 50 with the most messages, by name. */
  readonly topics: readonly ShownTopic[];
  readonly topicsNotShown: number;
  /** Messages of all topics. */
  readonly messages: number;
  /** At most 50; those with gaps come first. */
  readonly publishers: readonly ShownPublisher[];
  readonly publishersNotShown: number;
  readonly gaps: number;
  readonly missed: number;
  readonly retained: number;
  readonly retainedBytes: number;
}

/** The map of a node in the shared state. */
export interface ShownStateNode {
  readonly name: string;
  /** How many keys it has. */
  readonly keys: number;
  /** The first ones by name, with their values as text, truncated. */
  readonly values: readonly (readonly [key: string, value: string])[];
}

/** Event `state`: the shared state, if the agent has it. Sent when it has changed, once a second at most. */
export interface StateView {
  /** At most 100, by name. */
  readonly nodes: readonly ShownStateNode[];
  readonly nodesNotShown: number;
  /** Of all nodes. */
  readonly keys: number;
  readonly bytes: number;
}

/** One entry of `history` and `events`. */
export interface ShownEvent {
  /** Counts up from 1 since the agent started. */
  readonly seq: number;
  /** Unix time in milliseconds. */
  readonly at: number;
  readonly kind:
    | 'join'
    | 'left'
    | 'failed'
    | 'update'
    | 'suspect'
    | 'refute'
    | 'conflict'
    | 'flapping'
    | 'isolated'
    | 'minority'
    | 'quorum-restored'
    | 'health'
    | 'message';
  readonly subject: string;
  readonly detail: string;
}
