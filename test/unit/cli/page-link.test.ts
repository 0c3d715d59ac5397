/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How the page detects that its agent is silent. The browser's APIs are replaced.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Link } from '../../../src/cli/page/browser/link.mjs';

class FakeSource {
  static readonly CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = 1;
  onerror: () => void = () => undefined;
  readonly #listeners = new Map<string, (event: { data: string }) => void>();

  constructor(readonly url: string) {
    FakeSource.all.push(this);
  }

  addEventListener(event: string, listener: (event: { data: string }) => void): void {
    this.#listeners.set(event, listener);
  }

  sends(event: string, data: unknown): void {
    this.#listeners.get(event)?.({ data: JSON.stringify(data) });
  }

  /** The connection is lost (0) or was answered with an error (2). */
  fails(readyState: number): void {
    this.readyState = readyState;
    this.onerror();
  }

  close(): void {
    this.readyState = FakeSource.CLOSED;
  }

  static get last(): FakeSource {
    return FakeSource.all.at(-1) as FakeSource;
  }
}

let now = 0;
const got: unknown[] = [];
let link: Link;

beforeEach(() => {
  FakeSource.all = [];
  now = 1_000;
  mock.method(performance, 'now', () => now);
  Object.assign(globalThis, { EventSource: FakeSource });
  link = new Link({ listeners: { status: (data) => got.push(data) } });
  link.open();
});
afterEach(() => mock.restoreAll());

test('the page is live while messages arrive, and its data is stale five seconds after the last one', () => {
  assert.equal(link.check(), 'connecting');
  FakeSource.last.sends('status', { at: 7 });
  assert.deepEqual(got.at(-1), { at: 7 });
  now += 5_000;
  assert.equal(link.check(), 'live');
  now += 1;
  assert.equal(link.check(), 'stale');
  assert.equal(link.silence, 5_001);
  FakeSource.last.sends('status', { at: 8 });
  assert.equal(link.check(), 'live');
});

test('an open connection that is silent is replaced, with growing intervals', () => {
  FakeSource.last.sends('status', {});
  const opened: number[] = [];
  const startedAt = now;
  while (now < startedAt + 300_000) {
    now += 500;
    const before = FakeSource.all.length;
    assert.notEqual(link.check(), 'connecting');
    if (FakeSource.all.length > before) opened.push((now - startedAt) / 1_000);
  }
  assert.deepEqual(opened, [20.5, 61, 141.5, 222]);
  assert.equal(FakeSource.all[0]?.readyState, FakeSource.CLOSED, 'the old one is closed');
  FakeSource.last.sends('status', {});
  assert.equal(link.check(), 'live');
});

test('a lost connection is restored automatically', () => {
  FakeSource.last.sends('status', {});
  FakeSource.last.fails(0);
  assert.equal(link.check(), 'lost');
  assert.equal(FakeSource.all.length, 1, 'the browser connects again');
  FakeSource.last.sends('status', {});
  assert.equal(link.check(), 'live');
});

test('a page beyond the viewer limit reports it, and tries again', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let answer: Promise<object> = Promise.resolve({});
    mock.method(globalThis, 'fetch', () => answer);
    FakeSource.last.fails(FakeSource.CLOSED);
    await turns();
    assert.equal(link.check(), 'full');
    mock.timers.tick(3_000);
    assert.equal(FakeSource.all.length, 2);
    answer = Promise.reject(new Error('no route'));
    FakeSource.last.fails(FakeSource.CLOSED);
    await turns();
    assert.equal(link.check(), 'lost', 'there is no answer at all');
    mock.timers.tick(3_000);
    FakeSource.last.sends('status', {});
    assert.equal(link.check(), 'live');
  } finally {
    mock.timers.reset();
  }
});

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
