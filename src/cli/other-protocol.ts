/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Programs other than a memberlist that listen at a port, told apart by what they answer.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { splitHostPort } from '../wire/address.js';

/** What listens at an address, as far as it can be recognised. */
export type OtherProtocol = 'HTTP' | 'TLS' | 'SSH';

/** Bytes of an answer that are looked at. */
const PREFIX_BYTES = 16;
// Without a Host field, which a server refuses at once (RFC 9112, 3.2), however slow its pages are.
const HTTP_REQUEST = 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n';

/**
 * Recognises a program that is no memberlist. Opens two connections to it.
 *
 * @param address - `'ip:port'`
 * @param timeoutMs - for each connection
 * @returns undefined when it answers neither, as a memberlist does
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

/** The beginning of what is answered to an HTTP request; empty when that is nothing. */
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

/** Whether the other side takes part in a TLS handshake, be it to refuse this client. */
function answersTls(to: { host: string; port: number }, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    // The certificate does not matter, as nothing is sent over this connection.
    const socket = connectTls({ ...to, rejectUnauthorized: false });
    const end = (isTls: boolean): void => {
      resolve(isTls);
      socket.destroy();
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.on('secureConnect', () => end(true));
    // An alert is a TLS message: the other side has no common version or cipher, or wants a certificate.
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => end(code.includes('_ALERT_')));
    socket.on('close', () => end(false));
  });
}
