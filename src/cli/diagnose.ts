/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the doctor finds, step by step: each step tells what it saw, and what to do if that is bad.
import type { Node } from '../core/member.js';
import { ConfigError, ProtocolError, TimeoutError } from '../errors.js';
import type { Address } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { UsageError, type Values } from './command.js';
import { otherProtocolAt } from './other-protocol.js';
import { targetOf, Visitor, type PingAnswer } from './temporary-node.js';

/** One thing that the doctor says. */
export interface Finding {
  /** `skip`: another finding keeps this step from telling anything. */
  readonly verdict: 'ok' | 'note' | 'bad' | 'skip';
  readonly about:
    'name' | 'tcp' | 'cluster' | 'udp' | 'time' | 'node' | 'address' | 'versions' | 'members';
  readonly words: string;
  /** What to do. */
  readonly advice?: string;
}

const PINGS = 5;
/** Names that are tried, to find out which member answers at an address. */
const MOST_NAMES = 200;
/** A round trip from which on the LAN preset's `probeTimeout` is too short. */
const SLOW_MS = 250;

const ok = (about: Finding['about'], words: string): Finding => ({ verdict: 'ok', about, words });
const note = (about: Finding['about'], words: string, advice: string): Finding => {
  return { verdict: 'note', about, words, advice };
};
const bad = (about: Finding['about'], words: string, advice: string): Finding => {
  return { verdict: 'bad', about, words, advice };
};
const skip = (about: Finding['about'], words: string, advice: string): Finding => {
  return { verdict: 'skip', about, words, advice };
};

/** How the exchange of state went: the other side answered, it refused us, or it was not reached. */
type OverTcp = 'answered' | 'refused' | 'unreachable';

/**
 * Examines a node.
 *
 * @throws ConfigError and UsageError for wrong options
 */
export async function* diagnose(
  target: string,
  values: Values,
  timeoutMs: number,
): AsyncGenerator<Finding> {
  let to: Address;
  try {
    to = await targetOf(target);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    yield bad('name', (error as Error).message, 'Check the name, or use the IP.');
    return;
  }
  yield ok('name', `${target} is ${to.addr}`);
  const visitor = await Visitor.open(to, values, timeoutMs);
  try {
    yield* examine(visitor, to, timeoutMs);
  } finally {
    await visitor.close();
  }
}

async function* examine(visitor: Visitor, to: Address, timeoutMs: number): AsyncGenerator<Finding> {
  const answers: PingAnswer[] = [];
  for (let i = 0; i < PINGS; i++) {
    const answer = await visitor.ping(to, timeoutMs);
    answers.push(answer);
    // A second silence tells no more than the first.
    if ('failure' in answer && i > 0) break;
  }
  const times = answers.flatMap((answer) => ('ms' in answer ? [answer.ms] : []));
  let nodes: readonly Node[] | undefined;
  let overTcp: OverTcp = 'answered';
  try {
    const table = await visitor.table(to);
    nodes = table.nodes;
    yield ok('tcp', 'answers over TCP');
    yield ok('cluster', `label and key are right: it told its state in ${table.ms.toFixed(1)} ms`);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const unreachable = unreachableOverTcp(error as Error, to, times.length > 0);
    overTcp = unreachable === undefined ? 'refused' : 'unreachable';
    if (unreachable !== undefined) yield unreachable;
    else yield* refusedOverTcp(error as Error, to, timeoutMs);
  }
  yield* overUdp(answers, times, overTcp);
  if (nodes === undefined) return;
  yield* whoIsThere(visitor, to, nodes, times.length > 0 ? timeoutMs : 0);
  yield* versionsOf(nodes);
  const count = (state: Node['state']): number =>
    nodes.filter((node) => node.state === state).length;
  const words = `${count('alive')} alive, ${count('suspect')} suspect, ${count('dead')} dead, ${count('left')} left`;
  yield count('suspect') === 0
    ? ok('members', words)
    : note('members', words, 'Somebody does not answer just now; run `members` again in a minute.');
}

/** Why there is no connection; undefined when there is one. */
function unreachableOverTcp(error: Error, to: Address, answersUdp: boolean): Finding | undefined {
  const words = causesOf(error);
  const { code } = (error.cause ?? error) as { code?: unknown };
  if (code === 'ECONNREFUSED') {
    return bad(
      'tcp',
      `${to.addr} refuses TCP`,
      'Nothing listens there: does the process run? On this address and port?',
    );
  }
  if (error instanceof TimeoutError && words.includes('dialing')) {
    const advice = answersUdp
      ? 'UDP gets through, so a firewall drops TCP. Open the same port for TCP.'
      : 'A firewall drops it, or no such machine is there. Open the port for TCP and UDP.';
    return bad('tcp', `${to.addr} does not take TCP connections (no answer)`, advice);
  }
  if (error instanceof ProtocolError && words.includes('could not be reached')) {
    return bad('tcp', words, 'Check the address, routes and firewalls.');
  }
  return undefined;
}

async function* refusedOverTcp(
  error: Error,
  to: Address,
  timeoutMs: number,
): AsyncGenerator<Finding> {
  yield ok('tcp', 'takes TCP connections');
  const words = causesOf(error);
  const aboutKey = keyMismatch(words);
  if (aboutKey !== undefined) {
    yield aboutKey;
    return;
  }
  const other = await otherProtocolAt(to.addr, timeoutMs);
  yield other === undefined
    ? unexplained(words, error)
    : bad(
        'cluster',
        `${other} is spoken there, not the protocol of memberlist`,
        'Another program listens at this port, or a proxy in front of it. Give the gossip port (default: 7946).',
      );
}

