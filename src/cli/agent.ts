/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A member as a process: it writes events as lines of JSON and reads commands as lines of text.
import { lanConfig, localConfig, wanConfig } from '../config/presets.js';
import type { MemberlistConfig } from '../config/options.js';
import { JoinError } from '../errors.js';
import { Memberlist } from '../memberlist.js';
import { readKeyringFile, serf, type Serf } from '../serf/index.js';
import { printableLines } from '../wire/printable.js';
import { textOfPayload, writeEvents, writeMessages } from './agent-events.js';
import { toolkitOf, type Toolkit } from './agent-toolkit.js';
import { preparePage, type PreparedPage } from './agent-page.js';
import { AgentCommands, commandsHelp } from './agent-commands.js';
import { BoundedOutput } from './bounded-output.js';
import {
  addressIn,
  exitCodes,
  numberOf,
  parseWords,
  textOf,
  UsageError,
  type Command,
  type Io,
  type Values,
} from './command.js';
import { loggerTo } from './log-lines.js';
import { lineFormat, type LineFormat } from './line-format.js';
import type { Page } from './page/server.js';
import { nodeAsJson } from './show-meta.js';
import { keysOf } from './temporary-node.js';

/** How long an agent whose output is not read waits for its last lines to be read, in milliseconds. */
const FLUSH_MS = 1_000;
const presets = { lan: lanConfig, wan: wanConfig, local: localConfig };
const options = {
  name: { type: 'string' },
  bind: { type: 'string' },
  advertise: { type: 'string' },
  join: { type: 'string', multiple: true },
  key: { type: 'string' },
  'key-file': { type: 'string' },
  label: { type: 'string' },
  meta: { type: 'string' },
  serf: { type: 'boolean' },
  tag: { type: 'string', multiple: true },
  bus: { type: 'boolean' },
  'bus-name': { type: 'string' },
  state: { type: 'boolean' },
  'keyring-file': { type: 'string' },
  'serf-snapshot': { type: 'string' },
  preset: { type: 'string' },
  http: { type: 'string' },
  'http-name': { type: 'string', multiple: true },
  'log-level': { type: 'string' },
  format: { type: 'string' },
  plaintext: { type: 'boolean' },
  'leave-timeout': { type: 'string' },
} as const;

/** Runs a member. */
export const agent: Command = {
  summary: 'run a member: events as JSON lines, commands on standard input',
  help: `usage: node-memberlist agent [options]

Runs one member of a cluster until it receives a signal or the command 'leave'. Each event is one line
on standard output, in JSON unless that is a terminal: started, joined, join-failed, join, leave, update,
suspect, refute, conflict, flapping, isolated, minority, quorum-restored, message, user-event, query,
bus-message, bus-request, bus-answer, gap, state, health, dropped, left, leave-failed. Log lines go to
standard error. An output that is not read does not stop the member: it drops lines while more than
1 MiB is waiting, and the event 'dropped' reports how many. The member leaves gracefully and exits with
status 0 on SIGTERM, SIGINT, the command 'leave', or when its output is closed; a second signal ends it
immediately. (npx may not forward signals: where something other than a terminal stops the agent, start
node_modules/.bin/node-memberlist.)

  --name NAME           unique in the cluster. Default: the host's name
  --bind IP[:PORT]      Default: 0.0.0.0:7946; port 0 picks one
  --advertise IP[:PORT] the address that other members use. Default: the bound one
  --join SEED           a member to join; repeatable. Exits with status 1 if no seed answers
  --key KEY             the cluster's key in base64; visible to other users of this machine
  --key-file FILE       a file with the key, or with several, one per line; the first one encrypts. The
                        agent reads the file again when it changes
  --plaintext           no key is intended: do not warn
  --label LABEL         the cluster's label
  --meta TEXT           this node's metadata, at most 512 bytes
  --serf                join a Serf cluster as a member
  --tag NAME=VALUE      with --serf: a tag; repeatable
  --bus                 take part in the message bus (node-memberlist/bus); payloads are shown as text
  --bus-name NAME       with --bus: the name of the bus. Default: bus
  --state               take part in the shared state (node-memberlist/state)
  --keyring-file FILE   with --serf: the keys in Serf's format, which key commands change; instead of
                        --key and --key-file
  --serf-snapshot FILE  with --serf: keeps clocks and members in Serf's format; the agent joins these
                        members when it is started again
  --preset NAME         lan, wan or local. Default: lan
  --http [IP:]PORT      serve a status page, /metrics, /healthz and /members.json; read-only. On
                        127.0.0.1 unless an IP is given; anyone who can connect to it sees everything
  --http-name NAME      a DNS name of this page, such as node-1.example.org; repeatable. Not needed for
                        IPs, names without a dot and the host's own name
  --log-level LEVEL     debug, info, warn, error or silent. Default: warn
  --format FORMAT       pretty (for people) or json, for events, replies and log lines. Default: pretty
                        on a terminal, otherwise json
  --leave-timeout MS    how long to wait until the leave has spread. Default: 5000

Commands, one per line:

${commandsHelp}
  node-memberlist agent --name a --bind 127.0.0.1:7946 --http 8080
  node-memberlist agent --name b --bind 127.0.0.1:7947 --join 127.0.0.1:7946 --bus --state
`,
  handlesClosedOutput: true,
  async run(words, io) {
    const { values, positionals } = parseWords(words, options);
    if (positionals.length > 0) throw new UsageError(`agent takes no '${positionals[0] ?? ''}'`);
    const agent = new Agent(values, io);
    return agent.end(await agent.run());
  },
};

