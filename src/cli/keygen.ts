/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { Keyring } from '../security/keyring.js';
import { exitCodes, parseWords, UsageError, type Command } from './command.js';

/** Generates a key. */
export const keygen: Command = {
  summary: 'generate a key for a cluster',
  help: `usage: node-memberlist keygen [--bytes 16|24|32]

Prints a new random key in base64, for the option secretKey, for --key, or for Serf's -encrypt. Anyone
with the key can read and forge all traffic of the cluster: keep it in a secret store, not in a repository.

  --bytes N   16, 24 or 32 for AES-128, AES-192 or AES-256. Default: 32

  node-memberlist keygen > cluster.key
  node-memberlist agent --key-file cluster.key
`,
  run(words, io) {
    const { values, positionals } = parseWords(words, { bytes: { type: 'string' } });
    const bytes = Number(values.bytes ?? 32);
    if (positionals.length > 0) throw new UsageError(`keygen takes no '${positionals[0] ?? ''}'`);
    if (bytes !== 16 && bytes !== 24 && bytes !== 32) {
      throw new UsageError('--bytes must be 16, 24 or 32');
    }
    io.stdout.write(`${Keyring.generate(bytes).toString('base64')}\n`);
    return Promise.resolve(exitCodes.done);
  },
};
