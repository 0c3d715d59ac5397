/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { Counters } from '../../../src/core/counters.js';
import type { SendFailure } from '../../../src/core/ports.js';
import type { Report } from '../../../src/core/reports.js';
import { ProtocolError } from '../../../src/errors.js';
import { PacketSender } from '../../../src/node/packet-sender.js';
import type { Transport } from '../../../src/transport/transport.js';

const to = { addr: '10.0.0.2:7946', name: 'a' };
const packet = Buffer.from('x');

function stage(writeTo: Transport['writeTo']) {
  const counters = new Counters();
  const reports: Report[] = [];
  const failures: (SendFailure['fault'] | undefined)[] = [];
  const transport = { writeTo } as unknown as Transport;
  const report = (each: Report): void => void reports.push(each);
  const sender = new PacketSender({ transport, counters, report });
  const send = async (): Promise<void> => {
    sender.send(packet, to, ({ fault }) => failures.push(fault));
    assert.deepEqual(failures, [], 'nobody is called back from within');
    await new Promise(setImmediate);
  };
  return { sender, counters, reports, failures, send };
}

function failing(code: string): () => Promise<void> {
  return () => Promise.reject(Object.assign(new Error('no'), { code }));
}

test('a send that failed is counted, reported and told, with what the error says', async () => {
  for (const [code, fault] of [
    ['ECONNREFUSED', 'refused'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENOBUFS', 'resources'],
    ['ENOMEM', 'resources'],
    ['EMFILE', 'resources'],
    ['EBADF', 'socket'],
    ['ERR_MEMBERLIST_SHUTDOWN', 'socket'],
    ['EPERM', 'address'],
    ['EACCES', 'address'],
    ['EAFNOSUPPORT', 'address'],
    ['EINVAL', 'address'],
    ['EMSGSIZE', 'address'],
    ['ESOMETHINGNEW', 'address'],
  ] as const) {
    const { counters, reports, failures, send } = stage(failing(code));
    await send();
    assert.equal(counters.sendFailures, 1);
    assert.deepEqual(failures, [fault]);
    assert.deepEqual(
      reports.map((each) => each.code),
      ['send-failed'],
    );
  }
});

test('what failed is told by the code, whatever the class of the error', async () => {
  // As an error of another realm, which is no instance of this one's Error.
  const foreign = runInNewContext("Object.assign(new Error('no'), { code: 'ENOBUFS' })") as Error;
  assert.equal(Object(foreign) instanceof Error, false);
  const rejecting = stage(() => Promise.reject(foreign));
  await rejecting.send();
  const throwing = stage(() => {
    throw foreign;
  });
  await throwing.send();
  assert.deepEqual([rejecting.failures, throwing.failures], [['resources'], ['resources']]);
});

test('a transport that throws, or answers nothing, does no harm', async () => {
  const thrown = stage(() => {
    throw new Error('no');
  });
  await thrown.send();
  assert.deepEqual(thrown.failures, ['address']);
  const silent = stage(() => undefined);
  await silent.send();
  assert.deepEqual([silent.failures, silent.counters.sendFailures], [[], 0]);
});

test('once it was stopped, nothing is said of what fails', async () => {
  const { sender, counters, reports, failures, send } = stage(failing('EPERM'));
  sender.stop();
  await send();
  assert.deepEqual([counters.sendFailures, reports, failures], [0, [], []]);
});

test("a user's packet that could not be sent is an error that says why", async () => {
  const { sender, counters } = stage(failing('EPERM'));
  await assert.rejects(sender.sendForUser(packet, to), ProtocolError);
  assert.equal(counters.sendFailures, 1);
});

test('a packet for each receiver: one that fails is counted, and the others are sent', async () => {
  const sent: string[] = [];
  const { sender, counters, reports } = stage((_packet, { addr }) => {
    if (addr === 'thrown') throw new Error('no');
    if (addr === 'rejected') return Promise.reject(new Error('no'));
    sent.push(addr);
    return addr === 'silent' ? undefined : Promise.resolve();
  });
  const receivers = ['a', 'thrown', 'rejected', 'silent', 'b'].map((addr) => ({ addr }));
  await sender.sendEach(
    receivers.map(() => packet),
    receivers,
  );
  assert.deepEqual(sent, ['a', 'silent', 'b']);
  assert.equal(counters.sendFailures, 2);
  assert.deepEqual(
    reports.map(({ code }) => code),
    ['send-failed', 'send-failed'],
  );
});
