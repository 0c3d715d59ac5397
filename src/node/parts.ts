/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Parts of a running node, each connected to the others. RunningNode constructs them in one order; a part that needs a
// later one refers to the node, which is complete before anything happens.
import type { Logger } from '../config/options.js';
import { Discovery } from '../discovery/discovery.js';
import type { Snapshot } from '../discovery/snapshot.js';
import { systemFiles } from '../discovery/snapshot-files.js';
import type { ConversationParts } from '../exchange/conversation.js';
import type { Pacer } from '../exchange/pacer.js';
import { StreamMemory } from '../exchange/stream-memory.js';
import { ExtensionHost } from '../extensions/extension-host.js';
import { hostedNode } from '../extensions/hosted-node.js';
import { KeyFile } from '../security/key-file.js';
import type { OwnAddress } from './own-address.js';
import type { RunningNode } from './running-node.js';
import type { NodeSeams } from './seams.js';
import { Sender } from './send.js';
import { Services } from './services.js';
import { StateExchange } from './state-exchange.js';
import { StreamHost } from './stream-host.js';

/** What both ends of streams share. */
export function conversationPartsOf(
  node: RunningNode,
  { layers, pacer }: Pick<ConversationParts, 'layers' | 'pacer'>,
): ConversationParts {
  return {
    layers,
    pacer,
    pool: new StreamMemory(),
    traffic: node.counters.streams,
    // A merge delegate is shown every record.
    isKnown: node.config.merge ? undefined : (record) => node.engine.merger.isKnown(record),
    keepsState: () => node.host.mergesStates,
  };
}

/** The host of the node's extensions. */
export function extensionHostOf(node: RunningNode, logger: Logger): ExtensionHost {
  const { config, engine, packets, dialer, counters, report, guard } = node;
  const updateMeta = (finished?: () => void): void => {
    const meta = node.host.nodeMeta();
    node.checkFits(meta);
    const gossiped = node.waits.gossiped('updateMeta', { timeout: Infinity }, (done) =>
      engine.announce(meta, done),
    );
    node.services.updated();
    // It rejects at the shutdown, when the extension is stopped.
    gossiped.then(finished, () => undefined).catch(guard.failed);
  };
  const forget = (name: string): boolean => node.discovery.forget(name);
  const shutdown = (): Promise<void> => node.shutdownFromInside();
  const messages = { engine, packets, dialer, updateMeta };
  const parts = { ...messages, config, counters, report, logger, forget, shutdown };
  return new ExtensionHost(hostedNode(parts), {
    use: config.use,
    fanOut: config.gossipNodes,
    randomFor: (label) => config.random.fork?.(label) ?? config.random,
    hasDelegate: config.delegate !== undefined,
    hasPing: config.ping !== undefined,
  });
}

/** The node's services. */
export function servicesOf(node: RunningNode, logger: Logger): Services {
  const { clock, random } = node.config;
  const failed = (callback: string, error: unknown): void =>
    node.host.callbackFailed(callback, error);
  return new Services({ clock, random, logger, failed });
}

/** Push/pull. */
export function stateExchangeOf(
  node: RunningNode,
  { ownAddress, pacer }: { ownAddress: OwnAddress; pacer: Pacer },
): StateExchange {
  const { engine, host, dialer, counters, guard, report } = node;
  const { clock, merge } = node.config;
  return new StateExchange(
    {
      ...{ engine, host, dialer, pacer, ownAddress, clock, counters, guard, report },
      exchanged: (exchange) => node.metrics?.exchanged(exchange),
    },
    { asksForMerges: merge !== undefined },
  );
}

/** The node as streams of peers see it. */
export function streamHostOf(node: RunningNode): StreamHost {
  const { state, counters, report, allowsIp, guard } = node;
  return new StreamHost(
    {
      ...{ state, counters, report, allowsIp, failed: guard.failed },
      messageCame: (payload, from) => node.messageCame(payload, from),
      wasJoined: (added) => node.discovery.contacts.wasJoined(added),
      members: () => node.numMembers,
    },
    { name: node.config.name },
  );
}

/** Seeds, joins, rejoining and the snapshot. */
export function discoveryOf(
  node: RunningNode,
  init: { seams: NodeSeams; snapshot: Snapshot | undefined; bindPort: number },
): Discovery {
  const { config, counters, report, guard, engine, dialer, extensions } = node;
  const { seams, snapshot, bindPort } = init;
  return new Discovery(
    {
      ...{ config, counters, report, guard, engine, dialer, extensions },
      pushPull: (to, join, signals) => node.state.exchange(to, join, signals),
      random: seams.discoveryRandom ?? config.random,
      resolver: seams.resolver,
      files: seams.files ?? systemFiles,
    },
    { bindPort, snapshot },
  );
}

/** Messages and pings of the application to single nodes. */
export function senderOf(node: RunningNode): Sender {
  const { engine, dialer, packets, waits, config } = node;
  return new Sender(
    {
      ...{ engine, dialer, packets },
      resolve: (address) => node.resolve(address),
      mustRun: (operation) => node.mustRun(operation),
      onShutdown: (giveUp) => waits.onShutdown(giveUp),
    },
    config,
  );
}

/** The watch of the file with the keys; undefined without one. */
export function keyFileOf({ config, report }: RunningNode): KeyFile | undefined {
  const { keyFile: path, keyring, clock } = config;
  if (path === undefined || keyring === undefined) return undefined;
  return new KeyFile(path, { clock, keyring, report });
}
