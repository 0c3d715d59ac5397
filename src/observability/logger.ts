/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Passes log lines to the user's logger, or to `debug` and stderr. Logging never stops the protocol, and costs nothing
// when no output is enabled.
import { Console } from 'node:console';
import type { Logger } from '../config/options.js';
import { catchRejection, isThenable } from '../runtime/thenable.js';
import { loadDebug, type CreateDebug } from './load-debug.js';
import { stderrLines, type StderrLevel } from './stderr-lines.js';

type Level = keyof Logger;
type Sink = (level: Level, message: string, fields: object | undefined) => unknown;
/** Writes warnings and errors that no other output shows. */
type Stderr = (level: StderrLevel, message: string, fields?: object) => void;

const defaultSubsystem = 'core';

/** A logger that can report that a line would not be written, so that the line need not be built. */
export interface SparingLogger extends Logger {
  /** Whether lines of a level and a subsystem are currently written. Without this method: all are. */
  isOn?(level: Level, subsystem: string): boolean;
}

/** The outputs of the default logger. */
export interface DefaultLoggerComponents {
  readonly debug: CreateDebug;
  /** Default: none; then warnings and errors go to `debug` only. */
  readonly stderr?: Stderr | undefined;
}

/**
 * The logger that the library writes to: the user's, or the default logger if there is none; for `false`, the default
 * logger without stderr. Exceptions and rejections of a user's logger are ignored.
 *
 * A message is text, never a format string: `%` in a name is preserved, also with `console` and `debug`.
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

/** A logger that passes lines to the user's logger. */
export function userLogger(user: Logger): Logger {
  return guarded(isPino(user) ? pinoSink(user) : userSink(user));
}

/**
 * Writes to the `debug` package under `memberlist:<subsystem>`, where the subsystem is the text in `fields.subsystem`
 * (`core` without one). `debug` prints nothing unless it is enabled, for example by `DEBUG=memberlist:*`. Warnings and
 * errors that it does not print go to stderr.
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

/** Looks the method up at each call: some loggers replace their methods when their level changes. */
function userSink(user: Logger): Sink {
  return (level, message, fields) =>
    fields === undefined
      ? user[level](message)
      : user[level](formatsAsConsole(user, level) ? verbatim(message) : message, fields);
}

// If there is a second argument, console treats the first one as a printf format, and would insert the fields into a
// name such as `web-%s`. A logger that copies its methods, such as `{ ...console }`, does the same.
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

/** Detects pino by two documented methods that loggers with the message as first argument do not both have. */
function isPino(user: object): user is Pino {
  const { child, bindings } = user as Partial<Pino>;
  return typeof child === 'function' && typeof bindings === 'function';
}

/** Pino takes the fields first, and formats an error under `err` only. */
function pinoSink(user: Pino): Sink {
  return (level, message, fields) => {
    const { error, ...others } = { ...fields } as { error?: unknown };
    const err = typeof error === 'object' && error !== null ? errorForPino(error) : error;
    return user[level](err === undefined ? others : { ...others, err }, message);
  };
}

// Pino's serializer takes the type from the constructor, otherwise from the name. Without a prototype it uses the name.
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

/** The fields without the subsystem, which the namespace already shows; undefined if none is left. */
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
        // There is no other place to report it.
      }
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function ignore(): void {
  // There is no other place to report it.
}
