/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Every error that the library throws, with a stable code. The types derive from one table. Names and texts that a peer
// chose are escaped in messages (wire/printable), because applications print messages.
import { printable } from './wire/printable.js';

/** All error codes with their meaning. */
export const errorCodes = {
  ERR_MEMBERLIST_CONFIG: 'The configuration breaks one or more rules; `problems` lists them all.',
  ERR_MEMBERLIST_JOIN: 'No seed could be joined; `failures` has the reason for each seed.',
  ERR_MEMBERLIST_NO_PING_RESPONSE: 'A standalone ping was not answered within `probeTimeout`.',
  ERR_MEMBERLIST_TIMEOUT: 'An operation exceeded its timeout.',
  ERR_MEMBERLIST_PROTOCOL:
    'A peer speaks another protocol, refused the request, or closed the stream early.',
  ERR_MEMBERLIST_MESSAGE_TOO_LARGE: 'A message or metadata exceeds its size limit.',
  ERR_MEMBERLIST_BUSY: 'Too many messages are queued; await some of them first.',
  ERR_MEMBERLIST_STATE_LIMIT:
    'A key of the shared state was not set: this node would exceed a limit of its map.',
  ERR_MEMBERLIST_SINGLETON_STOPPED:
    'The task of a singleton must end; `reason` says why. The reason of its signal.',
  ERR_MEMBERLIST_SHUTDOWN: 'The Memberlist has been shut down.',
  ERR_MEMBERLIST_NODE_NAME_REQUIRED: '`requireNodeNames` is set and the address has no node name.',
} as const;

/** A stable code of a {@link MemberlistError}. */
export type ErrorCode = keyof typeof errorCodes;

/** The base class of all errors that this library throws. */
export class MemberlistError extends Error {
  /** Stable across releases; branch on this rather than on the message. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }

  /** {@link JoinError} must extend `AggregateError`, so this method makes it an instance of `MemberlistError` too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    return this === MemberlistError && value instanceof JoinError;
  }
}

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** The field, as in {@link MemberlistConfig}. */
  readonly field: string;
  /** The given value. Secrets are replaced by `[hidden]`. */
  readonly value: unknown;
  /** The rule that the value breaks: what the value must be, and what to do. */
  readonly rule: string;
}

/** The configuration is invalid. All mistakes are reported at once. */
export class ConfigError extends MemberlistError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: { cause?: unknown }) {
    const lines = problems.map(({ field, rule }) => `  ${field}: ${rule}`);
    super('ERR_MEMBERLIST_CONFIG', `invalid configuration:\n${lines.join('\n')}`, options);
    this.problems = problems;
  }
}

/** One address that could not be joined. */
export interface JoinFailure {
  /** The seed as it was given. */
  readonly seed: string;
  /** The resolved address of the seed, if it could be resolved. */
  readonly address?: string;
  readonly error: Error;
}

/** No seed could be joined. An `AggregateError` whose `errors` are those of `failures`. */
export class JoinError extends AggregateError implements MemberlistError {
  readonly code = 'ERR_MEMBERLIST_JOIN';
  readonly failures: readonly JoinFailure[];

  /** @param likelyCause - a description of the probable cause, if it is known */
  constructor(failures: readonly JoinFailure[], likelyCause?: string) {
    const lines = failures.map(({ seed, address, error }) => {
      const where = address === undefined || address === seed ? seed : `${seed} (${address})`;
      return `  ${printable(`${where}: ${error.message}`)}`;
    });
    super(
      failures.map(({ error }) => error),
      failures.length === 0
        ? 'no seed could be joined: none was given'
        : `no seed could be joined:\n${lines.join('\n')}` +
            (likelyCause === undefined ? '' : `\n  ${printable(`likely cause: ${likelyCause}`)}`),
    );
    this.name = 'JoinError';
    this.failures = failures;
  }
}

/** A standalone ping was not answered within `probeTimeout`. */
export class NoPingResponseError extends MemberlistError {
  /** The name of the pinged node. */
  readonly node: string;

  constructor(node: string, address: string, timeoutMs: number) {
    super(
      'ERR_MEMBERLIST_NO_PING_RESPONSE',
      printable(`${node} at ${address} did not answer a ping within ${timeoutMs} ms`),
    );
    this.node = node;
  }
}

/** An operation exceeded its timeout. */
export class TimeoutError extends MemberlistError {
  constructor(
    operation: string,
    timeoutMs: number,
    options: { cause?: unknown; details?: readonly string[] } = {},
  ) {
    const { details = [], ...rest } = options;
    const message = [`${operation} did not finish within ${timeoutMs} ms`, ...details].join('; ');
    super('ERR_MEMBERLIST_TIMEOUT', printable(message), rest);
  }
}

