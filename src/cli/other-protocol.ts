/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Recognizes programs other than a memberlist at a port by their answers.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { splitHostPort } from '../wire/address.js';

/** The protocol at an address, if it is recognized. */
export type OtherProtocol = 'HTTP' | 'TLS' | 'SSH';

/** The number of bytes of an answer that are examined. */
const PREFIX_BYTES = 16;
// Without a Host field: a server rejects the request immediately (RFC 9112, 3.2), however slow its pages are.
const HTTP_REQUEST = 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n';

/**
 * Recognizes a program that is not a memberlist. Opens two connections to it.
 *
 * @param address - `'ip:port'`
 * @param timeoutMs - for each connection
 * @returns undefined if it answers in none of these protocols, like a memberlist
 */
export async function otherProtocolAt(
  address: string,
  timeoutMs: number,
): Promise<OtherProtocol | undefined> {
  const { host = address, port = 0 } = splitHostPort(address) ?? {};
  const to = { host, port };
  const answer = await firstBytes(connect(to), timeoutMs);
  if (answer.startsWith('HTTP/')) return 'HTTP';
  if (answer.startsWith('SSH-')) return 'SSH';
  return (await answersTls(to, timeoutMs)) ? 'TLS' : undefined;
}

/** The first bytes of the answer to an HTTP request; empty if there is no answer. */
function firstBytes(socket: Socket, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const end = (): void => {
      resolve(text);
      socket.destroy();
    };
    socket.setTimeout(timeoutMs, end);
    socket.on('error', end);
    socket.on('close', end);
    socket.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString('latin1')).slice(0, PREFIX_BYTES);
      if (text.length >= 'HTTP/'.length) end();
    });
    socket.end(HTTP_REQUEST);
  });
}

/** Whether the peer takes part in a TLS handshake, even if it rejects this client. */
function answersTls(to: { host: string; port: number }, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    // The certificate does not matter: nothing is sent over this connection.
    const socket = connectTls({ ...to, rejectUnauthorized: false });
    const end = (isTls: boolean): void => {
      resolve(isTls);
      socket.destroy();
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.on('secureConnect', () => end(true));
    // An alert is a TLS message: the peer has no common version or cipher, or requires a certificate.
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => end(code.includes('_ALERT_')));
    socket.on('close', () => end(false));
  });
}
