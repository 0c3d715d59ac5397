/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The servers of the other systems: on a loopback address and a free port, without persistence. They end with this
// process, whatever ends it, as long as it can still run a handler.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { missingPrograms, type DebianProgram } from '../../test/interop/debian-programs.js';
import type { SystemName } from './tasks.js';

const redis: DebianProgram = {
  program: 'redis-server',
  debianPackage: 'redis-server',
  versionArgs: ['--version'],
};
const nats: DebianProgram = {
  program: 'nats-server',
  debianPackage: 'nats-server',
  versionArgs: ['--version'],
};

/** Installs the servers if they are missing. @returns what is still missing, with instructions */
export function missingServers(): string[] {
  // Where Debian has nats-server; not on the path of all users.
  process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin`;
  return missingPrograms([redis, nats]);
}

/** Not an address of any node. */
const host = '127.4.0.1';
const startMs = 10_000;

/** Starts the server of a system; undefined if it has none. */
export async function startServer(system: SystemName): Promise<Server | undefined> {
  if (system === 'ours' || system === 'floor') return undefined;
  const port = await freePort();
  return system === 'Redis' ? startRedis(port) : startNats(port);
}

function startRedis(port: number): Promise<Server> {
  const words = `--bind ${host} --port ${port} --appendonly no --daemonize no --save`.split(' ');
  return Server.start(redis.program, port, (folder) => [...words, '', '--dir', folder]);
}

function startNats(port: number): Promise<Server> {
  return Server.start(nats.program, port, () => ['--addr', host, '--port', String(port)]);
}

/** A running server. */
export class Server implements AsyncDisposable {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #end = (): void => {
    this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  };

  private constructor(child: ChildProcess, address: string, folder: string) {
    this.#child = child;
    this.address = address;
    this.#folder = folder;
    process.once('exit', this.#end);
  }

  static async start(
    program: string,
    port: number,
    argsOf: (folder: string) => string[],
  ): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), 'memberlist-bench-'));
    const child = spawn(program, argsOf(folder), { cwd: folder, stdio: 'pipe' });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-2_000);
      });
    }
    child.once('error', ({ message }) => {
      log += message;
    });
    const server = new Server(child, `${host}:${port}`, folder);
    const endAt = performance.now() + startMs;
    while (!(await accepts(port))) {
      if (performance.now() < endAt && child.exitCode === null && child.pid !== undefined) {
        await wait(20);
        continue;
      }
      await server[Symbol.asyncDispose]();
      throw new Error(`${program} does not start: ${log}`);
    }
    return server;
  }

  /** Processor time of all threads so far. */
  cpuNs(): number {
    const folder = `/proc/${this.#child.pid ?? ''}/task`;
    return readdirSync(folder).reduce((sum, thread) => sum + threadNs(`${folder}/${thread}`), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#end);
    const { exitCode, signalCode, pid } = this.#child;
    const isRunning = pid !== undefined && exitCode === null && signalCode === null;
    const ended = isRunning ? once(this.#child, 'exit') : undefined;
    this.#end();
    await ended;
  }
}

/** The first number of `schedstat` is the time on a processor, in nanoseconds. */
function threadNs(folder: string): number {
  return Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function accepts(port: number): Promise<boolean> {
  const socket = connect(port, host);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).then((accepted) => {
    socket.destroy();
    return accepted as boolean;
  });
}
