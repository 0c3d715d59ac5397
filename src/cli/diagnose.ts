/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The checks of `doctor`: each one reports what it found and, if that is a problem, what to do.
import type { Node } from '../core/member.js';
import { ConfigError } from '../errors.js';
import type { Address } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { UsageError, type Values } from './command.js';
import { refusedFindings, unreachableFinding } from './diagnose-tcp.js';
import { bad, note, ok, skip, type Finding } from './finding.js';
import { targetOf, TemporaryNode, type PingAnswer } from './temporary-node.js';

const PINGS = 5;
/** How many member names are tried to find out which member answers at an address. */
const MAX_NAMES = 200;
/** From this round trip on, the LAN preset's `probeTimeout` is too short. */
const SLOW_MS = 250;

/** The outcome of the state exchange: answered, refused by the node, or not connected. */
type TcpOutcome = 'answered' | 'refused' | 'unreachable';

/**
 * Runs all checks against a node.
 *
 * @throws ConfigError and UsageError for invalid options
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
    yield bad('name', (error as Error).message, 'Check the name, or use the IP address.');
    return;
  }
  yield ok('name', `${target} resolves to ${to.addr}`);
  const node = await TemporaryNode.open(to, values, timeoutMs);
  try {
    yield* checkNode(node, to, timeoutMs);
  } finally {
    await node.close();
  }
}

async function* checkNode(
  node: TemporaryNode,
  to: Address,
  timeoutMs: number,
): AsyncGenerator<Finding> {
  const answers: PingAnswer[] = [];
  for (let i = 0; i < PINGS; i++) {
    const answer = await node.ping(to, timeoutMs);
    answers.push(answer);
    // A third unanswered ping gives no new information.
    if ('failure' in answer && i > 0) break;
  }
  const times = answers.flatMap((answer) => ('ms' in answer ? [answer.ms] : []));
  let nodes: readonly Node[] | undefined;
  let tcp: TcpOutcome = 'answered';
  try {
    const table = await node.table(to);
    nodes = table.nodes;
    yield ok('tcp', 'answers over TCP');
    yield ok('cluster', `label and key match: state exchange took ${table.ms.toFixed(1)} ms`);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const unreachable = unreachableFinding(error as Error, to, times.length > 0);
    tcp = unreachable === undefined ? 'refused' : 'unreachable';
    if (unreachable !== undefined) yield unreachable;
    else yield* refusedFindings(error as Error, to, timeoutMs);
  }
  yield* checkUdp(answers, times, tcp);
  if (nodes === undefined) return;
  yield* checkAddress(node, to, nodes, times.length > 0 ? timeoutMs : 0);
  yield* checkVersions(nodes);
  const count = (state: Node['state']): number =>
    nodes.filter((node) => node.state === state).length;
  const message = `${count('alive')} alive, ${count('suspect')} suspect, ${count('dead')} dead, ${count('left')} left`;
  yield count('suspect') === 0
    ? ok('members', message)
    : note(
        'members',
        message,
        'A member does not answer at the moment; run `members` again in a minute.',
      );
}

function* checkUdp(
  answers: readonly PingAnswer[],
  times: readonly number[],
  tcp: TcpOutcome,
): Generator<Finding> {
  if (times.length === 0) {
    const [first] = answers;
    const why = first !== undefined && 'failure' in first ? first.failure : 'no answer';
    if (tcp === 'refused') {
      const advice =
        'A member with another key or label does not answer pings. Fix that, then run this again.';
      yield skip(
        'udp',
        'unknown: a node answers no ping until the state exchange succeeds',
        advice,
      );
      return;
    }
    const advice =
      tcp === 'answered'
        ? 'Open the port for UDP in both directions: answers come from the same port. Until then members suspect this node.'
        : 'Fix TCP first, then run this again.';
    yield bad('udp', `no UDP ping was answered (${why})`, advice);
    return;
  }
  const min = times.reduce((a, b) => Math.min(a, b), Infinity);
  const max = times.reduce((a, b) => Math.max(a, b), 0);
  if (times.length < answers.length) {
    const message = `${times.length} of ${answers.length} UDP pings were answered`;
    yield note('udp', message, 'Packets are lost; check the network in between, and the load.');
  } else yield ok('udp', `UDP works in both directions (${times.length} pings)`);
  const message = `round trip ${min.toFixed(2)} to ${max.toFixed(2)} ms`;
  yield max < SLOW_MS
    ? ok('time', message)
    : note(
        'time',
        message,
        'Close to probeTimeout of the LAN preset (500 ms): use wanConfig(), or raise it.',
      );
}

async function* checkAddress(
  node: TemporaryNode,
  to: Address,
  nodes: readonly Node[],
  timeoutMs: number,
): AsyncGenerator<Finding> {
  const present = nodes.filter(({ state }) => state === 'alive' || state === 'suspect');
  const advertised = present.find(({ address }) => address === to.addr);
  if (advertised !== undefined) {
    yield ok('node', `its name is ${advertised.name}`);
    yield ok('address', `it answers at its advertised address, ${to.addr}`);
    return;
  }
  // A node answers only pings that carry its own name.
  const asked = present.slice(0, timeoutMs > 0 ? MAX_NAMES : 0).map(async (member) => {
    const answer = await node.ping({ addr: to.addr, name: member.name }, timeoutMs);
    return 'ms' in answer ? member : undefined;
  });
  const found = (await Promise.all(asked)).find((member) => member !== undefined);
  if (found === undefined) {
    const advice =
      'Set advertiseAddr and advertisePort to an address that other members can reach.';
    yield note('address', `no member advertises ${to.addr}, the address that answered`, advice);
    return;
  }
  yield ok('node', `its name is ${found.name}`);
  const elsewhere = await node.ping({ addr: found.address, name: found.name }, timeoutMs);
  const message = `it answers at ${to.addr}, and advertises ${found.address}`;
  yield 'ms' in elsewhere
    ? ok('address', `${message}, which answers, too`)
    : bad(
        'address',
        `${message}, which does not answer`,
        'Other members will declare it dead. Set advertiseAddr (behind NAT or in a container: the external address) and advertisePort.',
      );
}

function* checkVersions(nodes: readonly Node[]): Generator<Finding> {
  const alive = nodes.filter(({ state }) => state === 'alive');
  const incompatible = alive.filter(
    ({ protocol }) =>
      protocol.current < limits.protocolMin || protocol.current > limits.protocolMax,
  );
  if (incompatible.length > 0) {
    const message = `${incompatible[0]?.name ?? ''} uses protocol ${incompatible[0]?.protocol.current ?? 0}`;
    const advice = `This library supports ${limits.protocolMin} to ${limits.protocolMax}.`;
    yield bad('versions', message, advice);
    return;
  }
  const versionsInUse = (of: 'protocol' | 'delegateProtocol'): string =>
    [...new Set(alive.map((node) => node[of].current))].sort((a, b) => a - b).join(', ');
  const delegate = versionsInUse('delegateProtocol');
  yield ok('versions', `protocol ${versionsInUse('protocol')}; delegate protocol ${delegate}`);
  const required = alive.reduce(
    (max, { delegateProtocol }) => Math.max(max, delegateProtocol.min),
    0,
  );
  if (required > 0) {
    const message = `joining requires delegate protocol ${required} or above`;
    yield note(
      'versions',
      message,
      'Serf requires 2 to 5: use the extension serf(), or agent --serf.',
    );
  }
}
