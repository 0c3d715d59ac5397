/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format } from 'node:util';
import createDebug from 'debug';
import type { Logger } from '../../../src/config/options.js';
import { plainDebug } from '../../../src/observability/load-debug.js';
import { defaultLogger, loggerFor, userLogger } from '../../../src/observability/logger.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

const levels = ['debug', 'info', 'warn', 'error'] as const;
const originalLog = createDebug.log;

/** The output of the debug package while `body` runs, as text without colors. */
function debugOutput(namespaces: string, body: () => void): string[] {
  const lines: string[] = [];
  createDebug.log = (...args: unknown[]) => void lines.push(format(...args));
  createDebug.enable(namespaces);
  body();
  return lines;
}

afterEach(() => {
  createDebug.disable();
  createDebug.log = originalLog;
});

const ignore = () => undefined;

function recorder(): { logger: Logger; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const at =
    (level: string) =>
    (...args: unknown[]) =>
      void calls.push([level, ...args]);
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { logger, calls };
}

test('a user logger gets level, message and fields', () => {
  const { logger, calls } = recorder();
  const wrapped = userLogger(logger);
  for (const level of levels) wrapped[level]('a message', { subsystem: 'probe', node: 'a' });
  assert.deepEqual(
    calls,
    levels.map((level) => [level, 'a message', { subsystem: 'probe', node: 'a' }]),
  );
});

test('without fields a user logger gets the message alone', () => {
  const { logger, calls } = recorder();
  userLogger(logger).info('a message');
  assert.deepEqual(calls, [['info', 'a message']]);
});

test('a user logger keeps its this, and may replace its methods', () => {
  const { logger, calls } = recorder();
  class Counting {
    count = 0;
    warn(): void {
      this.count += 1;
    }
  }
  const counting: Logger & Counting = Object.assign(new Counting(), {
    debug: ignore,
    info: ignore,
    error: ignore,
  });
  const wrapped = userLogger(counting);
  wrapped.warn('one');
  assert.equal(counting.count, 1);
  counting.warn = () => logger.warn('exchanged');
  wrapped.warn('two');
  assert.deepEqual(calls, [['warn', 'exchanged']]);
});

test('a user logger that throws or rejects does no harm', async () => {
  const throws = (): never => {
    throw new Error('disk full');
  };
  const rejects = (): unknown => Promise.reject(new Error('disk full'));
  const thenable = () => ({ then: () => undefined });
  const logger = userLogger({ debug: throws, info: rejects, warn: thenable, error: throws });
  for (const level of levels) logger[level]('a message', {});
  // An unhandled rejection would fail this test by the time the loop has turned.
  await new Promise((resolve) => setImmediate(resolve));
});

test('console is a logger', () => {
  const lines: unknown[][] = [];
  const original = console.info;
  console.info = (...args: unknown[]) => void lines.push(args);
  userLogger(console).info('a message', { code: 'x' });
  console.info = original;
  assert.deepEqual(lines, [['a message', { code: 'x' }]]);
});

test('console does not treat a name as a format, nor do loggers with its methods or of its class', () => {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const original = console.info;
  console.info = (...args: unknown[]) => void lines.push(`${format(...args)}\n`);
  const names = ['web-%s-1', '100%d', '%c', '%o%O%j', '%%', '50%'];
  for (const logger of [console, { ...console }, new Console(stream, stream)]) {
    for (const name of names) {
      userLogger(logger).info(`${name} joined`, { code: 'x' });
      assert.equal(lines.pop(), `${name} joined { code: 'x' }\n`);
    }
  }
  console.info = original;
  const { logger, calls } = recorder();
  userLogger(logger).info('100%d', { code: 'x' });
  assert.deepEqual(calls, [['info', '100%d', { code: 'x' }]], 'another logger gets it as it is');
});

test('pino gets the fields first, and the error as `err` with its type', () => {
  const { logger, calls } = recorder();
  const pino = Object.assign(logger, { child: () => logger, bindings: () => ({}) });
  const cause = { type: 'Error', message: 'why', stack: 'Error: why' };
  const error = { type: 'TypeError', message: 'no', code: 'E', stack: 'TypeError: no', cause };
  userLogger(pino).warn('a message', { code: 'x', error });
  userLogger(pino).warn('another');
  assert.deepEqual(JSON.parse(JSON.stringify(calls)), [
    ['warn', { code: 'x', err: error }, 'a message'],
    ['warn', {}, 'another'],
  ]);
  // Like pino's serializer: the constructor if there is one, otherwise the name.
  const { err } = calls[0]?.[1] as { err: Error };
  for (const each of [err, err.cause as Error]) {
    assert.equal((each as { constructor?: unknown }).constructor, undefined);
    assert.equal(each.name, (each as Error & { type?: string }).type);
    assert.deepEqual(Object.keys(each).includes('name'), false);
  }
});

/** A default logger, and its output on stderr. */
function withStderr(): { logger: Logger; lines: unknown[][] } {
  const lines: unknown[][] = [];
  const stderr = (...line: unknown[]) => void lines.push(line);
  return { logger: defaultLogger({ debug: createDebug, stderr }), lines };
}

