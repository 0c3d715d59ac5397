/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node of ours in the test's own process.
import type { Logger } from '../../../src/index.js';
import { OurCommands } from './our-commands.js';
import { Peer, type Command } from './peer.js';

export class OurNode extends Peer {
  #commands: OurCommands | undefined;
  #log = '';

  /** Its log, in the format of memberlist's own log. */
  override get log(): string {
    return this.#log;
  }

  override async start(): Promise<void> {
    const write = (level: string) => (message: string) => {
      this.#log += `${new Date().toISOString()} [${level}] ${message}\n`;
    };
    const logger: Logger = {
      debug: write('DEBUG'),
      info: write('INFO'),
      warn: write('WARN'),
      error: write('ERR'),
    };
    this.#commands = await OurCommands.start(this.settings, (event) => this.emit(event), {
      logger,
    });
  }

  override async kill(): Promise<void> {
    const commands = this.#commands;
    this.#commands = undefined;
    await commands?.end();
  }

  protected override async call(command: Command): Promise<unknown> {
    this.#log += `${new Date().toISOString()} [DEBUG] command: ${JSON.stringify(command).slice(0, 120)}\n`;
    if (this.#commands === undefined) throw new Error(`${this.name} does not run`);
    return this.#commands.execute(command);
  }
}
