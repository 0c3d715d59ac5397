/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One rule for each setting. A rule checks a value and returns what the value must be, worded to follow the name of the
// setting; undefined means that the value is valid.
import { SocketAddress, isIP } from 'node:net';
import { CidrList } from '../security/cidr.js';
import { Keyring } from '../security/keyring.js';
import { limits } from '../wire/limits.js';
import { isWellFormedText } from '../wire/text.js';
import { problemWithSeed } from '../transport/resolve.js';
import { extensions } from './extension-rules.js';
import type { MemberlistConfig, MetricsOptions, RejoinOptions } from './options.js';

/** Returns what a value must be, or undefined if it is valid. */
export type Rule = (value: unknown) => string | undefined;

/** The longest delay of a JavaScript timer (24.8 days), also on sockets; longer delays fire at once. */
const longestDelayMs = 2_147_483_647;
const nameBytes = 512;

function rule(isValid: (value: unknown) => boolean, message: string): Rule {
  return (value) => (isValid(value) ? undefined : message);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isIntegerBetween(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

function integer(min: number, max: number): Rule {
  return rule((value) => isIntegerBetween(value, min, max), `must be an integer ${min}–${max}`);
}

function count(min: number): Rule {
  return rule(
    (value) => isIntegerBetween(value, min, Number.MAX_SAFE_INTEGER),
    `must be an integer, ${min} or more`,
  );
}

const flag = rule((value) => typeof value === 'boolean', 'must be true or false');

const callback = rule((value) => typeof value === 'function', 'must be a function');

/** `Infinity` is not allowed: sums and products of durations must stay finite. */
const duration = rule(
  (value) => Number.isFinite(value) && Number(value) >= 0,
  'must be a finite number of milliseconds, 0 or more',
);

const interval = rule(
  (value) => duration(value) === undefined,
  'must be a finite number of milliseconds, 0 (off) or more',
);

const timeout = rule(
  (value) => Number.isFinite(value) && Number(value) > 0 && Number(value) <= longestDelayMs,
  `must be a number of milliseconds, above 0 and at most ${longestDelayMs}`,
);

/** An object that has all required methods, and whose optional methods are functions if they exist. */
function methods(required: readonly string[], optional: readonly string[] = []): Rule {
  return (value) => {
    if (!isObject(value)) return 'must be an object with methods';
    const missing = required.filter((name) => typeof value[name] !== 'function');
    const wrong = optional.filter(
      (name) => value[name] !== undefined && typeof value[name] !== 'function',
    );
    const names = [...missing, ...wrong];
    return names.length === 0 ? undefined : `must have functions for ${names.join(', ')}`;
  };
}

function text(minBytes: number, maxBytes: number): Rule {
  const size = minBytes === 0 ? `at most ${maxBytes}` : `${minBytes} to ${maxBytes}`;
  const message = `must be text of ${size} bytes in UTF-8, without lone surrogates`;
  return (value) => {
    if (typeof value !== 'string' || !isWellFormedText(value)) return message;
    const bytes = Buffer.byteLength(value);
    return bytes >= minBytes && bytes <= maxBytes ? undefined : message;
  };
}

function isIpText(value: unknown): boolean {
  return typeof value === 'string' && isIP(value) !== 0;
}

const bindAddresses: Rule = (value) => {
  if (!Array.isArray(value)) {
    return isIpText(value) ? undefined : 'must be an IP, or a list of IPs';
  }
  if (value.length === 0 || !value.every(isIpText)) return 'must be a list of IPs, at least one';
  return new Set(value).size === value.length ? undefined : 'must not list an IP twice';
};

/** Other members cannot reach this node at an unspecified address, nor at one that is valid in a local zone only. */
const advertisedAddress: Rule = (value) => {
  if (typeof value !== 'string' || isIP(value) === 0 || value.includes('%')) return 'must be an IP';
  const family = isIP(value) === 4 ? 'ipv4' : 'ipv6';
  const { address } = new SocketAddress({ address: value, family });
  return ['0.0.0.0', '::', '::ffff:0.0.0.0'].includes(address)
    ? `must be an IP at which other members reach this node; ${value} is the unspecified address`
    : undefined;
};

const networks: Rule = (value) => {
  if (!Array.isArray(value) || value.length === 0) {
    return 'must be a list of at least one network; omit it to allow all';
  }
  for (const cidr of value as unknown[]) {
    if (typeof cidr !== 'string') return "must be a list of texts such as '10.0.0.0/8'";
    const problem = CidrList.problemWith(cidr);
    if (problem !== undefined) return `'${cidr}' ${problem}`;
  }
  return undefined;
};

const metricRules: Readonly<Record<keyof MetricsOptions, Rule>> = {
  registry: rule(
    (value) => isObject(value) && typeof value.registerMetric === 'function',
    'must be a Registry of prom-client',
  ),
  labels: rule(
    (value) =>
      isObject(value) &&
      !Array.isArray(value) &&
      Object.entries(value).every(
        ([name, label]) => /^(?!__)[a-zA-Z_]\w*$/.test(name) && typeof label === 'string',
      ),
    'must be an object of strings, whose keys are letters, digits and underscores',
  ),
  prefix: rule(
    (value) => typeof value === 'string' && /^(?:[a-zA-Z_:][\w:]*)?$/.test(value),
    'must be letters, digits and underscores, not beginning with a digit',
  ),
};

/** An object of options, each with its own rule. */
function options(rulesOf: Readonly<Record<string, Rule>>, message: string): Rule {
  return (value) => {
    if (!isObject(value) || Array.isArray(value)) return message;
    for (const [option, given] of Object.entries(value)) {
      if (given === undefined) continue;
      const ruleOf = Object.hasOwn(rulesOf, option) ? rulesOf[option] : undefined;
      if (ruleOf === undefined) {
        return `must not have '${option}'; the options are ${Object.keys(rulesOf).join(', ')}`;
      }
      const problem = ruleOf(given);
      if (problem !== undefined) return `${option} ${problem}`;
    }
    return undefined;
  };
}

/** False disables the setting; any other value must follow the rule. */
function orFalse(ruleOf: Rule): Rule {
  return (value) => (value === false ? undefined : ruleOf(value));
}

const rejoinRules: Readonly<Record<keyof RejoinOptions, Rule>> = {
  interval: timeout,
  timeout,
  forgetAfter: timeout,
};

function isPath(path: unknown): boolean {
  return typeof path === 'string' && path !== '' && !path.includes('\0');
}

const snapshot: Rule = (value) => {
  if (!isObject(value) || !isPath(value.path)) return 'must be an object with the path of a file';
  const other = Object.keys(value).find((option) => option !== 'path');
  return other === undefined ? undefined : `must not have '${other}'; the only option is path`;
};

const seeds: Rule = (value) => {
  if (typeof value === 'function') return undefined;
  if (!Array.isArray(value))
    return 'must be a list of seeds, or an async function that returns one';
  return (value as unknown[]).map(problemWithSeed).find((problem) => problem !== undefined);
};

/** The rule of each setting, in the order of the problems in a `ConfigError`. */
export const rules: Readonly<Record<keyof MemberlistConfig, Rule>> = {
  name: text(1, nameBytes),
  bindAddr: bindAddresses,
  bindPort: integer(0, 65_535),
  advertiseAddr: advertisedAddress,
  advertisePort: integer(0, 65_535),
  protocolVersion: integer(limits.protocolMin, limits.protocolMax),
  delegateProtocolVersion: integer(0, 255),
  delegateProtocolMin: integer(0, 255),
  delegateProtocolMax: integer(0, 255),
  label: text(0, limits.labelBytes),
  skipInboundLabelCheck: flag,
  secretKey: (value) => Keyring.problemWith(value),
  // Accepts a Keyring of another copy of this package.
  keyring: rule(
    (value) => isObject(value) && typeof value.openingKeys === 'function',
    'must be a Keyring',
  ),
  keyFile: rule(isPath, 'must be the path of a file'),
  plaintext: flag,
  gossipVerifyIncoming: flag,
  gossipVerifyOutgoing: flag,
  cidrsAllowed: networks,
  requireNodeNames: flag,
  tcpTimeout: timeout,
  disableTcpPings: flag,
  disableTcpPingsForNode: callback,
  probeInterval: interval,
  probeTimeout: timeout,
  indirectChecks: count(0),
  awarenessMaxMultiplier: count(1),
  suspicionMult: count(1),
  suspicionMaxTimeoutMult: count(1),
  gossipInterval: interval,
  gossipNodes: count(0),
  gossipToTheDeadTime: duration,
  retransmitMult: count(1),
  pushPullInterval: interval,
  settleAfterJoin: flag,
  deadNodeReclaimTime: duration,
  maxMembers: count(1),
  seeds,
  snapshot,
  expectedMembers: count(1),
  rejoin: orFalse(options(rejoinRules, 'must be an object, or false')),
  enableCompression: flag,
  udpBufferSize: integer(512, limits.packetBytes),
  handoffQueueDepth: count(1),
  queueCheckInterval: interval,
  delegate: methods(
    [],
    ['nodeMeta', 'notifyMsg', 'getBroadcasts', 'localState', 'mergeRemoteState'],
  ),
  events: methods([], ['notifyJoin', 'notifyLeave', 'notifyUpdate']),
  conflict: methods(['notifyConflict']),
  merge: methods(['notifyMerge']),
  ping: methods([], ['ackPayload', 'notifyPingComplete']),
  alive: methods(['notifyAlive']),
  use: (value) => (typeof value === 'function' ? undefined : extensions(value)),
  transport: methods(['start', 'finalAdvertiseAddr', 'writeTo', 'dial', 'shutdown']),
  logger: orFalse(methods(['debug', 'info', 'warn', 'error'])),
  metrics: orFalse(options(metricRules, 'must be an object, or false')),
  clock: methods(['now', 'setTimer', 'afterTurn']),
  random: methods(['next']),
};
