/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An HTTP service that knows its peers: `GET /` lists them with where they serve, `GET /healthz` is for a load
// balancer. Stopped with SIGTERM it is gone within two seconds, and the others know that it left.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { decodeMeta, encodeMeta, Memberlist, type MemberlistConfig } from '../../src/index.js';

const LEAVE_MS = 1_000;
const DRAIN_MS = 500;
const RETRY_MS = 1_000;

/** How a service is started. */
export interface ServiceInit {
  /** The IP and port for HTTP; port 0 picks one. */
  readonly host: string;
  readonly port: number;
  /** Members to join; a host name stands for all its addresses. */
  readonly seeds: readonly string[];
  /** What else is set of the Memberlist: name, bindAddr, secretKey, … */
  readonly gossip: MemberlistConfig;
}

export class Service {
  readonly list: Memberlist;
  readonly #server: Server;
  readonly #stop = new AbortController();

  private constructor(list: Memberlist, server: Server) {
    this.list = list;
    this.#server = server;
    server.on('request', (request, response) => this.#answer(request, response));
  }

  /** Serves first, so that the port is known, and then tells the others. */
  static async start({ host, port, seeds, gossip }: ServiceInit): Promise<Service> {
    const server = createServer();
    await once(server.listen(port, host), 'listening');
    const { port: http } = server.address() as AddressInfo;
    const delegate = { nodeMeta: (limit: number) => encodeMeta({ http }, limit) };
    const service = new Service(await Memberlist.create({ ...gossip, delegate }), server);
    void service.#join(seeds);
    return service;
  }

  /** Where it serves. */
  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** Who else is there, and where they serve. */
  peers(): { name: string; url: string }[] {
    const { name: self } = this.list.localNode;
    return this.list.members().flatMap(({ name, addr, meta }) => {
      const port = decodeMeta(meta)?.http;
      if (name === self || typeof port !== 'number') return [];
      return [{ name, url: `http://${addr.includes(':') ? `[${addr}]` : addr}:${port}` }];
    });
  }

  /** First nobody is sent here any more, then what is under way is finished. Takes 1.5 s at most. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const closed = once(this.#server.close(), 'close');
    this.#server.closeIdleConnections();
    await this.list.leave({ timeout: LEAVE_MS }).catch(() => undefined);
    await Promise.race([closed, wait(DRAIN_MS)]);
    this.#server.closeAllConnections();
    await this.list.shutdown();
  }

  // Seeds may come up later than we do.
  async #join(seeds: readonly string[]): Promise<void> {
    const { signal } = this.#stop;
    while (seeds.length > 0 && !signal.aborted) {
      try {
        await this.list.join(seeds, { signal });
        return;
      } catch {
        await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #answer({ url }: IncomingMessage, response: ServerResponse): void {
    const isStopping = this.#stop.signal.aborted;
    const [status, body] =
      url === '/'
        ? [200, { name: this.list.localNode.name, peers: this.peers() }]
        : url === '/healthz'
          ? [isStopping ? 503 : 200, { status: isStopping ? 'stopping' : 'ok' }]
          : [404, { error: 'there is / and /healthz' }];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }
}
