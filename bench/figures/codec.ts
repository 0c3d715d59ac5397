/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encoding and decoding of single messages.

import { encodeMessage } from '../../src/wire/message-codec.js';
import { messagesOf, type MessageKind } from '../members.js';
import { assertSame, wallRow, type Figure } from '../harness.js';
import type { Row } from '../rows.js';

const kinds: readonly MessageKind[] = ['alive', 'ping', 'suspect'];
const names = { alive: 'alive, 35 bytes of metadata', ping: 'ping', suspect: 'suspect' };
const count = 1000;
const mark = { kind: 'ratio', most: 0.5 } as const;

export const encode: Figure = {
  name: 'encode',
  title: 'Encode',
  work: `Encodes a message into its own buffer, including the type byte, for ${count} different messages in turn. Go:
memberlist's unexported \`encode\` (a new buffer, handle and encoder of go-msgpack for each message), with structs of
the same fields. The bytes of both sides are equal.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    for (const kind of kinds) {
      const compared = await harness.compare('encode', {
        kind,
        count,
        minMs: harness.effort.roundMs,
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
  work: `Decodes a message into its fields, for ${count} different messages in turn. Go: memberlist's unexported
\`decode\` (a new reader, handle and decoder for each message). Both sides sum the numbers and lengths that they
read, with the same result.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    for (const kind of kinds) {
      const messages = messagesOf(kind, count).map((each) =>
        encodeMessage(each).toString('base64'),
      );
      const task = { kind, messages, minMs: harness.effort.roundMs };
      const compared = await harness.compare('decode', task);
      assertSame(`decode ${kind}`, compared, ({ sum }) => sum);
      rows.push(wallRow(names[kind], 'ns', compared, { mark }));
    }
    return { rows };
  },
};
