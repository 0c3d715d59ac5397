/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Every error that a user can meet, with a stable code. One table: the types derive from it. Names and texts
// that a peer chose are escaped in messages (wire/printable): a message is made to be shown.
import { printable } from './wire/printable.js';

/** All error codes, and what each one means. */
export const errorCodes = {
  ERR_MEMBERLIST_CONFIG: 'The configuration breaks one or more rules; `problems` lists them all.',
  ERR_MEMBERLIST_JOIN: 'No seed could be joined; `failures` says why, seed by seed.',
  ERR_MEMBERLIST_NO_PING_RESPONSE: 'A standalone ping was not answered within `probeTimeout`.',
  ERR_MEMBERLIST_TIMEOUT: 'An operation did not finish in its time.',
  ERR_MEMBERLIST_PROTOCOL: 'A peer speaks another protocol, refused us, or broke off.',
  ERR_MEMBERLIST_MESSAGE_TOO_LARGE: 'A message or metadata exceeds what may be sent that way.',
  ERR_MEMBERLIST_BUSY: 'Too many messages wait to be sent already; await some of them first.',
  ERR_MEMBERLIST_SHUTDOWN: 'The Memberlist has been shut down.',
  ERR_MEMBERLIST_NODE_NAME_REQUIRED: '`requireNodeNames` is set and the address has no node name.',
} as const;

/** A stable code of a {@link MemberlistError}. */
export type ErrorCode = keyof typeof errorCodes;

/** The base of everything that this library throws at its user. */
export class MemberlistError extends Error {
  /** Stable across releases; branch on this rather than on the text. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }

  /** {@link JoinError} must be an `AggregateError` as well, so it is recognised here by name. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    return this === MemberlistError && value instanceof JoinError;
  }
}

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** The field, as in {@link MemberlistConfig}. */
  readonly field: string;
  /** The value that was given. Secrets are shown as `[hidden]`. */
  readonly value: unknown;
  /** The rule that it breaks, in words that say what to do. */
  readonly rule: string;
}

/** The configuration is not usable. All mistakes are reported at once. */
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
  /** The address that it stands for, once it was looked up. */
  readonly address?: string;
  readonly error: Error;
}

/** Nobody was reached. An `AggregateError` whose `errors` are those of `failures`. */
export class JoinError extends AggregateError implements MemberlistError {
  readonly code = 'ERR_MEMBERLIST_JOIN';
  readonly failures: readonly JoinFailure[];

  /** @param likelyCause - in words, when it is known */
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

/** Nobody answered a standalone ping within `probeTimeout`. */
export class NoPingResponseError extends MemberlistError {
  /** The node that was asked. */
  readonly node: string;

  constructor(node: string, address: string, timeoutMs: number) {
    super(
      'ERR_MEMBERLIST_NO_PING_RESPONSE',
      printable(`${node} at ${address} did not answer a ping within ${timeoutMs} ms`),
    );
    this.node = node;
  }
}

/** An operation did not finish in its time. */
export class TimeoutError extends MemberlistError {
  constructor(
    operation: string,
    timeoutMs: number,
    options: { cause?: unknown; details?: readonly string[] } = {},
  ) {
    const { details = [], ...rest } = options;
    const words = [`${operation} did not finish within ${timeoutMs} ms`, ...details].join('; ');
    super('ERR_MEMBERLIST_TIMEOUT', printable(words), rest);
  }
}

/** A peer speaks another protocol, refused what we asked, or broke off in the middle. */
export class ProtocolError extends MemberlistError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_MEMBERLIST_PROTOCOL', printable(message), options);
  }
}

/** A message or metadata exceeds what may be sent that way. */
export class MessageTooLargeError extends MemberlistError {
  /** Bytes that were given. */
  readonly size: number;
  /** Bytes that are allowed. */
  readonly limit: number;

  constructor(what: string, size: number, limit: number) {
    super('ERR_MEMBERLIST_MESSAGE_TOO_LARGE', `${what} has ${size} bytes, ${limit} are allowed`);
    this.size = size;
    this.limit = limit;
  }
}

/** Too many messages wait to be sent already. None of this one was sent; send it again later. */
export class BusyError extends MemberlistError {
  /** Messages that wait. */
  readonly waiting: number;
  /** Their bytes. */
  readonly bytes: number;

  constructor(waiting: number, bytes: number) {
    super(
      'ERR_MEMBERLIST_BUSY',
      `${waiting} messages (${bytes} bytes) wait to be sent already; await some of them first`,
    );
    this.waiting = waiting;
    this.bytes = bytes;
  }
}

/** The Memberlist has been shut down, or has left and cannot do this before it joins again. */
export class ShutdownError extends MemberlistError {
  constructor(operation: string, state = 'has been shut down') {
    super('ERR_MEMBERLIST_SHUTDOWN', `${operation}: this Memberlist ${state}`);
  }
}

/** `requireNodeNames` is set and an address came without the name of its node. */
export class NodeNameRequiredError extends MemberlistError {
  constructor(address: string) {
    super(
      'ERR_MEMBERLIST_NODE_NAME_REQUIRED',
      `${address} has no node name and requireNodeNames is set; give seeds as 'name/host:port'`,
    );
  }
}
