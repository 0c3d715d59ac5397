/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rules of the message bus, each broken in its own way.

import type { Canary } from './canary.js';

const part = 'bus';

/** The canaries of the bus. */
export const busCanaries: readonly Canary[] = [
  {
    part,
    name: 'the bus delivers a message that arrives again',
    file: 'bus/publisher-stream.ts',
    from:
      '    if (seq < this.#next || this.#early.has(seq)) {\n      this.#sink.duplicate(1);\n' +
      '      return false;\n    }\n    if (seq === this.#next) {',
    to: '    if (seq <= this.#next) {',
  },
  {
    part,
    name: 'the bus delivers messages in the order of their arrival',
    file: 'bus/publisher-stream.ts',
    from: '    if (seq === this.#next) {',
    to: '    if (seq >= this.#next) {',
  },
  {
    part,
    needsFaults: true,
    name: 'the bus fetches nothing',
    file: 'bus/repair.ts',
    from: 'if (target !== name) link.send(',
    to: 'if (target === name) link.send(',
  },
  {
    part,
    needsFaults: true,
    name: 'a gap counts one message too many',
    file: 'bus/publishers.ts',
    from: 'this.#gap({ publisher, bootId: boot, missed });',
    to: 'this.#gap({ publisher, bootId: boot, missed: missed + 1 });',
  },
  {
    part,
    needsFaults: true,
    name: 'messages are passed over without a gap',
    file: 'bus/publisher-stream.ts',
    from: '        this.#sink.gap(this, missed);\n',
    to: '        if (missed > 1e6) this.#sink.gap(this, missed);\n',
  },
  {
    part,
    needsFaults: true,
    name: 'a publisher that died leaves no gap',
    file: 'bus/publishers.ts',
    from: 'if (final === undefined || stream.next <= final) {',
    to: 'if (final !== undefined && stream.next <= final) {',
  },
  {
    part,
    name: 'a new member starts at the first message',
    file: 'bus/welcomes.ts',
    from: '    const base = this.#baseOf(name, hello);\n',
    to: '    const base = 0 * this.#baseOf(name, hello);\n',
  },
  {
    part,
    name: 'retained messages have no limit but their age',
    file: 'bus/retained.ts',
    from: 'const isExcessive = this.size > count || this.#bytes > bytes || now - at > ageMs;',
    to: 'const isExcessive = count + bytes < 0 || now - at > ageMs;',
  },
  {
    part,
    name: 'retained messages never expire',
    file: 'bus/retained.ts',
    from: 'const isExcessive = this.size > count || this.#bytes > bytes || now - at > ageMs;',
    to: 'const isExcessive = this.size > count || this.#bytes > bytes || now - at > ageMs * 1e9;',
  },
  {
    part,
    needsFaults: true,
    name: 'a publisher that was dropped starts anew when it returns',
    file: 'bus/publishers.ts',
    from: 'next: this.#tombstones.get(key) ?? next,',
    to: 'next,',
  },
  {
    part,
    needsFaults: true,
    name: 'the bus confirms what it has not delivered',
    file: 'bus/incoming.ts',
    from:
      '  #acknowledge({ publisher, boot, unbrokenFrom: from, next }: PublisherStream): void {\n' +
      "    const frame = encodeFrame({ type: 'ack', boot, from, through: next - 1 });",
    to:
      '  #acknowledge({ publisher, boot, unbrokenFrom: from, high }: PublisherStream): void {\n' +
      "    const frame = encodeFrame({ type: 'ack', boot, from, through: high });",
  },
  {
    part,
    needsFaults: true,
    name: 'a member that is gone counts as one that confirmed',
    file: 'bus/confirmations.ts',
    from: '      pending.gone.push(name);\n',
    to: '      pending.confirmed.push(name);\n',
  },
  {
    part,
    name: 'confirmations continue to wait after the shutdown',
    file: 'bus/confirmations.ts',
    from: '    for (const pending of this.#pending) this.#finish(pending);\n',
    to: '',
  },
  {
    part,
    needsFaults: true,
    name: 'a request that arrives again is handled again',
    file: 'bus/responder.ts',
    from: '    if (known !== undefined) {\n',
    to: '    if (known !== undefined && known.until < 0) {\n',
  },
];
