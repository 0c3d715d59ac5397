/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Logging must never stop the protocol and must cost nothing when nobody listens.
import { Console } from 'node:console';
import type { Logger } from '../config/options.js';
import { catchRejection, isThenable } from '../runtime/thenable.js';
import { loadDebug, type CreateDebug } from './load-debug.js';
import { stderrLines, type StderrLevel } from './stderr-lines.js';

type Level = keyof Logger;
type Sink = (level: Level, message: string, fields: object | undefined) => unknown;
/** Writes warnings and errors that nobody else takes. */
type Stderr = (level: StderrLevel, message: string, fields?: object) => void;

const defaultSubsystem = 'core';

/** A logger that may know that nobody reads a line, so that the line need not be made. */
export interface SparingLogger extends Logger {
  /** Whether lines of a level and a subsystem are written at this moment. Without it: all are. */
  isOn?(level: Level, subsystem: string): boolean;
}

/** What the default logger writes with. */
export interface DefaultLoggerComponents {
  readonly debug: CreateDebug;
  /** Default: none, so that warnings and errors go to `debug` only. */
  readonly stderr?: Stderr | undefined;
}

/**
 * The logger that the library writes to: the user's, or else the default one; with false, the default one without
 * stderr. Whatever a user's logger throws, or rejects with, is dropped.
 *
 * A message is text, never a format: `%` in a name stays what it is for `console` and `debug`, too.
 */
export async function loggerFor(user: Logger | false | undefined): Promise<SparingLogger> {
  if (typeof user === 'object') return userLogger(user);
  const stderr: Stderr = (level, message, fields) => {
    stderrLines().write(level, message, fields);
  };
  return defaultLogger({
    debug: await loadDebug(),
    stderr: user === false ? undefined : stderr,
  });
}

/** What passes lines on to a logger of the user's. */
export function userLogger(user: Logger): Logger {
  return guarded(isPino(user) ? pinoSink(user) : userSink(user));
}

/**
 * Writes to the `debug` package under `memberlist:<subsystem>`, where the subsystem is the text in `fields.subsystem`
 * (`core` without one). That is silent unless asked for, for instance by `DEBUG=memberlist:*`. Warnings and errors that
 * it does not show go to stderr.
 */
export function defaultLogger({ debug, stderr }: DefaultLoggerComponents): SparingLogger {
  const debuggers = new Map<string, ReturnType<CreateDebug>>();
  const debuggerFor = (subsystem: string): ReturnType<CreateDebug> => {
    let found = debuggers.get(subsystem);
    if (found === undefined) {
      found = debug(`memberlist:${subsystem}`);
      debuggers.set(subsystem, found);
    }
    return found;
  };
  const logger = guarded((level, message, fields) => {
    const write = debuggerFor(subsystemOf(fields));
    if (!write.enabled) {
      if (isUrgent(level)) stderr?.(level, message, fields);
      return;
    }
    const shown = shownFields(fields);
    if (shown === undefined) write('%s %s', level, message);
    else write('%s %s %o', level, message, shown);
  });
  return {
    ...logger,
    isOn: (level, subsystem) =>
      debuggerFor(subsystem).enabled || (stderr !== undefined && isUrgent(level)),
  };
}

function isUrgent(level: Level): level is StderrLevel {
  return level === 'warn' || level === 'error';
}

/** Looks the method up at each call: loggers that change their level exchange their methods. */
function userSink(user: Logger): Sink {
  return (level, message, fields) =>
    fields === undefined
      ? user[level](message)
      : user[level](formatsAsConsole(user, level) ? verbatim(message) : message, fields);
}

// With a second argument console reads the first as printf does, and would put the fields into a name such as
// `web-%s`. Loggers that take its methods over, as in `{ ...console }`, do the same.
function formatsAsConsole(user: Logger, level: Level): boolean {
  return user instanceof Console || user[level] === globalThis.console[level];
}

function verbatim(message: string): string {
  return message.replaceAll('%', '%%');
}

type PinoMethod = (fields: object, message: string) => unknown;
interface Pino extends Readonly<Record<Level, PinoMethod>> {
  child(bindings: object): unknown;
  bindings(): object;
}

/** By two methods that pino documents, and that loggers with the message first do not both have. */
function isPino(user: object): user is Pino {
  const { child, bindings } = user as Partial<Pino>;
  return typeof child === 'function' && typeof bindings === 'function';
}

/** Pino wants the fields first, and shows the error under `err` only. */
function pinoSink(user: Pino): Sink {
  return (level, message, fields) => {
    const { error, ...others } = { ...fields } as { error?: unknown };
    const err = typeof error === 'object' && error !== null ? errorForPino(error) : error;
    return user[level](err === undefined ? others : { ...others, err }, message);
  };
}

// Its serializer takes the type from the constructor, or else from the name; that of a plain object is "Object".
function errorForPino(error: { type?: unknown; cause?: unknown }): object {
  const { cause, ...fields } = error;
  const nested = typeof cause === 'object' && cause !== null ? { cause: errorForPino(cause) } : {};
  const bare = Object.create(null) as object;
  return Object.defineProperty(Object.assign(bare, fields, nested), 'name', {
    value: error.type,
    enumerable: false,
  });
}

function subsystemOf(fields: object | undefined): string {
  const subsystem = fields !== undefined && 'subsystem' in fields ? fields.subsystem : undefined;
  return typeof subsystem === 'string' ? subsystem : defaultSubsystem;
}

/** The fields without the subsystem, which the namespace shows already; undefined if none is left. */
function shownFields(fields: object | undefined): object | undefined {
  if (fields === undefined) return undefined;
  const shown = Object.entries(fields).filter(([name]) => name !== 'subsystem');
  return shown.length === 0 ? undefined : Object.fromEntries(shown);
}

function guarded(sink: Sink): Logger {
  const at =
    (level: Level) =>
    (message: string, fields?: object): void => {
      try {
        const result = sink(level, message, fields);
        if (isThenable(result)) catchRejection(result, ignore);
      } catch {
        // There is nowhere left to say it.
      }
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function ignore(): void {
  // There is nowhere left to say it.
}
