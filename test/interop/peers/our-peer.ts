/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node of ours as a program, so that it can be killed; it takes the same commands as go-peer.
import { createInterface } from 'node:readline';
import { OurCommands } from './our-commands.js';
import type { Command, PeerSettings } from './peer.js';

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

const settings = JSON.parse(process.argv[2] ?? '{}') as PeerSettings;
const commands = await OurCommands.start(settings, say);
say({ ready: true });

const lines = createInterface(process.stdin);
lines.on('line', (text) => {
  const { id, ...command } = JSON.parse(text) as Command & { id: number };
  commands.execute(command).then(
    (result) => say({ id, result }),
    (error: unknown) => say({ id, error: String(error) }),
  );
});
lines.on('close', () => process.exit(0));
