/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The options of a bus, checked and with defaults.
import { ConfigError, type ConfigProblem } from '../index.js';
import type { BusOptions } from './bus.js';
import { bytesCodec, isSchema, json, validated, type Codec, type StandardSchema } from './codec.js';
import { busLimits } from './limits.js';

const MiB = 1024 * 1024;

/** Options with all defaults. */
export interface ResolvedBusOptions {
  readonly name: string;
  /** For messages and requests; validates. */
  readonly codec: Codec;
  /** For answers. */
  readonly answerCodec: Codec;
  readonly directPeers: number;
  readonly maxMessageBytes: number;
  readonly retention: {
    readonly messages: number;
    readonly bytes: number;
    readonly age: number;
    readonly totalBytes: number;
  };
  readonly grace: number;
  readonly since: 'join' | 'retained';
}

/** @throws ConfigError with all mistakes */
export function resolveBusOptions(options: BusOptions<object>): ResolvedBusOptions {
  const problems: ConfigProblem[] = [];
  const number = (field: string, value: unknown, otherwise: number, max: number): number => {
    if (value === undefined) return otherwise;
    if (typeof value === 'number' && Number.isFinite(value) && value >= 1 && value <= max) {
      return value;
    }
    problems.push({ field, value, rule: `must be a number from 1 to ${max}` });
    return otherwise;
  };
  const { name = 'bus', since = 'join', retention = {} } = options;
  const maxMessageBytes = number(
    'maxMessageBytes',
    options.maxMessageBytes,
    MiB,
    busLimits.messageBytes,
  );
  const most = Number.MAX_SAFE_INTEGER;
  const resolved: ResolvedBusOptions = {
    name,
    ...codecsOf(options, problems),
    directPeers: number('directPeers', options.directPeers, 64, 100_000),
    maxMessageBytes,
    retention: {
      messages: number('retention.messages', retention.messages, 10_000, most),
      bytes: number(
        'retention.bytes',
        retention.bytes,
        Math.max(4 * MiB, 2 * maxMessageBytes),
        most,
      ),
      age: number('retention.age', retention.age, 120_000, most),
      totalBytes: number('retention.totalBytes', retention.totalBytes, 64 * MiB, most),
    },
    grace: number('grace', options.grace, 30_000, most),
    since,
  };
  if ((since as string) !== 'join' && since !== 'retained') {
    problems.push({ field: 'since', value: since, rule: "must be 'join' or 'retained'" });
  }
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,16}$/.test(name)) {
    problems.push({ field: 'name', value: name, rule: 'must be 1 to 16 of a-z, 0-9 and -' });
  }
  if (resolved.retention.bytes < maxMessageBytes + 1024) {
    const rule = 'must be larger than maxMessageBytes plus 1 KiB, or nothing could be repaired';
    problems.push({ field: 'retention.bytes', value: resolved.retention.bytes, rule });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return resolved;
}

type Codecs = Pick<ResolvedBusOptions, 'codec' | 'answerCodec'>;

function codecsOf(options: BusOptions<object>, problems: ConfigProblem[]): Codecs {
  const { codec: given = bytesCodec } = options;
  const schemas = new Map(Object.entries(options.schemas ?? {}));
  for (const [topic, schema] of schemas) {
    if (isSchema(schema)) continue;
    const rule = 'must be a Standard Schema, with the field ~standard';
    problems.push({ field: `schemas.${topic}`, value: schema, rule });
  }
  const schemaOf = (topic: string): StandardSchema | undefined =>
    schemas.get(topic) as StandardSchema | undefined;
  if (isSchema(given)) {
    return { codec: validated(json, (topic) => schemaOf(topic) ?? given), answerCodec: json };
  }
  const { encode, decode } = given as Partial<Codec>;
  if (typeof encode !== 'function' || typeof decode !== 'function') {
    const rule = 'must be json, msgpack, { encode, decode } or a Standard Schema';
    problems.push({ field: 'codec', value: given, rule });
  }
  return { codec: schemas.size === 0 ? given : validated(given, schemaOf), answerCodec: given };
}
