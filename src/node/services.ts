/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Services of one node: functionality on top of membership that is created after the node and sends nothing, such as a
// hash ring. Without services the node behaves as if this did not exist.
import type { ClusterHealthEvent } from '../cluster-health/events.js';
import type { Logger } from '../config/options.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Clock, Random } from '../core/ports.js';
import type { ExtensionMetrics } from '../extensions/extension.js';
import { ExtensionClock } from '../extensions/extension-clock.js';
import { printableFields } from '../observability/printable-fields.js';
import { asError } from '../runtime/as-error.js';
import { catchRejection, isThenable } from '../runtime/thenable.js';
import { printable } from '../wire/printable.js';
import { ServiceMeters } from './service-meters.js';

/**
 * Functionality on top of a node, added by `Memberlist.addService`. What a hook throws, or a promise that rejects, is
 * caught, counted and logged (`callback-threw`).
 */
export interface Service {
  /** For log lines, such as `ring`. */
  readonly name: string;
  /** The first part of the names of its metrics, such as `ring`. Services of one kind share it. Default: the name. */
  readonly metrics?: string;
  /** A member or the health of the cluster changed. Called before the listeners of the application. */
  changed?(event: MembershipEvent | ClusterHealthEvent): void;
  /** This node's own metadata changed, of which there is no event. */
  updated?(): void;
  /**
   * The node is about to leave. The extensions and then the other members are notified when the promises of all
   * services have settled, or when the timeout of `leave` ends.
   *
   * @param signal - aborted when the node stops waiting
   */
  leaving?(signal: AbortSignal): Promise<void> | undefined;
  /** The node joins again during or after a leave. */
  resumed?(): void;
  /** The node is shut down. Timers of the service have ended. */
  stopped?(): void;
}

/** A node, as one of its services sees it. */
export interface ServiceContext {
  /** The node's clock. Timers end at the shutdown and at `remove`, and exceptions of their callbacks are caught. */
  readonly clock: Clock;
  /** A separate stream of random numbers: in a simulation, drawing from it changes nothing else. */
  readonly random: Random;
  /** The node's logger; lines have the field `service`. */
  readonly log: Logger;
  /**
   * Metrics, published as `<prefix><metrics>_<name>`. Unlike extensions, services may define one metric several times: their
   * values are added. The gauges of a service end with it; its counters remain until the shutdown.
   *
   * @throws ConfigError when the registry has another metric with such a name
   */
  readonly metrics: ExtensionMetrics;
  /** Counts and logs an exception of a callback of the application (`callback-threw`). */
  readonly reportError: (what: string, error: unknown) => void;
  /** Removes the service: its timers end, and no hook is called any more. */
  readonly remove: () => void;
}

/** What services need of the node. */
export interface ServicesComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly failed: (callback: string, error: unknown) => void;
}

interface Added {
  readonly service: Service;
  readonly clock: ExtensionClock;
  readonly endMetrics: () => void;
}

/** The services of one node. */
export class Services {
  readonly meters = new ServiceMeters();
  readonly #components: ServicesComponents;
  readonly #all = new Set<Added>();
  #added = 0;
  #isLeaving: AbortController | undefined;

  constructor(components: ServicesComponents) {
    this.#components = components;
  }

  add(service: Service): ServiceContext {
    const { clock: nodeClock, random, logger, failed } = this.#components;
    const { name } = service;
    const reportError = (what: string, error: unknown): void => failed(`${name}: ${what}`, error);
    const clock = new ExtensionClock(nodeClock, {
      failed: (error) => reportError('a timer', error),
    });
    const { metrics, end: endMetrics } = this.meters.for(service.metrics ?? name);
    const added = { service, clock, endMetrics };
    this.#all.add(added);
    // Two services with one name must not draw the same numbers.
    const label = `service ${name}, ${this.#added++}`;
    const at =
      (level: keyof Logger) =>
      (message: string, fields?: object): void =>
        logger[level](
          printable(message),
          printableFields({ subsystem: 'service', ...fields, service: name }),
        );
    return {
      clock,
      random: random.fork?.(label) ?? random,
      log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      metrics,
      reportError,
      remove: () => {
        this.#all.delete(added);
        endMetrics();
        clock.stop();
      },
    };
  }

  changed(event: MembershipEvent | ClusterHealthEvent): void {
    for (const { service } of this.#all)
      this.#call(service, 'changed', () => service.changed?.(event));
  }

  updated(): void {
    for (const { service } of this.#all) this.#call(service, 'updated', () => service.updated?.());
  }

  resumed(): void {
    for (const { service } of this.#all) this.#call(service, 'resumed', () => service.resumed?.());
  }

  /** Settles when all services are ready for the leave, and never rejects; undefined without any. */
  leaving(): Promise<unknown> | undefined {
    if (this.#all.size === 0) return undefined;
    const stop = new AbortController();
    this.#isLeaving = stop;
    return Promise.all(Array.from(this.#all, (added) => this.#leaves(added, stop.signal)));
  }

  /** The node stops waiting for `leaving`. */
  leavingEnds(reason: Error): void {
    this.#isLeaving?.abort(reason);
    this.#isLeaving = undefined;
  }

  /** Stops all services. */
  stop(): void {
    const all = [...this.#all];
    this.#all.clear();
    this.meters.stop();
    for (const { service, clock, endMetrics } of all) {
      clock.stop();
      endMetrics();
      this.#call(service, 'stopped', () => service.stopped?.());
    }
  }

  async #leaves({ service }: Added, signal: AbortSignal): Promise<void> {
    try {
      await service.leaving?.(signal);
    } catch (error) {
      this.#failed(service, 'leaving', error);
    }
  }

  #call(service: Service, hook: string, call: () => unknown): void {
    try {
      const result = call();
      if (isThenable(result)) {
        catchRejection(result, (error) => this.#failed(service, hook, error));
      }
    } catch (error) {
      this.#failed(service, hook, error);
    }
  }

  #failed({ name }: Service, hook: string, error: unknown): void {
    this.#components.failed(`${name}: ${hook}`, asError(error));
  }
}