/** A peer speaks another protocol, refused the request, or closed the stream early. */
export class ProtocolError extends MemberlistError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_MEMBERLIST_PROTOCOL', printable(message), options);
  }
}

/** A message or metadata exceeds its size limit. */
export class MessageTooLargeError extends MemberlistError {
  /** Size in bytes. */
  readonly size: number;
  /** Maximum size in bytes. */
  readonly limit: number;

  constructor(what: string, size: number, limit: number) {
    super('ERR_MEMBERLIST_MESSAGE_TOO_LARGE', `${what} has ${size} bytes, ${limit} are allowed`);
    this.size = size;
    this.limit = limit;
  }
}

/** Too many messages are queued. The message was not sent, not even in part; send it again later. */
export class BusyError extends MemberlistError {
  /** Number of queued messages. */
  readonly waiting: number;
  /** Total size of the queued messages in bytes. */
  readonly bytes: number;

  constructor(waiting: number, bytes: number) {
    super(
      'ERR_MEMBERLIST_BUSY',
      `${waiting} messages (${bytes} bytes) are queued already; await some of them first`,
    );
    this.waiting = waiting;
    this.bytes = bytes;
  }
}

/**
 * A key of the shared state (`node-memberlist/state`) was not set, because this node's map would exceed a limit. The map
 * is unchanged; delete keys, shorten values or raise the limit on all nodes.
 */
export class StateLimitError extends MemberlistError {
  /** The limit. */
  readonly limit: 'maxBytesPerNode' | 'maxKeysPerNode' | 'maxBytes';
  /** What the map would have. */
  readonly size: number;
  /** What it may have. */
  readonly most: number;

  constructor(limit: StateLimitError['limit'], size: number, most: number) {
    const unit = limit === 'maxKeysPerNode' ? 'keys' : 'bytes';
    super(
      'ERR_MEMBERLIST_STATE_LIMIT',
      `the shared state of this node would have ${size} ${unit}, ${most} are allowed (${limit})`,
    );
    this.limit = limit;
    this.size = size;
    this.most = most;
  }
}

const stopReasons: Readonly<Record<SingletonStopReason, string>> = {
  moved: 'another member owns it, or this node no longer passes the filter',
  'too-few-members': 'fewer than minMembers members are present',
  minority: 'this node is isolated or in a minority of the cluster',
  'lease-lost': 'its lease is lost or could not be renewed in time',
  leave: 'this node leaves the cluster',
  shutdown: 'this node is shut down',
  stopped: 'stop() was called',
};

/**
 * Why the task of a singleton (`node-memberlist/ring`) is aborted:
 *
 * - `moved`: another member owns it, or this node no longer passes the filter.
 * - `too-few-members`: fewer than `minMembers` candidates are present.
 * - `minority`: this node is isolated or in a minority, or too many members are suspect, and `stopInMinority` is set.
 * - `lease-lost`: another holder has the lease, or it could not be renewed in time.
 * - `leave`, `shutdown`: the node leaves or is shut down.
 * - `stopped`: `stop()` was called.
 */
export type SingletonStopReason =
  'moved' | 'too-few-members' | 'minority' | 'lease-lost' | 'leave' | 'shutdown' | 'stopped';

/** The reason of the signal that the task of a singleton (`node-memberlist/ring`) receives. */
export class SingletonStoppedError extends MemberlistError {
  readonly reason: SingletonStopReason;
  /** The name of the singleton. */
  readonly singleton: string;

  constructor(singleton: string, reason: SingletonStopReason) {
    super(
      'ERR_MEMBERLIST_SINGLETON_STOPPED',
      `the task '${singleton}' must end: ${stopReasons[reason]}`,
    );
    this.singleton = singleton;
    this.reason = reason;
  }
}

/** The Memberlist has been shut down, or it has left and must join again before this operation. */
export class ShutdownError extends MemberlistError {
  constructor(operation: string, state = 'has been shut down') {
    super('ERR_MEMBERLIST_SHUTDOWN', `${operation}: this Memberlist ${state}`);
  }
}

/** `requireNodeNames` is set, and an address has no node name. */
export class NodeNameRequiredError extends MemberlistError {
  constructor(address: string) {
    super(
      'ERR_MEMBERLIST_NODE_NAME_REQUIRED',
      `${address} has no node name and requireNodeNames is set; give seeds as 'name/host:port'`,
    );
  }
}
