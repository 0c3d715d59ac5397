/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The page's server: read-only, and on loopback unless somebody says otherwise. Everything that a peer sent
// reaches the browser as JSON and the document as text, and the page may load nothing from elsewhere.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Memberlist } from '../../memberlist.js';
import { asError } from '../../runtime/as-error.js';
import { nodeAsJson } from '../show-meta.js';
import { document } from './document.js';
import { script } from './script.js';
import { style } from './style.js';
import { Watch } from './watch.js';

const MOST_VIEWERS = 32;
/** What may wait for a viewer that does not read; past it, it is let go of. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
const PICTURE_MS = 1_000;
/** In a large cluster pictures come more rarely: one second for so many members. */
const MEMBERS_A_SECOND = 250;

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** The page of one node. */
export class Page {
  readonly watch: Watch;
  readonly #host: string;
  readonly #port: number;
  readonly #registry: Registry;
  readonly #viewers = new Set<ServerResponse>();
  readonly #server: Server;
  #list: Memberlist | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param init.host - an IP, or a name of this machine; `port` 0 picks one */
  constructor(init: { host: string; port: number; registry: Registry }) {
    this.#host = init.host;
    this.#port = init.port;
    this.#registry = init.registry;
    this.watch = new Watch({ registry: init.registry });
    this.#server = createServer((request, response) => {
      this.#serve(request, response)
        .catch((error: unknown) => {
          if (!response.headersSent) response.writeHead(500, HEADERS);
          response.end(`${asError(error).message}\n`);
        })
        .catch(() => response.destroy());
    });
    // Such as too many open files in accept: that one connection fails.
    this.#server.on('error', () => undefined);
  }

  /** Whether nobody but this machine can read it. */
  get isLoopback(): boolean {
    return /^(127\.|::1$|localhost$)/.test(this.#host);
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://${isIPv6(this.#host) ? `[${this.#host}]` : this.#host}:${port}/`;
  }

  /** Begins to serve. @throws the system's error when the address cannot be bound */
  async open(list: Memberlist): Promise<void> {
    this.#list = list;
    this.watch.start(list, (event) => this.#send('happened', event));
    this.#server.listen(this.#port, this.#host);
    await once(this.#server, 'listening');
    this.#server.unref();
    this.#arm();
  }

  /** Ends all requests, the viewers' too. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#list = undefined;
    for (const viewer of this.#viewers) viewer.end();
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '/' } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { ...HEADERS, allow: 'GET, HEAD' }).end('this page is read-only\n');
      return;
    }
    if (!this.#mayBeAskedAs(request.headers.host)) {
      response.writeHead(421, HEADERS).end('this page is not served under that name\n');
      return;
    }
    const list = this.#list;
    if (list === undefined) {
      response.writeHead(503, HEADERS).end('this node is shutting down\n');
      return;
    }
    switch (url.split('?', 1)[0]) {
      case '/': {
        answer(response, 200, 'text/html; charset=utf-8', document);
        return;
      }
      case '/metrics': {
        answer(response, 200, this.#registry.contentType, await this.#registry.metrics());
        return;
      }
      case '/healthz': {
        const { localNode, numMembers, healthScore } = list;
        const isThere = localNode.state === 'alive';
        const body = { status: isThere ? 'ok' : 'leaving', members: numMembers, healthScore };
        answer(response, isThere ? 200 : 503, 'application/json', `${JSON.stringify(body)}\n`);
        return;
      }
      case '/members.json': {
        const members = list.members().map(nodeAsJson);
        answer(response, 200, 'application/json', `${JSON.stringify(members)}\n`);
        return;
      }
      case '/events':
        return this.#view(request, response);
      default: {
        answer(response, 404, 'text/plain; charset=utf-8', 'there is no such page\n');
        return;
      }
    }
  }

  // A site that the user happens to visit could have its own name lead to our loopback address.
  #mayBeAskedAs(host: string | undefined): boolean {
    if (!this.isLoopback) return true;
    return /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)(:\d+)?$/.test(host ?? '');
  }

  async #view(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#viewers.size >= MOST_VIEWERS) {
      answer(response, 503, 'text/plain; charset=utf-8', 'too many look at this page\n');
      return;
    }
    this.#viewers.add(response);
    request.once('close', () => this.#viewers.delete(response));
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    response.write('retry: 1000\n\n');
    sendTo(response, 'past', this.watch.events);
    sendTo(response, 'picture', await this.watch.snapshot());
  }

  #arm(): void {
    const members = this.#list?.numMembers ?? 0;
    const delayMs = PICTURE_MS * Math.max(1, Math.ceil(members / MEMBERS_A_SECOND));
    const goOn = (): void => {
      if (this.#list !== undefined) this.#arm();
    };
    // A picture that cannot be made is left out; the next one may be well.
    this.#timer = setTimeout(() => void this.#tick().then(goOn, goOn), delayMs).unref();
  }

  async #tick(): Promise<void> {
    if (this.#viewers.size > 0) this.#send('picture', await this.watch.snapshot());
  }

  #send(event: string, data: object): void {
    for (const viewer of this.#viewers) {
      if (viewer.writableLength > MOST_WAITING_BYTES) viewer.destroy();
      else sendTo(viewer, event, data);
    }
  }
}

// JSON has no line ends outside of texts, and in texts they are escaped.
function sendTo(viewer: ServerResponse, event: string, data: object): void {
  viewer.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': type }).end(body);
}
