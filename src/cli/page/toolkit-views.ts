/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The message bus and the shared state, as the page shows them. Names, keys and values come from peers: the numbers of rows
// and the lengths of texts are limited, and only what is shown is decoded.
import type { Bus } from '../../bus/index.js';
import type { State } from '../../state/index.js';
import type { Clock } from '../../core/ports.js';
import { printable } from '../../wire/printable.js';
import { valueText } from '../shown-value.js';
import { Cached, nextTurn } from './cached.js';
import { pageLimits } from './limits.js';
import type { BusView, ShownPublisher, ShownStateNode, ShownTopic, StateView } from './messages.js';
import { eventBytes, shownName } from './watch.js';

/** The part of the toolkit that the page uses. */
export interface ShownToolkit {
  readonly bus?: Pick<Bus, 'stats'> | undefined;
  readonly state?: Pick<State, 'names' | 'keys' | 'get' | 'sizes'> | undefined;
}

/** Times of the same message that differ by less are the same, in milliseconds. */
const SAME_TIME_MS = 100;

/** Creates the messages for viewers, at most one of each per heartbeat. */
export class ToolkitViews {
  /** By the name of the message; only what the agent has. */
  readonly #views = new Map<string, Cached<Buffer>>();
  readonly #toolkit: ShownToolkit;
  #topicTimes = new Map<string, number>();

  constructor({ clock }: { clock: Clock }, toolkit: ShownToolkit) {
    this.#toolkit = toolkit;
    const add = (name: string, create: () => Promise<BusView | StateView>): void => {
      let last: Buffer = Buffer.alloc(0);
      const createSame = async (): Promise<Buffer> => {
        const bytes = eventBytes(name, await create());
        // Viewers do not receive the same bytes again.
        if (!bytes.equals(last)) last = bytes;
        return last;
      };
      const maxAgeMs = (): number => pageLimits.heartbeatMs / 2;
      this.#views.set(name, new Cached({ clock }, { create: createSame, maxAgeMs }));
    };
    if (toolkit.bus !== undefined) add('bus', () => Promise.resolve(this.#busView()));
    if (toolkit.state !== undefined) add('state', () => this.#stateView());
  }

  /** The current messages. A message that has not changed is the same object. */
  async messages(): Promise<Map<string, Buffer>> {
    const messages = new Map<string, Buffer>();
    for (const [name, view] of this.#views) messages.set(name, await view.get());
    return messages;
  }

  #busView(): BusView {
    const stats = this.#toolkit.bus?.stats();
    const {
      topics = [],
      publishers = [],
      gaps = [],
      otherMessages = 0,
      retainedBytes = 0,
    } = stats ?? {};
    const now = Date.now();
    const times = new Map<string, number>();
    const busiest = [...topics].sort((a, b) => b.messages - a.messages);
    const shownTopics = busiest.slice(0, pageLimits.topicsShown).map((each): ShownTopic => {
      const { topic, messages, bytes, lastPublisher, lastAgo } = each;
      const at = this.#sameTime(topic, Math.round(now - lastAgo));
      times.set(topic, at);
      return { topic: shownName(topic), messages, bytes, publisher: shownName(lastPublisher), at };
    });
    this.#topicTimes = times;
    const gapsOf = new Map(gaps.map((each) => [each.publisher, each]));
    const all = publishers.map(({ publisher, bootId, seq, retained, isGone }): ShownPublisher => {
      const { gaps: count = 0, missed = 0 } = gapsOf.get(publisher) ?? {};
      const name = shownName(publisher);
      return { name, bootId, seq, retained, isGone, gaps: count, missed };
    });
    // Those with gaps first.
    all.sort((a, b) => b.gaps - a.gaps || (a.name < b.name ? -1 : 1));
    const { publishersShown } = pageLimits;
    return {
      topics: shownTopics.sort((a, b) => (a.topic < b.topic ? -1 : 1)),
      topicsNotShown: topics.length - shownTopics.length,
      messages: topics.reduce((sum, { messages }) => sum + messages, otherMessages),
      publishers: all.slice(0, publishersShown),
      publishersNotShown: Math.max(0, all.length - publishersShown),
      gaps: gaps.reduce((sum, each) => sum + each.gaps, 0),
      missed: gaps.reduce((sum, each) => sum + each.missed, 0),
      retained: publishers.reduce((sum, { retained }) => sum + retained, 0),
      retainedBytes,
    };
  }

  /** The difference of two clocks is not exact; a time that changes would send the whole message again. */
  #sameTime(topic: string, at: number): number {
    const before = this.#topicTimes.get(topic);
    return before !== undefined && Math.abs(before - at) < SAME_TIME_MS ? before : at;
  }

  async #stateView(): Promise<StateView> {
    const { state } = this.#toolkit;
    if (state === undefined) return { nodes: [], nodesNotShown: 0, keys: 0, bytes: 0 };
    const { stateNodesShown, stateKeysShown, stateValuesShown, valueCharacters } = pageLimits;
    const names = [...state.names()].sort();
    const nodes: ShownStateNode[] = [];
    let room: number = stateValuesShown;
    for (const name of names.slice(0, stateNodesShown)) {
      const keys = [...state.keys(name)].sort();
      const values = keys.slice(0, Math.min(room, stateKeysShown)).map((key) => {
        const text = valueText(state.get(name, key), valueCharacters);
        return [printable(key, valueCharacters), text] as const;
      });
      room -= values.length;
      nodes.push({ name: shownName(name), keys: keys.length, values });
      await nextTurn();
    }
    const { keys, bytes } = state.sizes;
    return { nodes, nodesNotShown: names.length - nodes.length, keys, bytes };
  }
}
