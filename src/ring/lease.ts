/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A lease in a store outside the cluster, such as a database. Membership is an opinion of each node; a lease is a fact that
// two nodes cannot both have.
import { TimeoutError, type Clock, type Timer } from '../index.js';

/** What identifies a lease. */
export interface LeaseRequest {
  /** The name of the singleton. */
  readonly name: string;
  /** Who wants it: unique for each attempt to run the task, on all nodes. */
  readonly holder: string;
  /** For how long it is to be valid from now, in milliseconds. */
  readonly ttl: number;
  /** Aborted when the call is too late to be of use: after a sixth of `ttl`. */
  readonly signal: AbortSignal;
}

/**
 * A lock with a time limit, for users who need certainty. A database does it with one row: name, holder, and an expiry
 * by the clock of the database. A method that rejects, or takes longer than a sixth of `ttl`, counts as failed and is
 * tried again.
 */
export interface Lease {
  /** Takes the lease if it is free, has expired, or belongs to this holder. Resolves to whether it was taken. */
  acquire(request: LeaseRequest): Promise<boolean>;
  /** Extends it to `ttl` from now, only if this holder has it. Resolves to false if it is lost: the task is aborted. */
  renew(request: LeaseRequest): Promise<boolean>;
  /** Gives it up, only if this holder has it: called once, when the task has ended. */
  release(request: LeaseRequest): Promise<unknown>;
}

/** A lease is renewed after this share of `ttl`; the last such share is for the task to end when renewals fail. */
const stepShare = 1 / 3;
/** The share of `ttl` that a call may take. */
const callShare = 1 / 6;
/** The share of `ttl` between a call that failed and the next one. */
const retryShare = 1 / 18;

/** What a {@link LeaseKeeper} calls. */
export interface LeaseCallbacks {
  /** A call rejected or took too long. */
  failed(error: unknown): void;
  /** It is lost, or will be before it can be renewed. Called at most once. */
  lost(): void;
}

/** Takes and keeps one lease for one holder. */
export class LeaseKeeper {
  readonly #lease: Lease;
  readonly #clock: Clock;
  readonly #request: Omit<LeaseRequest, 'signal'>;
  readonly #callbacks: LeaseCallbacks;
  /** The time of the node's clock until which it is certainly valid. */
  #validUntil = -Infinity;
  #renewal: Timer | undefined;
  #deadline: Timer | undefined;
  #isEnded = false;
  #isLost = false;

  constructor(
    { lease, clock }: { lease: Lease; clock: Clock },
    request: Omit<LeaseRequest, 'signal'>,
    callbacks: LeaseCallbacks,
  ) {
    this.#lease = lease;
    this.#clock = clock;
    this.#request = request;
    this.#callbacks = callbacks;
  }

  get #stepMs(): number {
    return this.#request.ttl * stepShare;
  }

  /** Whether it is certainly valid for as long as the task may need to end. */
  get #isSafe(): boolean {
    return this.#clock.now() < this.#validUntil - this.#stepMs;
  }

  /** Tries once. Resolves to whether it is held; never rejects. Then it is renewed until `release`. */
  async acquire(): Promise<boolean> {
    const calledAt = this.#clock.now();
    const isTaken = await this.#call('acquire', (request) => this.#lease.acquire(request));
    if (isTaken === true) this.#extended(calledAt);
    return isTaken === true && !this.#isLost;
  }

  /** Stops renewing it, and gives it up. Never rejects. */
  async release(): Promise<void> {
    this.#stop();
    await this.#call('release', (request) => this.#lease.release(request));
  }

  #stop(): void {
    this.#isEnded = true;
    this.#renewal?.cancel();
    this.#deadline?.cancel();
  }

  #extended(calledAt: number): void {
    if (this.#isEnded) return;
    // From before the call: the store may have counted from any time since.
    this.#validUntil = calledAt + this.#request.ttl;
    if (!this.#isSafe) return this.#lose();
    this.#deadline?.cancel();
    const safeMs = this.#validUntil - this.#stepMs - this.#clock.now();
    this.#deadline = this.#clock.setTimer(safeMs, () => this.#lose());
    this.#renewIn(this.#stepMs);
  }

  #renewIn(ms: number): void {
    this.#renewal?.cancel();
    this.#renewal = this.#clock.setTimer(ms, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const calledAt = this.#clock.now();
    const isKept = await this.#call('renew', (request) => this.#lease.renew(request));
    if (this.#isEnded) return;
    if (isKept === true) this.#extended(calledAt);
    else if (isKept === undefined) this.#renewIn(this.#request.ttl * retryShare);
    else this.#lose();
  }

  #lose(): void {
    if (this.#isEnded) return;
    this.#stop();
    this.#isLost = true;
    this.#callbacks.lost();
  }

  /** Calls the store. Resolves to undefined when that failed or takes too long. */
  async #call<T>(
    what: string,
    method: (request: LeaseRequest) => Promise<T>,
  ): Promise<T | undefined> {
    const timeoutMs = this.#request.ttl * callShare;
    const controller = new AbortController();
    let timer: Timer | undefined;
    try {
      const tooLate = new Promise<never>((_, reject) => {
        timer = this.#clock.setTimer(timeoutMs, () => {
          const error = new TimeoutError(`lease.${what}`, timeoutMs);
          controller.abort(error);
          reject(error);
        });
      });
      const result = method({ ...this.#request, signal: controller.signal });
      return await Promise.race([result, tooLate]);
    } catch (error) {
      this.#callbacks.failed(error);
      return undefined;
    } finally {
      timer?.cancel();
    }
  }
}