test('by default warnings and errors go to stderr, and nothing goes to debug', () => {
  const { logger, lines } = withStderr();
  const shown = debugOutput('', () => {
    for (const level of levels) logger[level]('a message', { node: 'a' });
  });
  assert.deepEqual(shown, []);
  assert.deepEqual(lines, [
    ['warn', 'a message', { node: 'a' }],
    ['error', 'a message', { node: 'a' }],
  ]);
});

test('with logger: false nothing is written unless DEBUG enables it', async () => {
  const logger = await loggerFor(false);
  const silent = debugOutput('', () => {
    for (const level of levels) logger[level]('a message');
  });
  assert.deepEqual(silent, []);
  assert.equal(logger.isOn?.('error', 'core'), false);
  const lines = debugOutput('memberlist:*', () => {
    for (const level of levels) logger[level]('a message');
  });
  assert.equal(lines.length, 4);
});

test('a line of a namespace that DEBUG enables does not go to stderr as well', () => {
  const { logger, lines } = withStderr();
  const shown = debugOutput('memberlist:probe', () => {
    logger.warn('one', { subsystem: 'probe' });
    logger.warn('two', { subsystem: 'stream' });
  });
  assert.equal(shown.length, 1);
  assert.match(shown[0] ?? '', /one/);
  assert.deepEqual(lines, [['warn', 'two', { subsystem: 'stream' }]]);
});

test('the default logger reports which lines are not written', () => {
  const quiet = defaultLogger({ debug: createDebug });
  const loud = defaultLogger({ debug: createDebug, stderr: ignore });
  debugOutput('memberlist:probe', () => {
    assert.equal(quiet.isOn?.('debug', 'probe'), true);
    assert.equal(quiet.isOn('error', 'core'), false);
    assert.equal(loud.isOn?.('error', 'core'), true);
    assert.equal(loud.isOn('info', 'core'), false);
  });
});

test('if the debug package cannot be loaded, DEBUG has the same meaning', () => {
  const lines: string[] = [];
  const output = { isTerminal: false, write: (line: string) => lines.push(line) > 0 };
  const isOn = (DEBUG: string | undefined, subsystem: string): boolean => {
    const before = lines.length;
    defaultLogger({ debug: plainDebug({ DEBUG }, output) }).debug('%s', { subsystem, node: 'n7' });
    return lines.length > before;
  };
  for (const [setting, on, off] of [
    ['memberlist:*', 'probe', undefined],
    ['*', 'probe', undefined],
    ['memberlist:probe', 'probe', 'probes'],
    ['x, memberlist:p*', 'probe', 'stream'],
    ['memberlist:*,-memberlist:stream', 'probe', 'stream'],
    ['memberlist.*', undefined, 'probe'],
    ['', undefined, 'probe'],
    [undefined, undefined, 'probe'],
  ] as const) {
    if (on !== undefined) assert.ok(isOn(setting, on), `${setting} ${on}`);
    if (off !== undefined) assert.ok(!isOn(setting, off), `${setting} ${off}`);
  }
  assert.match(lines[0] ?? '', /^\d{4}-.*Z memberlist:probe debug %s \{ node: 'n7' \}$/);
});

test('when enabled, the default logger writes the namespace, the level, the message and the fields', () => {
  const [line, ...others] = debugOutput('memberlist:*', () => {
    defaultLogger({ debug: createDebug }).warn('no %s answer', {
      subsystem: 'probe',
      node: 'n7',
      misses: 3,
    });
  });
  assert.deepEqual(others, []);
  assert.match(line ?? '', /memberlist:probe.*warn no %s answer.*node.*n7.*misses.*3/s);
  assert.doesNotMatch(line ?? '', /subsystem/);
});

test('a line without a subsystem belongs to the core', () => {
  const lines = debugOutput('memberlist:core', () => {
    const logger = defaultLogger({ debug: createDebug });
    logger.info('one');
    logger.info('two', { subsystem: 5 });
    logger.info('three', { subsystem: 'gossip' });
  });
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /memberlist:core.*info one/s);
  assert.doesNotMatch(lines[0] ?? '', /undefined/);
  assert.match(lines[1] ?? '', /memberlist:core.*info two/s);
});

test('a logger that was created before debugging was enabled writes afterwards', () => {
  const logger = defaultLogger({ debug: createDebug });
  logger.error('before');
  const lines = debugOutput('memberlist:*', () => logger.error('after'));
  assert.equal(lines.length, 1);
});

test('the default logger does not read the fields of lines that are not written', () => {
  const fields = {
    get expensive(): never {
      throw new Error('looked');
    },
  };
  let looked = false;
  const watched = new Proxy(fields, {
    ownKeys: (target) => {
      looked = true;
      return Reflect.ownKeys(target);
    },
  });
  defaultLogger({ debug: createDebug }).debug('a message', watched);
  assert.equal(looked, false);
  debugOutput('memberlist:*', () =>
    defaultLogger({ debug: createDebug }).debug('a message', watched),
  );
  assert.equal(looked, true);
});

test('nodes of a simulation write nothing to stderr, unless they are given a logger', async () => {
  const { logger } = recorder();
  await using cluster = await SimulatedCluster.create({ size: 1 });
  await cluster.addNode('undefined', { config: { logger: undefined } });
  await cluster.addNode('own', { config: { logger } });
  const loggers = ['n0', 'undefined', 'own'].map((name) => cluster.node(name).config.logger);
  assert.deepEqual(loggers, [false, false, logger]);
});
