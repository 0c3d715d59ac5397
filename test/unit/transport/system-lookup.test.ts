/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { mock, suite, test } from 'node:test';
import { Driver } from '../../../src/testing/driver.js';
import { VirtualClock } from '../../../src/testing/index.js';
import {
  addressesIn,
  namesFor,
  searchListOf,
  SystemLookup,
  systemPorts,
  type LookupPorts,
} from '../../../src/transport/system-lookup.js';

const never = new AbortController().signal;

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A machine whose sources answer as the test defines, and which records the queries. */
class Machine implements LookupPorts {
  readonly clock = new VirtualClock();
  readonly driver = new Driver(this.clock);
  readonly hostsFile = 'hosts';
  readonly resolvConf = 'resolv.conf';
  readonly files: Record<string, string> = {};
  /** By `name/family`: an error code or the addresses; without an entry the servers do not answer. */
  readonly records: Record<string, string | string[]> = {};
  readonly queries: string[] = [];
  readonly cancelled: string[] = [];
  readonly asked: string[] = [];
  readonly system = new Map<string, (addresses: string[]) => void>();
  readonly lookup = new SystemLookup(this);

  read(path: string): Promise<string> {
    const text = this.files[path];
    return text === undefined ? Promise.reject(coded('ENOENT')) : Promise.resolve(text);
  }

  query(name: string, family: 4 | 6, signal: AbortSignal): Promise<string[]> {
    const query = `${name}/${family}`;
    this.queries.push(query);
    const record = this.records[query];
    if (Array.isArray(record)) return Promise.resolve(record);
    if (record !== undefined) return Promise.reject(coded(record));
    return new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => {
        this.cancelled.push(query);
        reject(coded('ECANCELLED'));
      }),
    );
  }

  getaddrinfo(name: string): Promise<string[]> {
    this.asked.push(name);
    return new Promise((resolve) => this.system.set(name, resolve));
  }

  /** The same answer for both families of a name. */
  has(name: string, record: string): void {
    this.records[`${name}/4`] = this.records[`${name}/6`] = record;
  }

  lookUp(name: string, signal = never): Promise<readonly string[]> {
    return this.lookup.lookUp(name, signal);
  }
}

