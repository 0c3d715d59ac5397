/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The order of things, with a list that only notes what is asked of it. With real processes and signals: test/sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, mock, suite, test } from 'node:test';
import { ConfigError, leaveOnSignals, type Memberlist } from '../../../src/index.js';
import type { LeaveOnSignalsOptions } from '../../../src/service/leave-on-signals.js';

const SIGNAL = 'SIGUSR2';

/** A list that notes what is asked of it. */
function listThat(notes: string[], behaves: { rejects?: boolean } = {}): Memberlist {
  const does = (what: string) => (): Promise<void> => {
    notes.push(what);
    return behaves.rejects === true ? Promise.reject(new Error('cannot')) : Promise.resolve();
  };
  const endWithProcess = (): void => undefined;
  return {
    leave: does('leave'),
    shutdown: does('shutdown'),
    endWithProcess,
  } as unknown as Memberlist;
}

/** Resolves with the code with which the process would exit. */
function exitCode(): Promise<number> {
  return new Promise((resolve) => mock.method(process, 'exit', resolve as never));
}

/** Resolves once the handlers of what has ended have run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

suite('leaveOnSignals', () => {
  const stops: (() => void)[] = [];
  const listen = (list: Memberlist, options: LeaveOnSignalsOptions = {}): void => {
    stops.push(leaveOnSignals(list, { signals: [SIGNAL], ...options }));
  };
  // Timers of a node do not keep a process alive, nor does a hook that never ends.
  const alive = setInterval(() => undefined, 60_000);
  after(() => clearInterval(alive));
  // After an exit that was only noted, a signal is the second one; an ending that does not exit undoes that.
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
    mock.restoreAll();
  });

  test('without an exit: hooks run around the leave, and later the signal has its usual effect again', async () => {
    const notes: string[] = [];
    const note = (what: string) => (signal: NodeJS.Signals) => {
      notes.push(`${what} ${signal}`);
    };
    const before = process.listenerCount(SIGNAL);
    const list = listThat(notes);
    const ended = new Promise<void>((resolve) => {
      const last = (signal: NodeJS.Signals): void => {
        note('after')(signal);
        resolve();
      };
      listen(list, { before: note('before'), after: last, exit: false });
    });
    process.emit(SIGNAL, SIGNAL);
    process.emit(SIGNAL, SIGNAL);
    await ended;
    await settled();
    assert.deepEqual(notes, [`before ${SIGNAL}`, 'leave', 'shutdown', `after ${SIGNAL}`]);
    assert.equal(process.listenerCount(SIGNAL), before);
  });

  test('without an exit: a hook that throws or never ends does not keep the node from leaving', async () => {
    const notes: string[] = [];
    const warned = once(process, 'warning');
    const fail = (): never => {
      throw new Error('the server cannot close');
    };
    const ended = new Promise<void>((resolve) => {
      listen(listThat(notes), { before: fail, after: () => resolve(), exit: false });
    });
    process.emit(SIGNAL, SIGNAL);
    await ended;
    assert.deepEqual(notes, ['leave', 'shutdown']);
    assert.match(String((await warned)[0]), /the server cannot close/);
    await settled();

    const late = once(process, 'warning');
    const endless = new Promise<void>((resolve) => {
      const before = (): Promise<never> => new Promise(() => undefined);
      listen(listThat(notes), { before, after: () => resolve(), exit: false, timeout: 20 });
    });
    process.emit(SIGNAL, SIGNAL);
    await endless;
    assert.deepEqual(notes.slice(2), ['leave', 'shutdown']);
    assert.match(String((await late)[0]), /leaveOnSignals: before did not finish within/);
    await settled();
  });

  test('wrong options are refused', () => {
    const list = listThat([]);
    for (const options of [
      { timeout: 0 },
      { timeout: '5' },
      { before: 5 },
      { after: {} },
      { exit: 'no' },
      { signals: [] },
      { befor: () => undefined },
    ]) {
      assert.throws(() => leaveOnSignals(list, options as never), ConfigError);
    }
  });

  // The last one, as a process exits once.
  test('of two lists one can neither leave nor shut down, and a hook of the other throws: the exit code is 1', async () => {
    const notes: string[] = [];
    const warned = once(process, 'warning');
    const exited = exitCode();
    listen(listThat(notes, { rejects: true }));
    listen(listThat(notes), {
      after: () => Promise.reject(new Error('cannot close')),
      exit: false,
    });
    process.emit(SIGNAL, SIGNAL);
    assert.equal(await exited, 1);
    assert.deepEqual(notes.sort(), ['leave', 'leave', 'shutdown', 'shutdown']);
    await warned;
  });
});
