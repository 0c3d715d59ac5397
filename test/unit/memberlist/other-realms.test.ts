/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Values of another realm, as a `vm` context makes them and Jest hands them over: errors, bytes, lists, objects and
// promises that are no instances of our classes. And promises that are not those of the language.
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { decodeMeta, encodeMeta, Keyring, type Meta } from '../../../src/index.js';
import { serf, type SerfTags } from '../../../src/serf/index.js';
import { altered, Cluster, Log, meet, until, inFields } from './cluster.js';

/** What an expression gives in a realm of its own, where `given` are globals. */
function foreign(expression: string, given: Record<string, unknown> = {}): unknown {
  return runInNewContext(`(${expression})`, given) as unknown;
}

function foreignBytes(text: string): Uint8Array {
  return foreign(`Uint8Array.from(codes)`, { codes: [...Buffer.from(text)] }) as Uint8Array;
}

void describe('values of another realm', () => {
  void it('are none of ours', () => {
    assert.equal(foreignBytes('x') instanceof Uint8Array, false);
    assert.equal(foreign('new Error()') instanceof Error, false);
    assert.equal(foreign('Promise.resolve()') instanceof Promise, false);
  });

  void it('an error that sending rejects with keeps its code: the member is found failed', async () => {
    await using cluster = new Cluster();
    const memory = cluster.network.transport('a');
    const gone = new Set<string>();
    const refuse = (): Promise<never> =>
      foreign(
        `Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))`,
      ) as Promise<never>;
    const a = await cluster.node('a', {
      transport: altered(memory, {
        writeTo: (packet, to) => (gone.has(to.addr) ? refuse() : memory.writeTo(packet, to)),
        dial: (to, options) => (gone.has(to.addr) ? refuse() : memory.dial(to, options)),
      }),
    });
    const b = await cluster.node('b');
    await meet([a, b]);
    const { address } = b.localNode;
    gone.add(address);
    await b.shutdown();
    await until(a, () => a.numMembers === 1);
    await assert.rejects(a.sendToAddress({ addr: address }, Buffer.of(1)), /refused/);
    await assert.rejects(a.join([address]), /refused/);
  });

  void it('bytes are taken wherever bytes are wanted', async () => {
    await using cluster = new Cluster();
    const secretKey = foreignBytes('k'.repeat(32));
    const received: string[] = [];
    const states: string[] = [];
    const payloads: string[] = [];
    let toGossip = 1;
    const log = new Log();
    const a = await cluster.node('a', {
      secretKey,
      logger: log,
      delegate: {
        nodeMeta: () => foreignBytes('meta'),
        getBroadcasts: () =>
          toGossip-- > 0
            ? (foreign('[bytes]', { bytes: foreignBytes('gossip') }) as Uint8Array[])
            : [],
        localState: () => foreignBytes('state'),
      },
      ping: { ackPayload: () => foreignBytes('payload') },
    });
    const b = await cluster.node('b', {
      secretKey,
      delegate: {
        notifyMsg: (message) => received.push(message.toString()),
        mergeRemoteState: (state) => states.push(state.toString()),
      },
      ping: { notifyPingComplete: (_node, _rtt, payload) => payloads.push(payload.toString()) },
    });
    await meet([a, b]);
    assert.equal(b.member('a')?.meta.toString(), 'meta');
    await a.sendBestEffort(b.localNode, foreignBytes('best effort'));
    await a.sendReliable(b.localNode, foreignBytes('reliable'));
    await a.sendToAddress({ addr: b.localNode.address }, foreignBytes('to address'));
    await until(b, () => received.length === 4 && payloads.length > 0);
    assert.deepEqual(received.sort(), ['best effort', 'gossip', 'reliable', 'to address']);
    assert.ok(states.includes('state'));
    assert.equal(payloads[0], 'payload');
    assert.deepEqual(log.of('callback-threw'), []);
  });

  void it('metadata, tags and keys are read and written', () => {
    const meta = foreign(`{ role: 'web', tags: ['a', { b: 1 }], bytes }`, {
      bytes: foreignBytes('x'),
    }) as Meta;
    const encoded = encodeMeta(meta);
    const wanted = { role: 'web', tags: ['a', { b: 1 }], bytes: Buffer.from('x') };
    assert.deepEqual(decodeMeta(encoded), wanted);
    const copy = foreign('Uint8Array.from(codes)', { codes: [...encoded] }) as Uint8Array;
    assert.deepEqual(decodeMeta(copy), wanted);
    assert.throws(
      () => encodeMeta(foreign('new (class Role { role = 1 })()') as Meta),
      /plain object/,
    );
    assert.deepEqual(serf({ tags: foreign(`{ role: 'web' }`) as SerfTags }).tags, {
      role: 'web',
    });
    assert.deepEqual(new Keyring(foreignBytes('k'.repeat(16))).primaryKey.length, 16);
  });

  void it('a keyring of another copy of this package can be used', async () => {
    await using cluster = new Cluster();
    const keyring = new Keyring(Keyring.generate());
    const copy = { openingKeys: () => keyring.openingKeys() } as unknown as Keyring;
    const a = await cluster.node('a', { keyring });
    const b = await cluster.node('b', { keyring: copy });
    await meet([a, b]);
  });
});

const oops = new Error('oops');

/** What async functions may return where they are not those of the language. */
const rejecting: Readonly<Record<string, () => unknown>> = {
  'a promise of another realm': () => foreign('Promise.reject(oops)', { oops }),
  'a thenable that rejects at once': () => ({
    then: (_done: unknown, failed: (error: unknown) => void) => failed(oops),
  }),
  'a thenable that rejects later': () => ({
    then: (_done: unknown, failed: (error: unknown) => void) => void setImmediate(failed, oops),
  }),
  'a thenable whose then throws': () => ({
    then: () => {
      throw oops;
    },
  }),
  'an object whose then cannot be read': () =>
    Object.defineProperty({}, 'then', {
      get: () => {
        throw oops;
      },
    }),
};

for (const [what, reject] of Object.entries(rejecting)) {
  test(`${what} from a listener, a delegate or a logger is caught`, async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const callback = reject as () => never;
    const a = await cluster.node('a', {
      logger: log,
      delegateProtocolMin: 2,
      delegateProtocolMax: 5,
      delegateProtocolVersion: 4,
      events: { notifyJoin: callback },
      alive: { notifyAlive: callback },
      merge: { notifyMerge: callback },
      delegate: {
        notifyMsg: callback,
        getBroadcasts: callback,
        localState: callback,
        mergeRemoteState: callback,
      },
      ping: { ackPayload: callback, notifyPingComplete: callback },
    });
    const logger = { debug: callback, info: callback, warn: callback, error: callback };
    const extension = serf();
    const b = await cluster.node('b', { use: [extension], logger });
    extension.on('event', callback);
    a.on('join', callback);
    await meet([a, b]);
    await b.sendReliable(a.localNode, Buffer.of(1));
    extension.sendEvent('deployed');
    const callbacks = (): Set<unknown> =>
      new Set(log.of('callback-threw').map(({ fields }) => fields.callback));
    const wanted = [
      'notifyJoin',
      'notifyAlive',
      'notifyMerge',
      'notifyMsg',
      'getBroadcasts',
      'localState',
      'mergeRemoteState',
      'ackPayload',
      'notifyPingComplete',
      `a listener of 'join'`,
    ];
    await until([a, b], () => wanted.every((name) => callbacks().has(name)));
    for (const { fields } of log.of('callback-threw')) {
      assert.deepEqual(fields.error, inFields(oops));
    }
  });
}
