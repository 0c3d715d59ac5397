/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Network coordinates of this node and of its peers. They travel in the acks of probes, as in Serf: byte 1, then a map.
import type { Node, PingDelegate, Random } from '../index.js';
import { MalformedMessage } from './malformed-message.js';
import type { SerfMetrics } from './metrics.js';
import { Float64, pack, unpack } from './pack.js';
import { floatOf, listIn, mapIn } from './reading.js';
import { distance, Vivaldi, type Coordinate } from './vivaldi.js';

const PING_VERSION = 1;
const MS_PER_S = 1_000;

/** A coordinate as the payload of an ack. */
export function encodeCoordinate({ vec, error, adjustment, height }: Coordinate): Buffer {
  const body = pack({
    Adjustment: new Float64(adjustment),
    Error: new Float64(error),
    Height: new Float64(height),
    Vec: vec.map((value) => new Float64(value)),
  });
  return Buffer.concat([Buffer.of(PING_VERSION), body]);
}

/**
 * The coordinate in the payload of an ack. Its numbers may be anything.
 *
 * @throws MalformedMessage
 */
export function decodeCoordinate(payload: Buffer): Coordinate {
  if (payload[0] !== PING_VERSION) throw new MalformedMessage(`a ping of version ${payload[0]}`);
  const body = mapIn(unpack(payload.subarray(1)));
  return {
    vec: listIn(body.get('Vec')).map(floatOf),
    error: floatOf(body.get('Error') ?? 0),
    adjustment: floatOf(body.get('Adjustment') ?? 0),
    height: floatOf(body.get('Height') ?? 0),
  };
}

/** What coordinates need of the node. */
export interface CoordinateComponents {
  readonly random: Random;
  readonly metrics: SerfMetrics;
  /** This node's name. */
  readonly self: string;
  /** Counts and logs a payload that is no coordinate. */
  readonly drop: (from: string, detail: string) => void;
}

/** The coordinates that one node knows. */
export class Coordinates implements PingDelegate {
  readonly #components: CoordinateComponents;
  readonly #vivaldi: Vivaldi;
  readonly #known = new Map<string, Coordinate>();

  constructor(components: CoordinateComponents) {
    this.#components = components;
    this.#vivaldi = new Vivaldi(components.random);
  }

  /** How often this node's own coordinate was not finite. */
  get resets(): number {
    return this.#vivaldi.resets;
  }

  ackPayload(): Buffer {
    return encodeCoordinate(this.#vivaldi.own);
  }

  notifyPingComplete({ name }: Node, rtt: number, payload: Buffer): void {
    // A peer without coordinates.
    if (payload.length === 0) return;
    try {
      const coordinate = decodeCoordinate(payload);
      if (this.#vivaldi.observe(name, coordinate, rtt / MS_PER_S)) {
        this.#known.set(name, coordinate);
      } else this.#components.metrics.coordinatesRefused.inc();
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#components.drop(name, error.message);
    }
  }

  /** A member was erased. */
  forget(name: string): void {
    this.#known.delete(name);
    this.#vivaldi.forget(name);
  }

  /** A member's coordinate; undefined before this node has probed it. */
  get(name: string): Coordinate | undefined {
    return name === this.#components.self ? this.#vivaldi.own : this.#known.get(name);
  }

  /** The estimated round-trip time between two members, in milliseconds. */
  rtt(one: string, other: string): number | undefined {
    const [a, b] = [this.get(one), this.get(other)];
    return a && b && distance(a, b) * MS_PER_S;
  }
}
