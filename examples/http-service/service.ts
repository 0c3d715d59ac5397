/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An HTTP service that knows its peers: `GET /` lists them with their URLs, `GET /healthz` is for a load balancer.
// On SIGTERM it leaves the cluster and exits within two seconds (main.ts).
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeMeta, encodeMeta, Memberlist, type MemberlistConfig } from 'node-memberlist';

/** The settings of a service. */
export interface ServiceInit {
  /** The IP and port for HTTP; port 0 picks one. */
  readonly host: string;
  readonly port: number;
  /** The configuration of the Memberlist: name, bindAddr, seeds, secretKey, … */
  readonly gossip: MemberlistConfig;
}

export class Service {
  readonly list: Memberlist;
  readonly #server: Server;
  #isStopping = false;

  private constructor(list: Memberlist, server: Server) {
    this.list = list;
    this.#server = server;
    server.on('request', (request, response) => this.#answer(request, response));
  }

  /** Starts the HTTP server first, so that its port is known, and then announces it. */
  static async start({ host, port, gossip }: ServiceInit): Promise<Service> {
    const server = createServer();
    await once(server.listen(port, host), 'listening');
    const { port: http } = server.address() as AddressInfo;
    const delegate = { nodeMeta: (limit: number) => encodeMeta({ http }, limit) };
    return new Service(await Memberlist.create({ ...gossip, delegate }), server);
  }

  /** The URL of the HTTP server. */
  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** The other members, and their URLs. */
  peers(): { name: string; url: string }[] {
    const { name: self } = this.list.localNode;
    return this.list.members().flatMap(({ name, addr, meta }) => {
      const port = decodeMeta(meta)?.http;
      if (name === self || typeof port !== 'number') return [];
      return [{ name, url: `http://${addr.includes(':') ? `[${addr}]` : addr}:${port}` }];
    });
  }

  /** Fails the health check and takes no new connections; requests in progress continue. */
  drain(): void {
    this.#isStopping = true;
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  #answer({ url }: IncomingMessage, response: ServerResponse): void {
    const isStopping = this.#isStopping;
    const [status, body] =
      url === '/'
        ? [200, { name: this.list.localNode.name, peers: this.peers() }]
        : url === '/healthz'
          ? [isStopping ? 503 : 200, { status: isStopping ? 'stopping' : 'ok' }]
          : [404, { error: 'only / and /healthz exist' }];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }
}