class Agent {
  readonly #values: Values;
  readonly #io: Io;
  readonly #out: BoundedOutput;
  readonly #log: BoundedOutput;
  readonly #format: { readonly out: LineFormat; readonly log: LineFormat };
  readonly #leaveTimeoutMs: number;
  #serf: Serf | undefined;
  #toolkit: Toolkit = { bus: undefined, state: undefined, extensions: [] };
  #meta: Buffer;
  #page: Page | undefined;
  #stop: () => void = () => undefined;
  readonly #stopped = new Promise<void>((resolve) => (this.#stop = resolve));

  constructor(values: Values, io: Io) {
    this.#values = values;
    this.#io = io;
    const format = textOf(values, 'format');
    this.#format = { out: lineFormat(format, io.stdout), log: lineFormat(format, io.stderr) };
    this.#out = new BoundedOutput(io.stdout, {
      formatDropped: (lines) => this.#format.out.event({ event: 'dropped', lines }),
    });
    this.#log = new BoundedOutput(io.stderr, {
      formatDropped: (lines) =>
        `node-memberlist: dropped ${lines} lines that were not read in time\n`,
    });
    this.#meta = Buffer.from(textOf(values, 'meta') ?? '');
    const range = { from: 0, to: 600_000, otherwise: 5_000 };
    this.#leaveTimeoutMs = numberOf(values, 'leave-timeout', range);
  }

  async run(): Promise<number> {
    this.#toolkit = await toolkitOf(this.#values);
    const warn = (line: string): void => this.#log.write(line);
    const http = await preparePage(this.#values, this.#toolkit, warn);
    const config = this.#config();
    const list = await Memberlist.create({ ...config, ...http?.config(config) });
    let signals = 0;
    const onSignal = (): void => {
      if (++signals > 1) list.shutdown().catch(() => undefined);
      this.#stop();
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) this.#io.on(signal, onSignal);
    this.#io.stdout.on?.('error', () => this.#stop());
    try {
      return await this.#live(list, http);
    } finally {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) this.#io.off(signal, onSignal);
      await this.#page?.close();
      await list.shutdown();
      this.#io.stdin.destroy();
    }
  }

  /** Waits a limited time until the last lines are read; possibly no process reads them. */
  async end(status: number): Promise<number> {
    const outputs = [this.#out, this.#log].map((output) => output.flushed(FLUSH_MS));
    const areRead = (await Promise.all(outputs)).every((isRead) => isRead);
    if (!areRead) this.#io.exit?.(status);
    return status;
  }

  async #live(list: Memberlist, http: PreparedPage | undefined): Promise<number> {
    this.#page = await http?.open(list);
    const page = this.#page === undefined ? {} : { http: this.#page.url };
    this.#write({ event: 'started', node: nodeAsJson(list.localNode), ...page });
    this.#writeEvents(list);
    const seeds = this.#values.join;
    const previous = this.#serf?.previousMembers ?? [];
    if (Array.isArray(seeds)) {
      const status = await this.#join(list, [...(seeds as string[]), ...previous]);
      if (status !== exitCodes.done) return status;
    } else if (previous.length > 0) await this.#join(list, previous);
    const commands = new AgentCommands(list, {
      write: (line) => this.#write(line),
      leave: () => this.#stop(),
      serf: this.#serf,
      toolkit: this.#toolkit,
      setMeta: async (text) => {
        this.#meta = Buffer.from(text);
        await list.updateNode();
      },
    });
    // An input that fails is treated like one without more commands.
    commands.run(this.#io.stdin).catch(() => undefined);
    await this.#stopped;
    return this.#leave(list);
  }

  async #join(list: Memberlist, seeds: readonly string[]): Promise<number> {
    try {
      const { contacted } = await list.join(seeds);
      this.#write({ event: 'joined', contacted });
      return exitCodes.done;
    } catch (error) {
      if (!(error instanceof JoinError)) throw error;
      const failures = error.failures.map(({ seed, error: { message } }) => ({ seed, message }));
      this.#write({ event: 'join-failed', failures });
      this.#log.write(`node-memberlist: ${printableLines(error.message)}\n`);
      this.#log.write(`try: node-memberlist doctor ${seeds[0] ?? ''}\n`);
      return exitCodes.failed;
    }
  }

  async #leave(list: Memberlist): Promise<number> {
    try {
      await list.leave({ timeout: this.#leaveTimeoutMs });
      this.#write({ event: 'left' });
      return exitCodes.done;
    } catch (error) {
      this.#write({ event: 'leave-failed', message: (error as Error).message });
      return exitCodes.failed;
    }
  }

  #writeEvents(list: Memberlist): void {
    const write = (line: object): void => this.#write(line);
    writeEvents(list, write);
    // In a Serf cluster, user messages belong to Serf's protocol.
    if (this.#serf === undefined) writeMessages(list, write);
    this.#serf?.on('event', ({ name, payload, ltime }) =>
      write({
        event: 'user-event',
        name,
        payload: textOfPayload(payload),
        bytes: payload.toString('base64'),
        ltime,
      }),
    );
    this.#serf?.on('query', ({ name, payload, from, ltime }) =>
      write({
        event: 'query',
        name,
        from,
        payload: textOfPayload(payload),
        bytes: payload.toString('base64'),
        ltime,
      }),
    );
  }

  #config(): MemberlistConfig {
    const values = this.#values;
    const preset = textOf(values, 'preset') ?? 'lan';
    if (!Object.hasOwn(presets, preset)) throw new UsageError('--preset must be lan, wan or local');
    const bind = addressIn('bind', textOf(values, 'bind'));
    const advertise = addressIn('advertise', textOf(values, 'advertise'));
    this.#serf = serfOf(values);
    if (this.#serf !== undefined && values.meta !== undefined) {
      throw new UsageError('--meta cannot be combined with --serf; use --tag');
    }
    return {
      ...presets[preset as keyof typeof presets](),
      name: textOf(values, 'name'),
      bindAddr: bind?.host,
      bindPort: bind?.port,
      advertiseAddr: advertise?.host,
      advertisePort: advertise?.port,
      ...(keyringOf(values) ?? keysOf(values)),
      label: textOf(values, 'label'),
      plaintext: values.plaintext === true,
      logger: loggerTo(
        (line) => this.#log.write(this.#format.log.logLine(line)),
        textOf(values, 'log-level') ?? 'warn',
      ),
      ...(this.#serf === undefined
        ? { delegate: { nodeMeta: () => this.#meta }, use: this.#toolkit.extensions }
        : { use: [this.#serf, ...this.#toolkit.extensions] }),
    };
  }

  #write(line: object): void {
    this.#out.write(this.#format.out.event(line));
  }
}

const serfOptions = ['tag', 'keyring-file', 'serf-snapshot'] as const;

function serfOf(values: Values): Serf | undefined {
  if (values.serf === true) {
    return serf({
      tags: tagsIn(values),
      keyringFile: textOf(values, 'keyring-file'),
      snapshot: textOf(values, 'serf-snapshot'),
    });
  }
  const given = serfOptions.find((option) => values[option] !== undefined);
  if (given !== undefined) throw new UsageError(`--${given} requires --serf`);
  return undefined;
}

function keyringOf(values: Values): Pick<MemberlistConfig, 'keyring'> | undefined {
  const path = textOf(values, 'keyring-file');
  if (path === undefined) return undefined;
  if (values.key !== undefined || values['key-file'] !== undefined) {
    throw new UsageError('--keyring-file cannot be combined with --key and --key-file');
  }
  try {
    return { keyring: readKeyringFile(path) };
  } catch (error) {
    throw new UsageError(`--keyring-file: ${(error as Error).message}`);
  }
}

function tagsIn(values: Values): Record<string, string> {
  const given = Array.isArray(values.tag) ? (values.tag as string[]) : [];
  const pairs = given.map((tag): [string, string] => {
    const at = tag.indexOf('=');
    if (at < 1) throw new UsageError(`--tag must be NAME=VALUE, not '${tag}'`);
    return [tag.slice(0, at), tag.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