/** What a node with another key says. */
function keyMismatch(words: string): Finding | undefined {
  if (words.includes('this node has no key') || words.includes('this cluster is encrypted')) {
    return words.includes('a stream in plaintext')
      ? bad(
          'cluster',
          'it speaks in plaintext, and we have a key',
          'Leave the key out, or give that node one.',
        )
      : bad('cluster', 'it is encrypted, and we have no key', 'Give the key with --key-file.');
  }
  if (words.includes('no installed key opens it')) {
    return bad(
      'cluster',
      'it is encrypted with another key',
      'Give the key that the cluster uses now; was it rotated?',
    );
  }
  return undefined;
}

/** A node with another label closes the connection, and so do many other programs. */
function unexplained(words: string, error: Error): Finding {
  if (words.includes('closed without an answer') || words.includes('broke off')) {
    const advice =
      'It has another label than ours (see --label), or it is encrypted and we are not (see --key-file), or ' +
      'it is no memberlist at all. Its log says which.';
    return bad('cluster', 'it takes the connection and closes it without a word', advice);
  }
  if (error instanceof TimeoutError) {
    return bad(
      'cluster',
      'it takes the connection and says nothing',
      'Is it a memberlist? Does its process hang?',
    );
  }
  return bad('cluster', words, 'Its log says more.');
}

function* overUdp(
  answers: readonly PingAnswer[],
  times: readonly number[],
  overTcp: OverTcp,
): Generator<Finding> {
  if (times.length === 0) {
    const [first] = answers;
    const why = first !== undefined && 'failure' in first ? first.failure : 'no answer';
    if (overTcp === 'refused') {
      const advice =
        'A member with another key or label answers no ping. Correct that, and run this again.';
      yield skip(
        'udp',
        'not known: no ping is answered until the exchange over TCP succeeds',
        advice,
      );
      return;
    }
    const advice =
      overTcp === 'answered'
        ? 'Open the port for UDP, there and back: its answers come from that port. Until then members suspect it.'
        : 'Correct TCP first, then run this again.';
    yield bad('udp', `no ping over UDP is answered (${why})`, advice);
    return;
  }
  const least = times.reduce((a, b) => Math.min(a, b), Infinity);
  const most = times.reduce((a, b) => Math.max(a, b), 0);
  if (times.length < answers.length) {
    const words = `${times.length} of ${answers.length} pings over UDP were answered`;
    yield note('udp', words, 'Packets get lost; look at the network between, and at the load.');
  } else yield ok('udp', `packets get through, there and back (${times.length} pings)`);
  const words = `round trip ${least.toFixed(2)} to ${most.toFixed(2)} ms`;
  yield most < SLOW_MS
    ? ok('time', words)
    : note(
        'time',
        words,
        'Near probeTimeout of the LAN preset (500 ms): use wanConfig(), or raise it.',
      );
}

async function* whoIsThere(
  visitor: Visitor,
  to: Address,
  nodes: readonly Node[],
  timeoutMs: number,
): AsyncGenerator<Finding> {
  const present = nodes.filter(({ state }) => state === 'alive' || state === 'suspect');
  const atHome = present.find(({ address }) => address === to.addr);
  if (atHome !== undefined) {
    yield ok('node', `it is ${atHome.name}`);
    yield ok('address', `it tells others the address at which it answers us, ${to.addr}`);
    return;
  }
  // Only the one who is called answers to a name.
  const asked = present.slice(0, timeoutMs > 0 ? MOST_NAMES : 0).map(async (node) => {
    const answer = await visitor.ping({ addr: to.addr, name: node.name }, timeoutMs);
    return 'ms' in answer ? node : undefined;
  });
  const found = (await Promise.all(asked)).find((node) => node !== undefined);
  if (found === undefined) {
    const advice = 'Set advertiseAddr and advertisePort to what others can reach.';
    yield note(
      'address',
      `no member tells others the address ${to.addr}, at which we were answered`,
      advice,
    );
    return;
  }
  yield ok('node', `it is ${found.name}`);
  const elsewhere = await visitor.ping({ addr: found.address, name: found.name }, timeoutMs);
  const words = `it answers at ${to.addr}, and tells others to use ${found.address}`;
  yield 'ms' in elsewhere
    ? ok('address', `${words}, where we reach it, too`)
    : bad(
        'address',
        `${words}, where we get no answer`,
        'Others will think it dead. Set advertiseAddr (behind NAT, in a container: the outer address) and advertisePort.',
      );
}

function* versionsOf(nodes: readonly Node[]): Generator<Finding> {
  const alive = nodes.filter(({ state }) => state === 'alive');
  const strangers = alive.filter(
    ({ protocol }) =>
      protocol.current < limits.protocolMin || protocol.current > limits.protocolMax,
  );
  if (strangers.length > 0) {
    const words = `${strangers[0]?.name ?? ''} speaks protocol ${strangers[0]?.protocol.current ?? 0}`;
    const advice = `We speak ${limits.protocolMin} to ${limits.protocolMax}.`;
    yield bad('versions', words, advice);
    return;
  }
  const spoken = (of: 'protocol' | 'delegateProtocol'): string =>
    [...new Set(alive.map((node) => node[of].current))].sort((a, b) => a - b).join(', ');
  const delegate = spoken('delegateProtocol');
  yield ok('versions', `protocol ${spoken('protocol')}; the users' own protocol ${delegate}`);
  const least = alive.reduce(
    (most, { delegateProtocol }) => Math.max(most, delegateProtocol.min),
    0,
  );
  if (least > 0) {
    const words = `to join, delegate version ${least} or above is needed`;
    yield note('versions', words, 'Serf asks for 2 to 5: use serfGuest(), or agent --serf.');
  }
}

function causesOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${causesOf(cause)}` : error.message;
}
