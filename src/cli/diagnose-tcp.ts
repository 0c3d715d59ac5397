/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Explains why the state exchange of `doctor` failed: no connection, another key or label, or another protocol.
import { ProtocolError, TimeoutError } from '../errors.js';
import type { Address } from '../wire/address.js';
import { bad, ok, type Finding } from './finding.js';
import { otherProtocolAt } from './other-protocol.js';

/** Why there is no TCP connection; undefined if there is one. */
export function unreachableFinding(
  error: Error,
  to: Address,
  answersUdp: boolean,
): Finding | undefined {
  const message = causesOf(error);
  const { code } = (error.cause ?? error) as { code?: unknown };
  if (code === 'ECONNREFUSED') {
    return bad(
      'tcp',
      `${to.addr} refuses TCP connections`,
      'No process listens there. Is the node running? On this address and port?',
    );
  }
  if (error instanceof TimeoutError && /diall?ing/.test(message)) {
    const advice = answersUdp
      ? 'UDP works, so a firewall drops TCP. Open the same port for TCP.'
      : 'A firewall drops it, or there is no such machine. Open the port for TCP and UDP.';
    return bad('tcp', `${to.addr} does not accept TCP connections (no answer)`, advice);
  }
  if (error instanceof ProtocolError && message.includes('could not be reached')) {
    return bad('tcp', message, 'Check the address, routes and firewalls.');
  }
  return undefined;
}

/** Why a node that accepts a TCP connection does not complete the state exchange. */
export async function* refusedFindings(
  error: Error,
  to: Address,
  timeoutMs: number,
): AsyncGenerator<Finding> {
  yield ok('tcp', 'accepts TCP connections');
  const message = causesOf(error);
  const key = keyMismatch(message);
  if (key !== undefined) {
    yield key;
    return;
  }
  const other = await otherProtocolAt(to.addr, timeoutMs);
  yield other === undefined
    ? unexplained(message, error)
    : bad(
        'cluster',
        `the port speaks ${other}, not the memberlist protocol`,
        'Another program listens at this port, or a proxy in front of the node. Use the gossip port (default: 7946).',
      );
}

/** The finding for a node with another key; undefined if the error is another one. */
function keyMismatch(message: string): Finding | undefined {
  if (message.includes('this node has no key') || message.includes('this cluster is encrypted')) {
    return message.includes('a stream in plaintext')
      ? bad(
          'cluster',
          'the node uses plaintext, but a key was given',
          'Omit the key, or configure one on that node.',
        )
      : bad(
          'cluster',
          'the node uses encryption, but no key was given',
          'Pass the key with --key-file.',
        );
  }
  if (message.includes('no installed key opens it')) {
    return bad(
      'cluster',
      'the node uses another encryption key',
      "Use the cluster's current key; was it rotated?",
    );
  }
  return undefined;
}

/** A node with another label closes the connection, and so do many other programs. */
function unexplained(message: string, error: Error): Finding {
  if (message.includes('closed without an answer') || message.includes('broke off')) {
    const advice =
      'Its label differs from ours (see --label), or it is encrypted and we have no key (see --key-file), or ' +
      'it is not a memberlist node. Its log says which.';
    return bad('cluster', 'it accepts the connection and closes it without an answer', advice);
  }
  if (error instanceof TimeoutError) {
    return bad(
      'cluster',
      'it accepts the connection and does not answer',
      'Is it a memberlist node? Does its process hang?',
    );
  }
  return bad('cluster', message, 'See its log for details.');
}

function causesOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${causesOf(cause)}` : error.message;
}
