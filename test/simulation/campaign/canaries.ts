/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Is the campaign any good? Each canary breaks one rule of the protocol, in a copy of the source, and
// the campaign must notice. A canary that does not fit the source any more says so.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One rule, and how it is broken. */
export interface Canary {
  /** What is wrong. */
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** A text that is there once. */
  readonly from: string;
  readonly to: string;
}

/** All canaries. */
export const canaries: readonly Canary[] = [
  {
    name: 'nobody refutes',
    file: 'core/membership/apply.ts',
    from: '    const incarnation = this.#self.incarnationAbove(claimed);',
    to: '    if (this.#self.name) return;\n    const incarnation = this.#self.incarnationAbove(claimed);',
  },
  {
    name: 'a refutation has no higher incarnation',
    file: 'core/incarnation.ts',
    from: 'return nextNumber(isNewer(claimed, own) ? claimed : own);',
    to: 'return isNewer(claimed, own) ? claimed : own;',
  },
  {
    name: 'old claims that somebody is alive are believed',
    file: 'core/membership/judge-alive.ts',
    from: 'if (!reclaim && !isNewer(facts.incarnation, member.incarnation))',
    to: 'if (!reclaim && facts.incarnation === member.incarnation && member.state === "alive")',
  },
  {
    name: 'old claims that somebody is dead are believed',
    file: 'core/membership/judge-dead.ts',
    from: 'if (member === undefined || isStale(member, claim, circumstances)) return',
    to: 'if (member === undefined) return',
  },
  {
    name: 'old suspicions are believed',
    file: 'core/membership/judge-suspect.ts',
    from: 'if (member === undefined || isStale(member, claim, circumstances)) return',
    to: 'if (member === undefined) return',
  },
  {
    name: 'the dead are never forgotten',
    file: 'core/membership/apply.ts',
    from: 'member.isGone && member.stateChangedAt < longAgo',
    to: 'member.isGone && member.stateChangedAt < 0 * longAgo',
  },
  {
    name: 'broadcasts are sent for ever',
    file: 'core/gossip/broadcast-queue.ts',
    from: 'if (entry.transmits < transmitLimit) this.#insert(entry);',
    to: 'if (entry.transmits < Infinity * transmitLimit) this.#insert(entry);',
  },
  {
    name: 'broadcasts are not sent at all',
    file: 'core/gossip/gossip-round.ts',
    from: 'if (!outbox.gossip(member.address)) return;',
    to: 'if (!member.address || !outbox) return;',
  },
  {
    name: 'a death is believed second-hand',
    file: 'core/membership/merge.ts',
    from: 'membership.suspect({ type: MessageType.suspect, node, incarnation, from: selfName });',
    to: 'membership.dead({ type: MessageType.dead, node, incarnation, from: selfName });',
  },
  {
    name: 'everybody who is dead is said to have left',
    file: 'core/membership/apply.ts',
    from: 'const left = from === name;',
    to: 'const left = from === name || this.#table.size > 0;',
  },
  {
    name: 'a suspicion goes on after its refutation',
    file: 'core/membership/suspicions.ts',
    from: '    this.#running.get(name)?.cancel();\n',
    to: '',
  },
  {
    name: 'a suspicion has no end',
    file: 'core/lifeguard/suspicion.ts',
    from: 'if (this.#over) return;\n    this.#over = true;',
    to: 'if (this.#minMs > 0) return;\n    this.#over = true;',
  },
  {
    name: 'a suspicion ends at once',
    file: 'core/lifeguard/formulas.ts',
    from: 'return Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));',
    to: 'return 0 * Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));',
  },
  {
    name: 'whoever says that we are dead is right',
    file: 'core/membership/judge-dead.ts',
    from: "circumstances.isSelf && !circumstances.leaving ? 'refute' : 'accept'",
    to: "circumstances.isSelf && !circumstances.leaving ? 'ignore' : 'accept'",
  },
  {
    name: 'a ping for somebody else is answered',
    file: 'core/probe/responder.ts',
    from: "if (ping.node !== '' && ping.node !== self.name) {",
    to: "if (ping.node !== '' && self.name === '') {",
  },
  {
    name: 'an update has no higher incarnation',
    file: 'core/engine.ts',
    from: '    this.self.nextIncarnation();\n    this.#membership',
    to: '    if (this.self.incarnation === 0) this.self.nextIncarnation();\n    this.#membership',
  },
  {
    name: 'a node is told of itself',
    file: 'core/membership/apply.ts',
    from: '    this.#broadcast(name, claim, finished);\n    if (name === this.#self.name) return;\n\n',
    to: '    this.#broadcast(name, claim, finished);\n\n',
  },
  {
    name: 'who recovers is told to join',
    file: 'core/membership/apply.ts',
    from: "before === undefined || before.state === 'dead' || before.state === 'left'",
    to: "before === undefined || before.state !== 'alive'",
  },
  {
    name: 'local health has no bound',
    file: 'core/lifeguard/local-health.ts',
    from: 'Math.min(this.#max, Math.max(0, this.#score + delta))',
    to: 'Math.min(this.#max + 5, Math.max(0, this.#score + delta))',
  },
  {
    name: 'any address may have a name that is held',
    file: 'core/membership/judge-alive.ts',
    from: "if (member.state === 'left') return true;",
    to: "if (member.state !== 'dead') return true;",
  },
  {
    name: 'schedulers go on after a shutdown',
    file: 'core/engine.ts',
    from: '    this.#running = false;\n    this.stopSchedulers();\n',
    to: '    this.#running = false;\n',
  },
  {
    name: 'acks are waited for after a shutdown',
    file: 'core/engine.ts',
    from: '    this.acks.clear();\n',
    to: '',
  },
];

