/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cluster of three agents and two of our nodes with the Serf extension.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyring, Memberlist } from '../../src/index.js';
import { serf, type Serf } from '../../src/serf/index.js';
import { eventually } from './eventually.js';
import { SerfAgent, type SerfProgram } from './serf-agent.js';

/** Which agents, where, and whether the cluster is encrypted. */
export interface Setting {
  readonly program: SerfProgram;
  readonly network: string;
  readonly isEncrypted: boolean;
}

/** The agents and our nodes. */
export class Mixed {
  readonly #setting: Setting;
  readonly folder = mkdtempSync(join(tmpdir(), 'serf-commands-'));
  readonly key = Keyring.generate();
  readonly agents: [SerfAgent, SerfAgent, SerfAgent];
  readonly guests: [Serf, Serf];
  readonly events: string[] = [];
  readonly lists: Memberlist[] = [];

  constructor(setting: Setting) {
    this.#setting = setting;
    this.agents = [1, 2, 3].map((n) => this.agent(`serf-${n}`, n)) as typeof this.agents;
    this.guests = [1, 2].map((n) => this.#guest(n)) as typeof this.guests;
  }

  agent(name: string, n: number): SerfAgent {
    const { program, network, isEncrypted } = this.#setting;
    const keyringFile = join(this.folder, `${name}-${n}.json`);
    if (isEncrypted)
      writeFileSync(keyringFile, JSON.stringify([this.#primaryKey.toString('base64')]));
    return new SerfAgent({
      program,
      name,
      ip: `${network}.${n}`,
      tags: { role: 'db', n: `${n}` },
      args: [
        ...(isEncrypted ? [`-keyring-file=${keyringFile}`] : []),
        ...(n === 3 ? [`-snapshot=${join(this.folder, 'snapshot')}`] : []),
      ],
    });
  }

  /** The key of those that start now. */
  get #primaryKey(): Buffer {
    return this.lists[0]?.keyring?.primaryKey ?? this.key;
  }

  async node(name: string, n: number, extension: Serf): Promise<Memberlist> {
    const list = await Memberlist.create({
      use: [extension],
      name,
      bindAddr: `${this.#setting.network}.${n}`,
      logger: false,
      ...(this.#setting.isEncrypted && { secretKey: this.#primaryKey }),
    });
    this.lists.push(list);
    return list;
  }

  async start(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.start()));
    const [first, second, third] = this.agents;
    await second.join(first.address);
    await third.join(first.address);
    for (const [i, guest] of this.guests.entries()) {
      const list = await this.node(`ours-${i + 1}`, 11 + i, guest);
      await list.join([first.address]);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...this.lists.map((list) => list.shutdown()),
      ...this.agents.map((agent) => agent.kill()),
    ]);
    rmSync(this.folder, { recursive: true });
  }

  /** Waits until agents and our nodes all have this status for a member; undefined for none. */
  async allSee(
    name: string,
    status: string | undefined,
    except: readonly string[] = [],
  ): Promise<void> {
    for (const agent of this.agents.filter((each) => !except.includes(each.name))) {
      await eventually(
        `${agent.name} reports ${name} as ${status}`,
        async () => (await agent.members()).get(name)?.status,
        (seen) => seen === status,
      );
    }
    for (const [i, guest] of this.guests.entries()) {
      if (except.includes(`ours-${i + 1}`)) continue;
      await eventually(
        `ours-${i + 1} reports ${name} as ${status}`,
        () => guest.members().find((member) => member.name === name)?.status,
        (seen) => seen === status,
      );
    }
  }

  #guest(n: number): Serf {
    const guest = serf({ tags: { role: 'web', n: `${n}` } });
    guest.on('event', ({ name, payload }) =>
      this.events.push(`ours-${n} ${name} ${payload.toString()}`),
    );
    guest.respond('who', ({ payload }) => `ours-${n} got ${payload.toString()}`);
    return guest;
  }
}