suite('a host name', () => {
  test('in the hosts file is found there, without a query', async () => {
    const machine = new Machine();
    machine.files.hosts =
      '# a comment\n127.0.0.1 localhost\n10.0.0.7\tDB db.example.org # db2\nfd00::7 db\nnonsense db\n';
    assert.deepEqual(await machine.lookUp('db'), ['10.0.0.7', 'fd00::7']);
    assert.deepEqual(await machine.lookUp('DB.example.org.'), ['10.0.0.7']);
    assert.deepEqual(machine.queries, []);
    assert.deepEqual(machine.asked, []);
    assert.deepEqual(addressesIn(machine.files.hosts, 'db2'), []);
  });

  test('that is localhost leads to this host, also without a hosts file', async () => {
    const machine = new Machine();
    for (const name of ['localhost', 'LOCALHOST.', 'db.localhost']) {
      assert.deepEqual(await machine.lookUp(name), ['127.0.0.1', '::1']);
    }
    assert.deepEqual(machine.queries, []);
  });

  test('is queried from the name servers, IPv4 before IPv6, without occupying a thread', async () => {
    const machine = new Machine();
    Object.assign(machine.records, { 'db/4': ['10.0.0.7'], 'db/6': ['fd00::7'] });
    assert.deepEqual(await machine.lookUp('db'), ['10.0.0.7', 'fd00::7']);
    assert.deepEqual(machine.asked, []);
    assert.equal(machine.clock.pending, 0);
  });

  test('with an address of one family does not wait for a missing answer about the other', async () => {
    const machine = new Machine();
    machine.records['db/4'] = ['10.0.0.7'];
    const found = machine.lookUp('db');
    await machine.driver.run(500);
    assert.deepEqual(await found, ['10.0.0.7']);
    assert.deepEqual(machine.cancelled, ['db/6']);
  });

  test('that the servers do not know is queried from the system', async () => {
    for (const code of ['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'ECONNREFUSED']) {
      const machine = new Machine();
      machine.has('db', code);
      const found = machine.lookUp('db');
      await machine.driver.settle();
      machine.system.get('db')?.(['10.0.0.7']);
      assert.deepEqual(await found, ['10.0.0.7']);
    }
  });

  test('is not queried from the system while the servers do not answer', async () => {
    const machine = new Machine();
    machine.has('db', 'ETIMEOUT');
    await assert.rejects(machine.lookUp('db'), /the name servers do not answer .*"db"/);
    machine.records['web/4'] = 'ENODATA';
    machine.records['web/6'] = 'ETIMEOUT';
    await assert.rejects(machine.lookUp('web'), /do not answer/);
    assert.deepEqual(machine.asked, []);
  });

  test('of multicast DNS is queried from the system, but not a name in a domain called local', async () => {
    const machine = new Machine();
    const found = machine.lookUp('printer.local');
    await machine.driver.settle();
    machine.system.get('printer.local')?.(['10.0.0.7']);
    assert.deepEqual(await found, ['10.0.0.7']);
    assert.deepEqual(machine.queries, []);
    const name = 'gossip.ns.svc.cluster.local';
    machine.records[`${name}/4`] = machine.records[`${name}/6`] = ['10.0.0.8'];
    assert.deepEqual(new Set(await machine.lookUp(name)), new Set(['10.0.0.8']));
  });

  test('occupies at most one thread, and is not queried after it was canceled', async () => {
    const machine = new Machine();
    for (const name of ['a', 'b', 'c']) machine.has(name, 'ENOTFOUND');
    const stop = new AbortController();
    const reason = new Error('never mind');
    const a = machine.lookUp('a', stop.signal);
    await machine.driver.settle();
    const b = machine.lookUp('b', stop.signal);
    const c = machine.lookUp('c');
    await machine.driver.settle();
    assert.deepEqual(machine.asked, ['a']);
    stop.abort(reason);
    await assert.rejects(a, reason);
    await assert.rejects(b, reason);
    await machine.driver.settle();
    assert.deepEqual(machine.asked, ['a'], 'its thread is still occupied');
    machine.system.get('a')?.([]);
    await machine.driver.settle();
    assert.deepEqual(machine.asked, ['a', 'c']);
    machine.system.get('c')?.(['10.0.0.7']);
    assert.deepEqual(await c, ['10.0.0.7']);
  });

  test('is canceled at once, and so are its queries', async () => {
    const machine = new Machine();
    const stop = new AbortController();
    const found = machine.lookUp('db', stop.signal);
    await machine.driver.settle();
    const reason = new Error('never mind');
    stop.abort(reason);
    await assert.rejects(found, reason);
    assert.deepEqual(machine.cancelled.sort(), ['db/4', 'db/6']);
    assert.deepEqual(machine.asked, []);
  });

  test('is completed with the search domains of resolv.conf', async () => {
    const machine = new Machine();
    machine.files['resolv.conf'] =
      'search ns.svc.cluster.local svc.cluster.local\noptions ndots:5\n';
    machine.has('db.ns.svc.cluster.local', 'ENOTFOUND');
    machine.records['db.svc.cluster.local/4'] = ['10.0.0.7'];
    machine.records['db.svc.cluster.local/6'] = 'ENODATA';
    assert.deepEqual(await machine.lookUp('db'), ['10.0.0.7']);
    assert.equal(machine.queries.length, 4);
  });

  test('is not completed further after a server did not answer', async () => {
    const machine = new Machine();
    machine.files['resolv.conf'] = 'search a b c';
    machine.has('db.a', 'ETIMEOUT');
    await assert.rejects(machine.lookUp('db'), /do not answer/);
    assert.deepEqual(machine.queries, ['db.a/4', 'db.a/6']);
  });

  test('beyond 64 concurrent names waits', async () => {
    const machine = new Machine();
    const stop = new AbortController();
    const all = Array.from({ length: 100 }, (_, i) =>
      machine.lookUp(`n${i}`, stop.signal).catch(() => undefined),
    );
    await machine.driver.settle();
    assert.equal(machine.queries.length, 128);
    stop.abort(new Error('never mind'));
    await Promise.all(all);
    assert.equal(machine.queries.length, 128);
  });
});

suite('a query to the name servers of this machine', () => {
  test('is canceled with its caller, so that it does not keep the process alive', async () => {
    let fail: (error: Error) => void = () => undefined;
    const silent = (): Promise<string[]> => new Promise((_resolve, reject) => (fail = reject));
    const resolve4 = mock.method(Resolver.prototype, 'resolve4', silent as never);
    const cancel = mock.method(Resolver.prototype, 'cancel', () => fail(coded('ECANCELLED')));
    try {
      const stop = new AbortController();
      const answer = systemPorts.query('db', 4, stop.signal);
      stop.abort();
      await assert.rejects(answer, { code: 'ECANCELLED' });
      assert.equal(cancel.mock.callCount(), 1);
      await assert.rejects(systemPorts.query('db', 4, stop.signal), stop.signal.reason as Error);
      assert.equal(resolve4.mock.callCount(), 1, 'what is given up before is not asked');
    } finally {
      resolve4.mock.restore();
      cancel.mock.restore();
    }
  });
});

suite('resolv.conf', () => {
  const cases: [text: string, domains: string[], ndots: number][] = [
    ['', [], 1],
    ['nameserver 10.0.0.1\nsearch a.org b.org.\n', ['a.org', 'b.org'], 1],
    ['search a\nsearch b c # the last counts\n', ['b', 'c'], 1],
    ['domain a.org\n', ['a.org'], 1],
    ['; search a\noptions timeout:1 ndots:5\n', [], 5],
    ['options ndots:99\nsearch .\n', [], 15],
    ['options ndots:x', [], 1],
  ];
  for (const [text, domains, ndots] of cases) {
    test(`${JSON.stringify(text)} is understood`, () =>
      assert.deepEqual(searchListOf(text), { domains, ndots }));
  }

  test('determines the order in which a name is completed', () => {
    const list = { domains: ['a', 'b'], ndots: 2 };
    assert.deepEqual(namesFor('x', list), ['x.a', 'x.b', 'x']);
    assert.deepEqual(namesFor('x.y.z', list), ['x.y.z', 'x.y.z.a', 'x.y.z.b']);
    assert.deepEqual(namesFor('x.', list), ['x.']);
  });
});
