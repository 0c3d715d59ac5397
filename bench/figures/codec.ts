/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encoding and decoding of single messages.

import { encodeMessage } from '../../src/wire/message-codec.js';
import { messagesOf, type MessageKind } from '../members.js';
import { assertSame, wallRow, type Figure } from '../stage.js';
import type { Row } from '../rows.js';

const kinds: readonly MessageKind[] = ['alive', 'ping', 'suspect'];
const names = { alive: 'alive, 35 bytes of metadata', ping: 'ping', suspect: 'suspect' };
const count = 1000;
const mark = { kind: 'ratio', most: 0.5 } as const;

export const encode: Figure = {
  name: 'encode',
  title: 'Encode',
  work: `A message into bytes of its own, type byte included, for ${count} different ones in turn. Go: what
memberlist's unexported \`encode\` does (a new buffer, handle and encoder of go-msgpack for each), with
structs of the same fields. The bytes of both sides are equal.`,
  measure: async (stage) => {
    const rows: Row[] = [];
    for (const kind of kinds) {
      const compared = await stage.compare('encode', {
        kind,
        count,
        minMs: stage.effort.roundMs,
      });
      assertSame(`encode ${kind}`, compared, ({ digest }) => digest);
      rows.push(wallRow(names[kind], 'ns', compared, { mark }));
    }
    return { rows };
  },
};

export const decode: Figure = {
  name: 'decode',
  title: 'Decode',
  work: `The bytes of a message into its fields, for ${count} different ones in turn. Go: what memberlist's
unexported \`decode\` does (a new reader, handle and decoder for each). Both sides add up numbers and
lengths of what they read, and come to the same.`,
  measure: async (stage) => {
    const rows: Row[] = [];
    for (const kind of kinds) {
      const messages = messagesOf(kind, count).map((each) =>
        encodeMessage(each).toString('base64'),
      );
      const task = { kind, messages, minMs: stage.effort.roundMs };
      const compared = await stage.compare('decode', task);
      assertSame(`decode ${kind}`, compared, ({ sum }) => sum);
      rows.push(wallRow(names[kind], 'ns', compared, { mark }));
    }
    return { rows };
  },
};
