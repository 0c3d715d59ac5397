/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The page's server: read-only, and on loopback unless the user says otherwise. Everything that a peer sent
// reaches the browser as JSON and the document as text, and the page may load nothing from elsewhere. What
// it takes of the process is bounded (limits.ts): connections (seats.ts), one request each
// (one-request.ts), a few answers a turn, and bodies that are made once for all (kept.ts).
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Node } from '../../core/member.js';
import type { Clock } from '../../core/ports.js';
import { systemClock } from '../../runtime/system-clock.js';
import { asError } from '../../runtime/as-error.js';
import { printableJson } from '../../wire/printable.js';
import { Bodies } from './bodies.js';
import { pageDocument } from './document.js';
import { mayBeAskedAs } from './host-header.js';
import { Kept, Turns } from './kept.js';
import { pageLimits } from './limits.js';
import { areSame, Live } from './live.js';
import { membersJson } from './members-json.js';
import type { OneRequest } from './one-request.js';
import { Seats } from './seats.js';
import { Watch, type PageSource } from './watch.js';

/** Incarnations rise without an event. */
const MEMBERS_MS = 1_000;
const PLAIN = 'text/plain; charset=utf-8';
const page = pageDocument();

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
    `script-src ${page.scriptHash}`,
    `style-src ${page.styleHash}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  // One request a connection: nobody holds a seat for the next one.
  connection: 'close',
};

/** The page of one node. */
export class Page {
  readonly watch: Watch;
  readonly #host: string;
  readonly #port: number;
  readonly #names: readonly string[];
  readonly #registry: Registry;
  readonly #live: Live;
  readonly #http: Server;
  readonly #seats: Seats;
  readonly #turns = new Turns();
  readonly #bodies = new Bodies();
  readonly #document = Buffer.from(page.html);
  readonly #members: Kept<Buffer>;
  readonly #metrics: Kept<Buffer>;
  #list: PageSource | undefined;
  /** What /members.json was made of. */
  #written: readonly Node[] = [];

  /**
   * @param init.host - an IP, or a name of this machine; `port` 0 picks one
   * @param init.names - further names that lead here, which requests may ask for
   */
  constructor(
    components: { registry: Registry; clock?: Clock },
    init: { host: string; port: number; names?: readonly string[] },
  ) {
    const { registry, clock = systemClock } = components;
    const { host, port, names = [] } = init;
    this.#host = host;
    this.#port = port;
    this.#names = [...names, host];
    this.#registry = registry;
    this.watch = new Watch();
    this.#live = new Live({ registry, clock, watch: this.watch });
    this.#http = createServer({ maxHeaderSize: 2 * pageLimits.headBytes }, (request, response) =>
      this.#turns.take(() => this.#begin(request, response)),
    );
    this.#http.on('clientError', (_error, socket) => {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    });
    this.#seats = new Seats(
      { clock },
      { seated: (connection) => void this.#http.emit('connection', connection) },
    );
    const kept = { clock };
    this.#members = new Kept(kept, {
      make: () => membersJson((this.#written = this.#list?.members() ?? [])),
      maxAgeMs: () => MEMBERS_MS,
      isSame: () => areSame(this.#written, this.#list?.members() ?? []),
    });
    this.#metrics = new Kept(kept, {
      make: async () => Buffer.from(await this.#registry.metrics()),
      maxAgeMs: () => 0,
    });
    // Such as too many open files in accept: that one connection fails.
    this.#http.on('error', () => undefined);
  }

  /** Whether nobody but this machine can read it. */
  get isLoopback(): boolean {
    return /^(127\.|::1$|localhost$)/.test(this.#host);
  }

  get url(): string {
    const { port } = this.#seats.server.address() as AddressInfo;
    return `http://${isIPv6(this.#host) ? `[${this.#host}]` : this.#host}:${port}/`;
  }

  /** Begins to serve. @throws the system's error when the address cannot be bound */
  async open(list: PageSource): Promise<void> {
    this.#list = list;
    this.#live.start(list, () => this.#members.changed());
    const { server } = this.#seats;
    server.listen({ port: this.#port, host: this.#host, backlog: pageLimits.backlog });
    await once(server, 'listening');
    server.unref();
  }

  /** Ends all requests, the viewers' too. */
  async close(): Promise<void> {
    this.#live.stop();
    this.#list = undefined;
    const { server } = this.#seats;
    const closed = server.listening ? once(server, 'close') : undefined;
    if (closed !== undefined) server.close();
    this.#seats.destroyAll();
    await closed;
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    // Its connection may have ended while it waited.
    if (response.destroyed) return;
    this.#serve(request, response)
      .catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else this.#say(response, 500, asError(error).message);
      })
      .catch(() => response.destroy());
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '/' } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      this.#say(response, 405, 'this page is read-only');
      return;
    }
    if (!mayBeAskedAs(request.headers.host, this.#names)) {
      this.#say(response, 421, 'this page is not served under that name (agent --http-name)');
      return;
    }
    const list = this.#list;
    if (list === undefined) {
      this.#say(response, 503, 'this node is shutting down');
      return;
    }
    switch (url.split('?', 1)[0]) {
      case '/': {
        this.#answer(response, 200, 'text/html; charset=utf-8', this.#document);
        return;
      }
      case '/metrics': {
        this.#answer(response, 200, this.#registry.contentType, await this.#metrics.get());
        return;
      }
      case '/healthz': {
        const { localNode, numMembers, healthScore } = list;
        const isThere = localNode.state === 'alive';
        const body = { status: isThere ? 'ok' : 'leaving', members: numMembers, healthScore };
        const text = Buffer.from(`${printableJson(body)}\n`);
        this.#answer(response, isThere ? 200 : 503, 'application/json', text);
        return;
      }
      case '/members.json': {
        this.#answer(response, 200, 'application/json', await this.#members.get());
        return;
      }
      case '/events':
        return this.#view(request, response);
      default: {
        this.#say(response, 404, 'there is no such page');
        return;
      }
    }
  }

  async #view(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#seats.watches(request.socket as unknown as OneRequest)) {
      this.#say(response, 503, 'too many look at this page');
      return;
    }
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    await this.#live.add(response);
  }

  #say(response: ServerResponse, status: number, text: string): void {
    this.#answer(response, status, PLAIN, Buffer.from(`${text}\n`));
  }

  #answer(response: ServerResponse, status: number, type: string, body: Buffer): void {
    if (response.destroyed) return;
    if (!this.#bodies.hold(body, response)) {
      response.writeHead(503, { ...HEADERS, 'retry-after': '1' }).end();
      return;
    }
    const length = { 'content-type': type, 'content-length': body.length };
    response.writeHead(status, { ...HEADERS, ...length }).end(body);
  }
}
