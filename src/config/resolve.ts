/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checks the configuration, reporting all mistakes at once, and fills in the defaults.
import { hostname } from 'node:os';
import { NameBound } from '../core/name-bound.js';
import { ConfigError, type ConfigProblem } from '../errors.js';
import type { Extension } from '../extensions/extension.js';
import { asError } from '../runtime/as-error.js';
import { systemClock } from '../runtime/system-clock.js';
import { systemRandom } from '../runtime/system-random.js';
import { readKeyFile } from '../security/key-file.js';
import { Keyring } from '../security/keyring.js';
import { layersFor } from '../security/layers.js';
import { PacketCodec, packetBudget } from '../wire/packet-codec.js';
import { blankKeys, keyProblems } from './key-settings.js';
import { delegateProtocolOf, extensions as extensionsRule } from './extension-rules.js';
import { nearestName } from './nearest-name.js';
import type {
  MemberlistConfig,
  MetricsOptions,
  OptionalSetting,
  RejoinOptions,
  ResolvedConfig,
  ResolvedRejoin,
} from './options.js';
import { defaultRejoin, lanConfig } from './presets.js';
import { rules } from './rules.js';

type Field = keyof MemberlistConfig;
/** The settings that were given: those that are undefined are left out. */
type Given = { [F in Field]?: Exclude<MemberlistConfig[F], undefined> };

const fields = Object.keys(rules) as Field[];
const hidden = '[hidden]';
const secretFields: readonly string[] = ['secretKey', 'keyring'];

const notGiven: Readonly<Record<OptionalSetting, undefined>> = {
  advertiseAddr: undefined,
  advertisePort: undefined,
  keyring: undefined,
  keyFile: undefined,
  cidrsAllowed: undefined,
  seeds: undefined,
  snapshot: undefined,
  expectedMembers: undefined,
  disableTcpPingsForNode: undefined,
  delegate: undefined,
  events: undefined,
  conflict: undefined,
  merge: undefined,
  ping: undefined,
  alive: undefined,
  transport: undefined,
  logger: undefined,
};

/**
 * Checks a configuration and fills in the defaults, which are those of `lanConfig()`.
 *
 * @throws ConfigError with all mistakes: of known settings in the order of their table, of settings
 *   that contradict each other, then unknown fields in the order in which they were given
 */
export function resolveConfig(config: MemberlistConfig | undefined = {}): ResolvedConfig {
  const input: unknown = config;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new ConfigError([{ field: 'config', value: input, rule: 'must be an object' }]);
  }
  const given = definedSettings(input);
  const problems = findProblems(given, input);
  if (problems.length > 0) throw new ConfigError(problems);
  const resolved = fillIn(given);
  const nameProblem = problemWithName(resolved);
  if (nameProblem !== undefined) throw new ConfigError([nameProblem]);
  return resolved;
}

/** Reads each setting once. The types of the values hold only after `findProblems`. */
function definedSettings(config: object): Given & { name: string } {
  const entries = fields
    .map((field) => [field, (config as MemberlistConfig)[field]] as const)
    .filter(([, value]) => value !== undefined);
  return { name: hostname(), ...(Object.fromEntries(entries) as Given) };
}

function findProblems(given: Given, config: object): ConfigProblem[] {
  const blank = blankKeys(config);
  const broken = fields.flatMap((field) => {
    const isLookedAt = given[field] !== undefined && !blank.some((key) => key === field);
    const rule = isLookedAt ? rules[field](given[field]) : undefined;
    return rule === undefined ? [] : [problem(field, given[field], rule)];
  });
  const brokenFields = new Set(broken.map(({ field }) => field));
  const contradictions = [
    ...keyProblems(given, blank).map(([field, rule]) => problem(field, given[field], rule)),
    ...delegateProtocolProblems(given, brokenFields),
  ];
  const unknown = Object.entries(config)
    .filter(([field, value]) => value !== undefined && !Object.hasOwn(rules, field))
    .map(([field, value]) => unknownField(field, value));
  return [...broken, ...contradictions, ...unknown];
}

function problem(field: string, value: unknown, rule: string): ConfigProblem {
  return { field, value: secretFields.includes(field) ? hidden : value, rule };
}

