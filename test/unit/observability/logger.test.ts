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
import { createLogger } from '../../../src/observability/logger.js';

const levels = ['debug', 'info', 'warn', 'error'] as const;
const originalLog = createDebug.log;

/** What the debug package writes while `body` runs, as text without colours. */
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
  const wrapped = createLogger(logger);
  for (const level of levels) wrapped[level]('a message', { subsystem: 'probe', node: 'a' });
  assert.deepEqual(
    calls,
    levels.map((level) => [level, 'a message', { subsystem: 'probe', node: 'a' }]),
  );
});

test('without fields a user logger gets the message alone', () => {
  const { logger, calls } = recorder();
  createLogger(logger).info('a message');
  assert.deepEqual(calls, [['info', 'a message']]);
});

test('a user logger keeps its this, and may exchange its methods', () => {
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
  const wrapped = createLogger(counting);
  wrapped.warn('one');
  assert.equal(counting.count, 1);
  counting.warn = () => logger.warn('exchanged');
  wrapped.warn('two');
  assert.deepEqual(calls, [['warn', 'exchanged']]);
});

test('a user logger that throws or rejects breaks nothing', async () => {
  const throws = (): never => {
    throw new Error('disk full');
  };
  const rejects = (): unknown => Promise.reject(new Error('disk full'));
  const thenable = () => ({ then: () => undefined });
  const logger = createLogger({ debug: throws, info: rejects, warn: thenable, error: throws });
  for (const level of levels) logger[level]('a message', {});
  // An unhandled rejection would fail this test by the time the loop has turned.
  await new Promise((resolve) => setImmediate(resolve));
});

test('console is a logger', () => {
  const lines: unknown[][] = [];
  const original = console.info;
  console.info = (...args: unknown[]) => void lines.push(args);
  createLogger(console).info('a message', { code: 'x' });
  console.info = original;
  assert.deepEqual(lines, [['a message', { code: 'x' }]]);
});

test('console reads no format into a name, nor do loggers with its methods or of its class', () => {
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
      createLogger(logger).info(`${name} joined`, { code: 'x' });
      assert.equal(lines.pop(), `${name} joined { code: 'x' }\n`);
    }
  }
  console.info = original;
  const { logger, calls } = recorder();
  createLogger(logger).info('100%d', { code: 'x' });
  assert.deepEqual(calls, [['info', '100%d', { code: 'x' }]], 'another logger gets it as it is');
});

test('pino gets its fields first, and the error where it shows it', () => {
  const { logger, calls } = recorder();
  const pino = Object.assign(logger, { child: () => logger, bindings: () => ({}) });
  const error = new Error('no');
  createLogger(pino).warn('a message', { code: 'x', error });
  createLogger(pino).warn('another');
  assert.deepEqual(calls, [
    ['warn', { code: 'x', err: error }, 'a message'],
    ['warn', {}, 'another'],
  ]);
});

test('by default nothing is written', () => {
  const lines = debugOutput('', () => {
    for (const level of levels) createLogger(undefined)[level]('a message', { node: 'a' });
  });
  assert.deepEqual(lines, []);
});

test('asked for, the default writes the namespace, the level, the message and the fields', () => {
  const [line, ...others] = debugOutput('memberlist:*', () => {
    createLogger(undefined).warn('no %s answer', { subsystem: 'probe', node: 'n7', misses: 3 });
  });
  assert.deepEqual(others, []);
  assert.match(line ?? '', /memberlist:probe.*warn no %s answer.*node.*n7.*misses.*3/s);
  assert.doesNotMatch(line ?? '', /subsystem/);
});

test('a line without a subsystem belongs to the core', () => {
  const lines = debugOutput('memberlist:core', () => {
    const logger = createLogger(undefined);
    logger.info('one');
    logger.info('two', { subsystem: 5 });
    logger.info('three', { subsystem: 'gossip' });
  });
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /memberlist:core.*info one/s);
  assert.doesNotMatch(lines[0] ?? '', /undefined/);
  assert.match(lines[1] ?? '', /memberlist:core.*info two/s);
});

test('a logger that was made before debugging was switched on writes afterwards', () => {
  const logger = createLogger(undefined);
  logger.error('before');
  const lines = debugOutput('memberlist:*', () => logger.error('after'));
  assert.equal(lines.length, 1);
});

test('the default does not look at fields that nobody asked to see', () => {
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
  createLogger(undefined).debug('a message', watched);
  assert.equal(looked, false);
  debugOutput('memberlist:*', () => createLogger(undefined).debug('a message', watched));
  assert.equal(looked, true);
});