/**
 * Runs the campaign against every canary, until it notices.
 *
 * @param options.seeds - the most that each is given
 * @returns 1 when one was not noticed or does not fit, else 0
 */
export async function runCanaries(options: { seeds: number }): Promise<number> {
  let missed = 0;
  for (const canary of canaries) {
    const finding = await tryOne(canary, options.seeds);
    if (finding === undefined) missed++;
    console.log(`${finding === undefined ? 'MISSED' : 'caught'}  ${canary.name}`);
    if (finding !== undefined) console.log(`        ${finding}`);
  }
  console.log(`${canaries.length - missed} of ${canaries.length} canaries were caught`);
  return missed > 0 ? 1 : 0;
}

/** What the campaign says about a broken copy; undefined when it finds nothing wrong. */
async function tryOne(canary: Canary, seeds: number): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-'));
  try {
    for (const part of ['src', 'test/simulation', 'package.json', 'tsconfig.json']) {
      cpSync(part, join(folder, part), { recursive: true });
    }
    symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
    const file = join(folder, 'src', canary.file);
    writeFileSync(file, broken(canary, readFileSync(file, 'utf8')));
    const script = join(folder, 'test/simulation/campaign/main.ts');
    const args = ['--seeds', String(seeds), '--max-nodes', '10', '--stop-at-first'];
    const output = await run(folder, [script, ...args]);
    return /^seed \d+ fails: .*/m.exec(output)?.[0];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function broken({ name, file, from, to }: Canary, source: string): string {
  const places = source.split(from).length - 1;
  if (places !== 1) {
    throw new Error(`"${name}" does not fit ${file}: its text is there ${places} times`);
  }
  return source.replace(from, () => to);
}

function run(cwd: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', ...args], { cwd });
    let output = '';
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      // The process itself may fall over what is broken; that is noticing, too.
      if (output.length > 1e6) child.kill();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    child.once('close', (code) => {
      const isFine = code === 0 || output.includes(' fails: ');
      resolve(isFine ? output : `seed 0 fails: the process ended with ${code}\n${output}`);
    });
  });
}
