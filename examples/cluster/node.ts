/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One node of the example: a process with a Memberlist. It reports what it observes to the director, which
// started it, and executes the director's commands. Started as
//
//     node.ts <name> <bind address> <bind port> <metadata>
import { Memberlist, type MemberEvent, type Node } from 'node-memberlist';
import type { Command, MemberView, Report } from './messages.js';

const [name = '', bindAddr = '', bindPort = '', firstMeta = ''] = process.argv.slice(2);
const viewIntervalMs = 500;

let meta = firstMeta;
const seen = new Set([name]);
const roundTripsMs = new Map<string, number>();

// Without its director this process is useless. Ctrl-C reaches every process of the terminal; the director handles
// it.
process.once('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);

async function run(): Promise<void> {
  const list = await Memberlist.create({
    name,
    bindAddr,
    bindPort: Number(bindPort),
    delegate: { nodeMeta: () => Buffer.from(meta) },
    ping: { notifyPingComplete: (other, rtt) => roundTripsMs.set(other.name, rtt) },
    logger: { debug: log, info: log, warn: log, error: log },
  });
  process.on('message', (command: Command) => void execute(list, command).catch(fail));
  report({ type: 'ready', at: Date.now() });
  reportView(list);
  const timer = setInterval(() => reportView(list), viewIntervalMs);

  // Ends when the list is shut down.
  for await (const event of list.events()) {
    reportEvent(event);
    reportView(list);
  }
  clearInterval(timer);
}

async function execute(list: Memberlist, command: Command): Promise<void> {
  switch (command.type) {
    case 'join':
      await list.join(command.seeds);
      break;
    case 'set-meta':
      meta = command.meta;
      await list.updateNode(); // calls `nodeMeta` again
      break;
    case 'leave':
      await list.leave(); // resolves when the leave has been broadcast
      await list.shutdown();
      break;
    case 'shutdown':
      await list.shutdown();
      break;
  }
}

function reportEvent(event: MemberEvent): void {
  if (!('node' in event) || event.type === 'flapping') return;
  seen.add(event.node.name);
  const change = event.type === 'leave' ? event.reason : event.type;
  report({ type: 'event', at: Date.now(), change, member: viewOf(event.node) });
}

// `members()` returns alive and suspect members; `member()` also returns dead and left ones for a while.
function reportView(list: Memberlist): void {
  const members = [...seen].flatMap((other) => list.member(other) ?? []).map(viewOf);
  report({ type: 'view', at: Date.now(), members });
}

function viewOf({ name, address, state, meta }: Node): MemberView {
  return { name, address, state, meta: meta.toString(), roundTripMs: roundTripsMs.get(name) };
}

function log(message: string, fields: object = {}): void {
  report({ type: 'log', at: Date.now(), message, fields });
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  report({ type: 'failed', at: Date.now(), message });
  process.exitCode = 1;
}

// A missing director is detected by 'disconnect', not here.
function report(what: Report): void {
  process.send?.(what, undefined, undefined, () => undefined);
}

await run().catch(fail);
// Only the channel to the director is still open, so the process can exit.
process.channel?.unref();