function delegateProtocolProblems(
  given: Given,
  brokenFields: ReadonlySet<string>,
): ConfigProblem[] {
  const { delegateProtocolMin, delegateProtocolVersion, delegateProtocolMax } = {
    ...lanConfig(),
    ...given,
  };
  const involved = { delegateProtocolMin, delegateProtocolVersion, delegateProtocolMax };
  if (Object.keys(involved).some((field) => brokenFields.has(field))) return [];
  if (delegateProtocolMin > delegateProtocolMax) {
    const rule = `must not be above delegateProtocolMax (${delegateProtocolMax})`;
    return [problem('delegateProtocolMin', delegateProtocolMin, rule)];
  }
  if (
    delegateProtocolVersion < delegateProtocolMin ||
    delegateProtocolVersion > delegateProtocolMax
  ) {
    const rule =
      `must be from delegateProtocolMin (${delegateProtocolMin}) ` +
      `to delegateProtocolMax (${delegateProtocolMax})`;
    return [problem('delegateProtocolVersion', delegateProtocolVersion, rule)];
  }
  return [];
}

/** The longest name depends on other settings, so this check comes when all others have passed. */
function problemWithName(config: ResolvedConfig): ConfigProblem | undefined {
  const { name, udpBufferSize } = config;
  const names = new NameBound(packetBudget(udpBufferSize, new PacketCodec(layersFor(config))));
  if (names.allows(name)) return undefined;
  const rule =
    `must be at most ${names.longest} bytes long: a ping that names two such nodes must fit into a packet ` +
    `(a udpBufferSize of ${udpBufferSize}, less label and encryption)`;
  return problem('name', name, rule);
}

/** A misspelled secret is still a secret, so its value is not shown either. */
function unknownField(field: string, value: unknown): ConfigProblem {
  const suggestion = nearestName(field, fields);
  const secret =
    (suggestion !== undefined && secretFields.includes(suggestion)) ||
    /key|secret|password|token/i.test(field) ||
    ArrayBuffer.isView(value);
  return {
    field,
    value: secret ? hidden : value,
    rule:
      suggestion === undefined ? 'unknown field' : `unknown field; did you mean '${suggestion}'?`,
  };
}

function fillIn(given: Given & { name: string }): ResolvedConfig {
  const { secretKey, ...settings } = {
    ...notGiven,
    ...lanConfig(),
    clock: systemClock,
    random: systemRandom,
    ...given,
  };
  const { use, bindAddr, cidrsAllowed, advertisePort, metrics, seeds, rejoin, snapshot } = settings;
  const extensions = extensionsOf(use);
  return Object.freeze({
    ...settings,
    ...delegateProtocolOf(extensions, given),
    use: extensions,
    bindAddr: Object.freeze(typeof bindAddr === 'string' ? [bindAddr] : [...bindAddr]),
    advertisePort: advertisePort === 0 ? undefined : advertisePort,
    keyring: secretKey === undefined ? keysOf(settings) : new Keyring(secretKey),
    cidrsAllowed: cidrsAllowed && Object.freeze([...cidrsAllowed]),
    metrics: metrics && frozenMetrics(metrics),
    seeds: typeof seeds === 'object' ? Object.freeze([...seeds]) : seeds,
    snapshot: snapshot && Object.freeze({ ...snapshot }),
    rejoin: rejoin && completeRejoin(rejoin),
  });
}

function keysOf({
  keyring,
  keyFile,
}: Pick<ResolvedConfig, 'keyring' | 'keyFile'>): Keyring | undefined {
  if (keyFile === undefined) return keyring;
  try {
    return readKeyFile(keyFile);
  } catch (cause) {
    const rule = `cannot be used: ${asError(cause).message}`;
    throw new ConfigError([problem('keyFile', keyFile, rule)], { cause });
  }
}

/** @throws ConfigError when the function returns no valid extensions; what the function throws */
function extensionsOf(use: MemberlistConfig['use']): readonly Extension[] {
  if (typeof use !== 'function') return Object.freeze([...(use ?? [])]);
  const made: unknown = use();
  const rule = extensionsRule(made);
  if (rule !== undefined) throw new ConfigError([problem('use', made, `its result ${rule}`)]);
  return Object.freeze([...(made as Extension[])]);
}

function completeRejoin(given: RejoinOptions): ResolvedRejoin {
  const { interval, timeout, forgetAfter } = given;
  return Object.freeze({
    interval: interval ?? defaultRejoin.interval,
    timeout: timeout ?? defaultRejoin.timeout,
    forgetAfter: forgetAfter ?? defaultRejoin.forgetAfter,
  });
}

function frozenMetrics(metrics: MetricsOptions): MetricsOptions {
  return Object.freeze({
    ...metrics,
    ...(metrics.labels && { labels: Object.freeze({ ...metrics.labels }) }),
  });
}
