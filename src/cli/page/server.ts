/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The page's server: read-only, and on loopback by default. Everything that a peer sent reaches the browser
// as JSON, and the document as text; the page may load nothing from other origins. Its use of resources is
// limited (limits.ts): connections (connections.ts), one request each (one-request.ts), a few responses per
// turn, and response bodies that are created once for all requests (cached.ts).
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
import { isAllowedHost } from './host-header.js';
import { Cached, TurnQueue } from './cached.js';
import { pageLimits } from './limits.js';
import { areSame, Viewers } from './viewers.js';
import { membersJson } from './members-json.js';
import type { OneRequest } from './one-request.js';
import { Connections } from './connections.js';
import type { ShownToolkit } from './toolkit-views.js';
import { Watch, type PageSource } from './watch.js';

/** Incarnations increase without an event. */
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
  // One request per connection: no client occupies a connection until its next request.
  connection: 'close',
};

/** The page of one node. */
export class Page {
  readonly watch: Watch;
  readonly #host: string;
  readonly #port: number;
  readonly #names: readonly string[];
  readonly #registry: Registry;
  readonly #viewers: Viewers;
  readonly #http: Server;
  readonly #connections: Connections;
  readonly #turns = new TurnQueue();
  readonly #bodies = new Bodies();
  readonly #document = Buffer.from(page.html);
  readonly #members: Cached<Buffer>;
  readonly #metrics: Cached<Buffer>;
  #list: PageSource | undefined;
  /** The members from which the last /members.json was created. */
  #written: readonly Node[] = [];

  /**
   * @param init.host - an IP address, or a name of this machine; `port` 0 picks one
   * @param init.names - additional host names that requests may use
   */
  constructor(
    components: { registry: Registry; clock?: Clock; toolkit?: ShownToolkit },
    init: { host: string; port: number; names?: readonly string[] },
  ) {
    const { registry, clock = systemClock, toolkit = {} } = components;
    const { host, port, names = [] } = init;
    this.#host = host;
    this.#port = port;
    this.#names = [...names, host];
    this.#registry = registry;
    this.watch = new Watch();
    this.#viewers = new Viewers({ registry, clock, watch: this.watch, toolkit });
    this.#http = createServer({ maxHeaderSize: 2 * pageLimits.headBytes }, (request, response) =>
      this.#turns.add(() => this.#begin(request, response)),
    );
    this.#http.on('clientError', (_error, socket) => {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    });
    this.#connections = new Connections(
      { clock },
      { onConnection: (connection) => void this.#http.emit('connection', connection) },
    );
    this.#members = new Cached(
      { clock },
      {
        create: () => membersJson((this.#written = this.#list?.members() ?? [])),
        maxAgeMs: () => MEMBERS_MS,
        isSame: () => areSame(this.#written, this.#list?.members() ?? []),
      },
    );
    this.#metrics = new Cached(
      { clock },
      {
        create: async () => Buffer.from(await this.#registry.metrics()),
        maxAgeMs: () => 0,
      },
    );
    // Such as too many open files in accept: only that connection fails.
    this.#http.on('error', () => undefined);
  }

  /** Whether only this machine can read it. */
  get isLoopback(): boolean {
    return /^(127\.|::1$|localhost$)/.test(this.#host);
  }

  get url(): string {
    const { port } = this.#connections.server.address() as AddressInfo;
    return `http://${isIPv6(this.#host) ? `[${this.#host}]` : this.#host}:${port}/`;
  }

  /** Starts to serve. @throws the system's error if the address cannot be bound */
  async open(list: PageSource): Promise<void> {
    this.#list = list;
    this.#viewers.start(list, () => this.#members.invalidate());
    const { server } = this.#connections;
    server.listen({ port: this.#port, host: this.#host, backlog: pageLimits.backlog });
    await once(server, 'listening');
    server.unref();
  }

  /** Closes all connections, including viewers. */
  async close(): Promise<void> {
    this.#viewers.stop();
    this.#list = undefined;
    const { server } = this.#connections;
    const closed = server.listening ? once(server, 'close') : undefined;
    if (closed !== undefined) server.close();
    this.#connections.destroyAll();
    await closed;
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    // Its connection may have closed while it waited.
    if (response.destroyed) return;
    this.#serve(request, response)
      .catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else this.#respondText(response, 500, asError(error).message);
      })
      .catch(() => response.destroy());
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '/' } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      this.#respondText(response, 405, 'this page is read-only');
      return;
    }
    if (!isAllowedHost(request.headers.host, this.#names)) {
      this.#respondText(
        response,
        421,
        'this page is not served under this host name (agent --http-name)',
      );
      return;
    }
    const list = this.#list;
    if (list === undefined) {
      this.#respondText(response, 503, 'this node is shutting down');
      return;
    }
    switch (url.split('?', 1)[0]) {
      case '/': {
        this.#respond(response, 200, 'text/html; charset=utf-8', this.#document);
        return;
      }
      case '/metrics': {
        this.#respond(response, 200, this.#registry.contentType, await this.#metrics.get());
        return;
      }
      case '/healthz': {
        const { localNode, numMembers, healthScore } = list;
        const isAlive = localNode.state === 'alive';
        const body = { status: isAlive ? 'ok' : 'leaving', members: numMembers, healthScore };
        const text = Buffer.from(`${printableJson(body)}\n`);
        this.#respond(response, isAlive ? 200 : 503, 'application/json', text);
        return;
      }
      case '/members.json': {
        this.#respond(response, 200, 'application/json', await this.#members.get());
        return;
      }
      case '/events':
        return this.#view(request, response);
      default: {
        this.#respondText(response, 404, 'no such page');
        return;
      }
    }
  }

  async #view(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#connections.addViewer(request.socket as unknown as OneRequest)) {
      this.#respondText(response, 503, 'this page has too many viewers');
      return;
    }
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    await this.#viewers.add(response);
  }

  #respondText(response: ServerResponse, status: number, text: string): void {
    this.#respond(response, status, PLAIN, Buffer.from(`${text}\n`));
  }

  #respond(response: ServerResponse, status: number, type: string, body: Buffer): void {
    if (response.destroyed) return;
    if (!this.#bodies.hold(body, response)) {
      response.writeHead(503, { ...HEADERS, 'retry-after': '1' }).end();
      return;
    }
    const length = { 'content-type': type, 'content-length': body.length };
    response.writeHead(status, { ...HEADERS, ...length }).end(body);
  }
}
