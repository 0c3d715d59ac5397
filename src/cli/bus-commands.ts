/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The agent's commands for the message bus, and its lines for what the bus delivers.
import type { Bus, BusMessage } from '../bus/index.js';
import { textOfPayload } from './agent-events.js';
import type { CommandLine, Commands } from './agent-toolkit.js';

const usages = {
  publish: 'publish [--confirm] TOPIC TEXT',
  subscribe: 'subscribe TOPIC',
  unsubscribe: 'unsubscribe TOPIC',
  request: 'request TOPIC TEXT',
  respond: 'respond TOPIC [TEXT]',
  topics: 'topics',
} as const;

type BusCommand = keyof typeof usages;

/** Commands of an agent with `--bus`. */
export class BusCommands implements Commands {
  readonly #bus: Bus | undefined;
  readonly #write: (line: object) => void;
  readonly #subscribed = new Map<string, () => void>();
  readonly #answers = new Map<string, () => void>();

  constructor(bus: Bus | undefined, write: (line: object) => void) {
    this.#bus = bus;
    this.#write = write;
    bus?.on('gap', ({ publisher, bootId, missed }) =>
      // A publisher that died leaves it open how much is missing.
      write({ event: 'gap', publisher, bootId, missed: missed ?? 'unknown' }),
    );
  }

  execute(line: CommandLine): Promise<object> | object | undefined {
    if (!Object.hasOwn(usages, line.command)) return undefined;
    const command = line.command as BusCommand;
    const bus = this.#bus;
    if (bus === undefined) throw new Error(`${command} needs a bus: start the agent with --bus`);
    switch (command) {
      case 'publish':
        return publish(bus, line);
      case 'subscribe':
        return this.#subscribe(bus, topicOf(command, line.words));
      case 'unsubscribe':
        return this.#unsubscribe(topicOf(command, line.words));
      case 'request':
        return this.#request(bus, topicOf(command, line.words), line.textAfter(2));
      case 'respond':
        return this.#respond(bus, topicOf(command, line.words), line.textAfter(2));
      case 'topics': {
        const { topics, otherMessages } = bus.stats();
        const rows = topics.map(({ topic, messages, bytes, lastPublisher, lastAgo }) => {
          return { topic, messages, bytes, last: lastPublisher, agoMs: Math.round(lastAgo) };
        });
        rows.sort((a, b) => b.messages - a.messages);
        return { topics: rows, ...(otherMessages > 0 && { otherMessages }) };
      }
    }
  }

  #subscribe(bus: Bus, topic: string): object {
    if (this.#subscribed.has(topic)) throw new Error(`already subscribed to '${topic}'`);
    const end = bus.subscribe(topic, (message) => this.#received(message));
    this.#subscribed.set(topic, end);
    return { topic };
  }

  #unsubscribe(topic: string): object {
    const end = this.#subscribed.get(topic);
    if (end === undefined) {
      const topics = [...this.#subscribed.keys()].slice(0, 10).join(', ');
      throw new Error(`not subscribed to '${topic}', but to: ${topics === '' ? 'none' : topics}`);
    }
    end();
    this.#subscribed.delete(topic);
    return { topic };
  }

  async #request(bus: Bus, topic: string, text: string): Promise<object> {
    let answers = 0;
    for await (const { from, payload } of bus.request(topic, Buffer.from(text))) {
      answers++;
      this.#write({ event: 'bus-answer', topic, from, ...shownPayload(payload) });
    }
    return { topic, answers };
  }

  /** Without a text it answers no longer. */
  #respond(bus: Bus, topic: string, text: string): object {
    this.#answers.get(topic)?.();
    this.#answers.delete(topic);
    if (text === '') return { topic, answers: false };
    const end = bus.respond(topic, (payload, { from }) => {
      this.#write({ event: 'bus-request', topic, from, ...shownPayload(payload) });
      return Buffer.from(text);
    });
    this.#answers.set(topic, end);
    return { topic, answers: true };
  }

  #received({ topic, publisher, id, payload }: BusMessage): void {
    this.#write({ event: 'bus-message', topic, publisher, id, ...shownPayload(payload) });
  }
}

async function publish(bus: Bus, { words, textAfter }: CommandLine): Promise<object> {
  if (words[0] !== '--confirm') {
    return bus.publish(topicOf('publish', words), Buffer.from(textAfter(2)));
  }
  const topic = topicOf('publish', words.slice(1));
  return bus.publish(topic, Buffer.from(textAfter(3)), { confirm: true });
}

function topicOf(command: BusCommand, [topic]: readonly string[]): string {
  if (topic === undefined) throw new Error(`the topic is missing: ${usages[command]}`);
  return topic;
}

function shownPayload(payload: Buffer): { text: string; bytes: string } {
  return { text: textOfPayload(payload), bytes: payload.toString('base64') };
}
