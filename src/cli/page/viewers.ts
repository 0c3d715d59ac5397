/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The viewers of the page, and what the server sends them: a heartbeat each second, the member table when it
// has changed, and events. Each message is created once for all viewers.
import type { ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Node } from '../../core/member.js';
import type { Clock, Timer } from '../../core/ports.js';
import { Cached } from './cached.js';
import { pageLimits } from './limits.js';
import type { ProbesMessage } from './messages.js';
import { ToolkitViews, type ShownToolkit } from './toolkit-views.js';
import { allShown, membersMessage, statusMessage } from './snapshot.js';
import { eventBytes, type PageSource, type Watch } from './watch.js';

/** In a large cluster the table is checked less often: one second per this number of members. */
const MEMBERS_PER_SECOND = 250;

interface Components {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly watch: Watch;
  readonly toolkit?: ShownToolkit;
}

/** Sends state and events to all viewers of the page. */
export class Viewers {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #watch: Watch;
  /** With the tables that were sent to each viewer last, by name. */
  readonly #viewers = new Map<ServerResponse, Map<string, Buffer>>();
  readonly #toolkit: ToolkitViews;
  readonly #members: Cached<Buffer>;
  readonly #probes: Cached<Buffer>;
  #list: PageSource | undefined;
  #startedAt = 0;
  #heartbeat: Timer | undefined;
  #eventsTimer: NodeJS.Timeout | undefined;
  /** The members from which the last table was created. */
  #shown: readonly Node[] = [];
  #flapping = 0;
  #membersDue = 0;

  constructor({ registry, clock, watch, toolkit = {} }: Components) {
    this.#toolkit = new ToolkitViews({ clock }, toolkit);
    this.#registry = registry;
    this.#clock = clock;
    this.#watch = watch;
    this.#members = new Cached(
      { clock },
      {
        create: () => this.#createMembers(),
        maxAgeMs: () => pageLimits.heartbeatMs,
        isSame: () => this.#isSame(),
      },
    );
    this.#probes = new Cached(
      { clock },
      {
        create: () => Promise.resolve(eventBytes('probes', this.#watch.probes())),
        maxAgeMs: () => pageLimits.heartbeatMs,
      },
    );
  }

  /** @param onEvent - called for each event */
  start(list: PageSource, onEvent: () => void): void {
    this.#list = list;
    this.#startedAt = this.#clock.now();
    this.#watch.start(list, () => {
      onEvent();
      this.#scheduleEvents();
    });
    this.#scheduleHeartbeat();
  }

  stop(): void {
    this.#list = undefined;
    this.#heartbeat?.cancel();
    clearTimeout(this.#eventsTimer);
  }

  /** Sends a new viewer the whole state, and then the changes. The response's head is sent already. */
  async add(viewer: ServerResponse): Promise<void> {
    viewer.write('retry: 1000\n\n');
    viewer.write(this.#watch.history());
    // From here on it receives what the others receive. What follows is at least as new.
    this.#viewers.set(viewer, new Map());
    viewer.once('close', () => this.#viewers.delete(viewer));
    this.#sendTable(viewer, 'members', await this.#members.get());
    for (const [name, bytes] of await this.#toolkit.messages()) {
      this.#sendTable(viewer, name, bytes);
    }
    const rest = [await this.#probes.get(), await this.#status([])];
    for (const bytes of rest) if (!viewer.destroyed) viewer.write(bytes);
  }

  #scheduleHeartbeat(): void {
    const next = (): void => {
      if (this.#list !== undefined) this.#scheduleHeartbeat();
    };
    // A heartbeat that fails is skipped; the next one may succeed.
    this.#heartbeat = this.#clock.setTimer(
      pageLimits.heartbeatMs,
      () => void this.#sendHeartbeat().then(next, next),
    );
  }

  async #sendHeartbeat(): Promise<void> {
    const probes = this.#watch.newProbes();
    if (this.#viewers.size === 0) return;
    this.#send(await this.#status(probes));
    // The next heartbeat waits for neither.
    this.#sendToolkit().catch(() => undefined);
    const now = this.#clock.now();
    if (now < this.#membersDue) return;
    const members = this.#list?.numMembers ?? 0;
    this.#membersDue = now + pageLimits.heartbeatMs * Math.floor(members / MEMBERS_PER_SECOND);
    this.#sendMembers().catch(() => undefined);
  }

  async #sendMembers(): Promise<void> {
    const bytes = await this.#members.get();
    for (const viewer of this.#viewers.keys()) this.#sendTable(viewer, 'members', bytes);
  }

  async #sendToolkit(): Promise<void> {
    for (const [name, bytes] of await this.#toolkit.messages()) {
      for (const viewer of this.#viewers.keys()) this.#sendTable(viewer, name, bytes);
    }
  }

  async #status(probes: ProbesMessage): Promise<Buffer> {
    const uptimeMs = this.#clock.now() - this.#startedAt;
    const components = { list: this.#running(), watch: this.#watch };
    const status = await statusMessage(components, { registry: this.#registry, uptimeMs, probes });
    return eventBytes('status', status);
  }

  async #createMembers(): Promise<Buffer> {
    const components = { list: this.#running(), watch: this.#watch };
    this.#shown = allShown(components);
    this.#flapping = this.#watch.countFlapping(Date.now());
    return eventBytes('members', await membersMessage(this.#shown, components));
  }

  // Incarnations and addresses change without an event. Members are immutable: the same object is unchanged.
  #isSame(): boolean {
    const isUnchanged = this.#flapping === this.#watch.countFlapping(Date.now());
    const components = { list: this.#running(), watch: this.#watch };
    return isUnchanged && areSame(this.#shown, allShown(components));
  }

  #running(): PageSource {
    if (this.#list === undefined) throw new Error('the page is closed');
    return this.#list;
  }

  // Many members may join in one push/pull: viewers receive the events together.
  #scheduleEvents(): void {
    this.#members.invalidate();
    this.#eventsTimer ??= setTimeout(() => {
      this.#eventsTimer = undefined;
      const events = this.#watch.unsent();
      if (events.length > 0) this.#send(eventBytes('events', events));
    }, pageLimits.eventsMs).unref();
  }

  #sendTable(viewer: ServerResponse, name: string, bytes: Buffer): void {
    const sent = this.#viewers.get(viewer);
    if (viewer.destroyed || sent === undefined || sent.get(name) === bytes) return;
    sent.set(name, bytes);
    write(viewer, bytes);
  }

  #send(bytes: Buffer): void {
    for (const viewer of this.#viewers.keys()) write(viewer, bytes);
  }
}

/** Writes to a viewer, or disconnects it if it does not read. */
function write(viewer: ServerResponse, bytes: Buffer): void {
  if (viewer.writableLength > pageLimits.viewerBytes) viewer.destroy();
  else viewer.write(bytes);
}

/** Whether two lists contain the same immutable members in the same order. */
export function areSame(some: readonly Node[], others: readonly Node[]): boolean {
  return some.length === others.length && some.every((node, i) => node === others[i]);
}
