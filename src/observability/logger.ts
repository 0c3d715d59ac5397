/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Logging must never stop the protocol and must cost nothing when nobody listens.
import { Console } from 'node:console';
import createDebug from 'debug';
import type { Logger } from '../config/options.js';
import { catchRejection, isThenable } from '../runtime/thenable.js';

type Level = keyof Logger;
type Sink = (level: Level, message: string, fields: object | undefined) => unknown;

const defaultSubsystem = 'core';

/**
 * The logger that the library writes to: the user's, or else the `debug` package under
 * `memberlist:<subsystem>`, where the subsystem is the text in `fields.subsystem` (`core` without
 * one). The latter is silent unless asked for, for instance by `DEBUG=memberlist:*`.
 *
 * A message is text, never a format: `%` in a name stays what it is for `console` and `debug`, too.
 *
 * Whatever a user's logger throws, or rejects with, is dropped.
 */
export function createLogger(user: Logger | undefined): Logger {
  if (user === undefined) return guarded(debugSink());
  return guarded(isPino(user) ? pinoSink(user) : userSink(user));
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
    return user[level](error === undefined ? others : { ...others, err: error }, message);
  };
}

function debugSink(): Sink {
  const debuggers = new Map<string, createDebug.Debugger>();
  const debuggerFor = (subsystem: string): createDebug.Debugger => {
    let found = debuggers.get(subsystem);
    if (found === undefined) {
      found = createDebug(`memberlist:${subsystem}`);
      debuggers.set(subsystem, found);
    }
    return found;
  };

  return (level, message, fields) => {
    const write = debuggerFor(subsystemOf(fields));
    if (!write.enabled) return;
    const shown = shownFields(fields);
    if (shown === undefined) write('%s %s', level, message);
    else write('%s %s %o', level, message, shown);
  };
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
