/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node without a logger, with a listener that throws. It prints `turned` to stdout or the descriptor
// TURNED_FD once the event loop has turned after that, and ends.
//
// default-log-child.ts BIND LOGGER FILL
//
// LOGGER is `default` or `false`; with FILL a blocking process fills stderr first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { Memberlist, type Logger } from '../../src/index.js';

const [bindAddr = '', kind = '', fill] = process.argv.slice(2);
if (fill !== undefined) {
  // Node opens stderr at the first use; a child that inherits it afterwards makes it blocking.
  process.stderr.on('error', () => undefined);
  const child = spawn('sh', ['-c', 'head -c 4000000 /dev/zero | tr "\\0" x >&2'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // It does not end while its output is not read; by then the buffer is full.
  await Promise.race([once(child, 'exit'), new Promise((done) => setTimeout(done, 500))]);
  process.on('exit', () => child.kill('SIGKILL'));
}
const logger: { logger?: Logger | false } = kind === 'false' ? { logger: false } : {};
const list = await Memberlist.create({ name: 'one', bindAddr, bindPort: 0, ...logger });
const other = await Memberlist.create({ name: 'two', bindAddr, bindPort: 0, ...logger });
list.on('join', function whenJoined() {
  throw new TypeError('boo\u001b[2J');
});
await other.join([list.localNode.address]);
await list.ready();
await new Promise((done) => setImmediate(done));
await list.ping('two');
await Promise.all([list.shutdown(), other.shutdown()]);
writeSync(Number(process.env.TURNED_FD ?? 1), 'turned\n');
process.exit();
