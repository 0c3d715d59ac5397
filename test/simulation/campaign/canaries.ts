/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Tests of the campaign itself: each canary breaks one rule of the library, and the campaign must detect it
// (canary-run.ts). A canary whose text is no longer in the source throws.

import { busCanaries } from './bus-canaries.js';
import type { Canary } from './canary.js';
import { ringCanaries } from './ring-canaries.js';
import { stateCanaries } from './state-canaries.js';

const ofMembership: readonly Canary[] = [
  {
    name: 'failed members are not contacted again',
    file: 'discovery/reconnect-candidates.ts',
    from: '    this.#candidates.set(name, { name, addr, failedAt: this.#clock.now() });',
    to: '',
  },
  {
    name: 'claims are not refuted',
    file: 'core/membership/refuter.ts',
    from: '    const incarnation = this.#self.incarnationAbove(claimed);',
    to: '    if (this.#self.name) return;\n    const incarnation = this.#self.incarnationAbove(claimed);',
  },
  {
    name: 'a refutation has no higher incarnation',
    file: 'core/incarnation.ts',
    from: 'return nextNumber(isNewer(claimed, own) ? claimed : own);',
    to: 'return isNewer(claimed, own) ? claimed : own;',
  },
  {
    name: 'old alive claims are accepted',
    file: 'core/membership/judge-alive.ts',
    from: 'member === undefined || isNewer(incarnation, member.incarnation)',
    to: 'member === undefined || incarnation !== member.incarnation || member.state !== "alive"',
  },
  {
    name: 'old dead claims are accepted',
    file: 'core/membership/judge-dead.ts',
    from: 'if (member === undefined || isStale(member, claim, circumstances)) return',
    to: 'if (member === undefined) return',
  },
  {
    name: 'old suspicions are accepted',
    file: 'core/membership/judge-suspect.ts',
    from: 'if (member === undefined || isStale(member, claim, circumstances)) return',
    to: 'if (member === undefined) return',
  },
  {
    name: 'dead members are never reaped',
    file: 'core/membership/reaper.ts',
    from: 'member.isGone && member.stateChangedAt < longAgo',
    to: 'member.isGone && member.stateChangedAt < 0 * longAgo',
  },
  {
    name: 'broadcasts are sent without limit',
    file: 'core/gossip/broadcast-queue.ts',
    from: 'if (entry.transmits < transmitLimit) this.#insert(entry);',
    to: 'if (entry.transmits < Infinity * transmitLimit) this.#insert(entry);',
  },
  {
    name: 'broadcasts are not sent at all',
    file: 'core/gossip/gossip-round.ts',
    from: 'if (!outbox.gossip(member.destination)) break;',
    to: 'if (!member.destination || !outbox) break;',
  },
  {
    name: 'a death in a push/pull is accepted',
    file: 'core/membership/merge.ts',
    from: 'membership.suspect({ type: MessageType.suspect, node, incarnation, from: selfName });',
    to: 'membership.dead({ type: MessageType.dead, node, incarnation, from: selfName });',
  },
  {
    name: 'every dead member is reported as left',
    file: 'core/membership/apply.ts',
    from: 'const left = from === name;',
    to: 'const left = from === name || this.#table.size > 0;',
  },
  {
    name: 'a suspicion continues after its refutation',
    file: 'core/membership/suspicions.ts',
    from: '    this.#running.get(name)?.cancel();\n',
    to: '',
  },
  {
    name: 'a suspicion does not time out',
    file: 'core/lifeguard/suspicion.ts',
    from: 'if (this.#over) return;\n    this.#over = true;',
    to: 'if (this.#minMs > 0) return;\n    this.#over = true;',
  },
  {
    name: 'a suspicion times out immediately',
    file: 'core/lifeguard/formulas.ts',
    from: 'return Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));',
    to: 'return 0 * Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));',
  },
  {
    name: 'a dead claim about the node itself is accepted',
    file: 'core/membership/judge-dead.ts',
    from: "circumstances.isSelf && !circumstances.leaving ? 'refute' : 'accept'",
    to: "circumstances.isSelf && !circumstances.leaving ? 'ignore' : 'accept'",
  },
  {
    name: 'a ping for another node is answered',
    file: 'core/probe/responder.ts',
    from: "if (ping.node !== '' && ping.node !== self.name) {",
    to: "if (ping.node !== '' && self.name === '') {",
  },
  {
    name: 'an update has no higher incarnation',
    file: 'core/engine.ts',
    from: '    this.self.nextIncarnation();\n    this.#membership',
    to: '    if (this.self.incarnation === 0) this.self.nextIncarnation();\n    this.#membership',
  },
  {
    name: 'a node emits events about itself',
    file: 'core/membership/apply.ts',
    from: '    this.#gossip.queueClaim(name, claim, relay);\n    if (name === this.#self.name) return;\n\n',
    to: '    this.#gossip.queueClaim(name, claim, relay);\n    if (name === this.#self.name && known === undefined) return;\n\n',
  },
  {
    name: 'a refutation emits a join',
    file: 'core/membership/notify-changes.ts',
    from: "stateBefore === undefined || stateBefore === 'dead' || stateBefore === 'left'",
    to: "stateBefore === undefined || stateBefore !== 'alive'",
  },
  {
    name: 'local health has no bound',
    file: 'core/lifeguard/local-health.ts',
    from: 'Math.min(this.#max, Math.max(0, this.#score + delta))',
    to: 'Math.min(this.#max + 5, Math.max(0, this.#score + delta))',
  },
  {
    name: 'a claim from any address takes a name that is held',
    file: 'core/membership/judge-alive.ts',
    from: "if (member.state === 'left') return true;",
    to: "if (member.state !== 'dead') return true;",
  },
  {
    name: 'schedulers continue after a shutdown',
    file: 'core/engine.ts',
    from: '    this.#running = false;\n    this.stopSchedulers();\n',
    to: '    this.#running = false;\n',
  },
  {
    name: 'ack deadlines continue after a shutdown',
    file: 'core/engine.ts',
    from: '    this.acks.clear();\n',
    to: '',
  },
  {
    name: 'claims about dead members are not sent to them',
    file: 'core/gossip/gossip-round.ts',
    from: 'return now - member.stateChangedAt < gossipToTheDeadTime;',
    to: 'return now - member.stateChangedAt < 0 * gossipToTheDeadTime;',
  },
  {
    name: 'dead members are reaped immediately',
    file: 'core/membership/reaper.ts',
    from: 'const longAgo = clock.now() - settings.gossipToTheDeadTime;',
    to: 'const longAgo = clock.now() - 0 * settings.gossipToTheDeadTime;',
  },
  {
    name: 'alive members are reaped as well',
    file: 'core/membership/reaper.ts',
    from: 'member.isGone && member.stateChangedAt < longAgo',
    to: 'member.stateChangedAt < longAgo',
  },
  {
    name: 'the answer to a push/pull is not merged',
    file: 'node/state-exchange.ts',
    from: '      await pacer.run(this.merge(remote, join, peer), ended);\n',
    to: '',
  },
  {
    name: 'the request of a push/pull is not merged',
    file: 'exchange/acceptor.ts',
    from: '    if (!isStateMissing) await merge();\n',
    to: '',
  },
  {
    name: 'there are no periodic push/pulls',
    file: 'core/periodic-work.ts',
    from: 'if (peer !== undefined) context.effects.pushPull(peer.destination);',
    to: 'if (peer?.name === "") context.effects.pushPull(peer.destination);',
  },
  {
    name: 'streams are not closed',
    file: 'exchange/conversation.ts',
    from: '    conversation.close();\n    return result;',
    to: '    return result;',
  },
  {
    name: 'acks are kept without limit',
    file: 'core/probe/ack-table.ts',
    from: '    this.#entries.get(seqNo)?.timer.cancel();\n    this.#entries.delete(seqNo);\n  }',
    to: '    this.#entries.get(seqNo)?.timer.cancel();\n  }',
  },
  {
    name: 'suspicions continue after a shutdown',
    file: 'core/engine.ts',
    from: '    this.#membership.stop();\n',
    to: '',
  },
  {
    name: 'settling continues after a shutdown',
    file: 'core/periodic-work.ts',
    from: '    this.settling.stop();\n',
    to: '',
  },
  {
    name: 'only the first key opens packets',
    file: 'security/aes-gcm.ts',
    from: 'for (const key of this.#keyring.openingKeys()) {',
    to: 'for (const key of this.#keyring.openingKeys().slice(0, 1)) {',
  },
  {
    name: 'a leave is sent as a death',
    file: 'core/engine.ts',
    from: 'this.#membership.dead({ type: MessageType.dead, node, from: node, incarnation }, { finished });',
    to: "this.#membership.dead({ type: MessageType.dead, node, from: '', incarnation }, { finished });",
  },
  {
    name: 'a member that returns is still reported as left',
    file: 'core/engine.ts',
    from: '    this.self.leaving = false;\n',
    to: '',
  },
  {
    name: 'new metadata is not accepted',
    file: 'core/member.ts',
    from: '    this.#setMeta(facts.meta);\n    this.#vsn = this.#vsn',
    to: '    this.#vsn = this.#vsn',
  },
  {
    name: 'replaced broadcasts are sent as well',
    file: 'core/gossip/broadcast-queue.ts',
    from: '    if (old !== undefined) this.#remove(old);',
    to: '',
  },
  {
    name: 'paused gossip does not resume',
    file: 'core/scheduler.ts',
    from: '    if (!this.#isPaused) return;\n',
    to: '    if (this.#isPaused || !this.#isPaused) return;\n',
  },
  {
    name: 'records with updates are skipped',
    file: 'core/membership/judge-alive.ts',
    from: '    !isNewer(record.incarnation, member.incarnation) &&\n    record',
    to: '    record',
  },
  {
    name: 'verified members wait for their turn among forged ones',
    file: 'core/probe/prober.ts',
    from: 'const overdue = this.#wasOverdue ? undefined : verified.overdue();',
    to: 'const overdue = undefined;',
    seed: 350,
  },
  {
    name: 'names of any length are admitted',
    file: 'core/name-bound.ts',
    from: 'return length <= this.longest && textByteLength(name) <= this.longest;',
    to: 'return length >= 0;',
  },
  {
    name: 'a failed member is contacted without a check of its name',
    file: 'discovery/contacts.ts',
    from: 'isThere = await this.#node.dialer.pingOrThrow(to, ping, signal);',
    to: 'isThere = ping.node !== "";',
  },
  {
    name: 'gossip does not check which extensions its receiver announces',
    file: 'extensions/extension-gossip.ts',
    from: 'if (extension.numQueued === 0 || !extension.hasPeer(to)) continue;',
    to: 'if (extension.numQueued === 0) continue;',
  },
  {
    name: 'a message of an extension is sent to any member',
    file: 'extensions/receivers.ts',
    from: 'return member?.isGone === false && member.announces(extension) ? member : undefined;',
    to: 'return member;',
  },
  {
    name: 'a message of an extension is sent to members that are gone',
    file: 'extensions/receivers.ts',
    from: 'return member?.isGone === false && member.announces(extension) ? member : undefined;',
    to: 'return member?.announces(extension) === true ? member : undefined;',
  },
  {
    name: 'timers of an extension survive the shutdown',
    file: 'extensions/extension-clock.ts',
    from: '    for (const timer of this.#pending) timer.cancel();\n',
    to: '',
  },
  {
    name: 'an extension can set timers after its stop',
    file: 'extensions/extension-clock.ts',
    from: '    if (this.#isStopped) return { cancel: () => undefined };\n',
    to: '',
  },
  {
    name: 'hooks of an extension are called after its stop',
    file: 'extensions/attached-extension.ts',
    from: '    if (!this.#down.signal.aborted) this.#guarded(hook, call);',
    to: '    this.#guarded(hook, call);',
  },
  {
    name: 'an extension can send after its stop',
    file: 'extensions/attached-extension.ts',
    from: '    if (this.#down.signal.aborted) throw new ShutdownError(operation);',
    to: '    if (operation === "") throw new ShutdownError(operation);',
  },
  {
    name: 'a message is given to the first extension of its receiver',
    file: 'extensions/extension-host.ts',
    from: 'const extension = this.#byName.get(envelope.extension);',
    to: 'const extension = this.all[0];',
  },
  {
    name: 'a node never updates the peers of an extension',
    file: 'extensions/attached-extension.ts',
    from: "    if (event.type !== 'conflict') this.#peers = undefined;\n",
    to: '',
  },
  {
    name: 'new metadata does not announce the extensions',
    file: 'node/delegate-host.ts',
    from: 'return this.announced(this.#ownMeta ?? this.#delegateMeta());',
    to:
      'const meta = this.#ownMeta ?? this.#delegateMeta();\n' +
      '    const isFirst = this["calls"] === undefined;\n    this["calls"] = 1;\n' +
      '    return isFirst ? this.announced(meta) : meta;',
  },
  {
    name: 'an exception of an extension reaches the node',
    file: 'extensions/attached-extension.ts',
    from: '    } catch (error) {\n      this.#failed(hook, error);\n    }\n  }\n\n  #failed(',
    to: '    } catch (error) {\n      this.#failed(hook, error);\n      throw error;\n    }\n  }\n\n  #failed(',
  },
  {
    name: 'a rejection of an extension is not caught',
    file: 'extensions/attached-extension.ts',
    from: '      if (isThenable(result)) catchRejection(result, (error) => this.#failed(hook, error));',
    to: '      if (isThenable(result) && hook === "") catchRejection(result, () => undefined);',
  },
  {
    name: 'extensions are not notified of suspicions',
    file: 'extensions/attached-extension.ts',
    from: "    if (event.type === 'health') return;\n",
    to: "    if (event.type === 'health' || event.type === 'suspect') return;\n",
  },
  {
    name: 'a message of an extension over a stream does not name its sender',
    file: 'extensions/attached-extension.ts',
    from: 'encodeEnvelope(this.name, payload, this.#node.ownName)',
    to: 'encodeEnvelope(this.name, payload)',
  },
  {
    name: 'a reliable message resolves before it is read',
    file: 'exchange/dialer.ts',
    from: '        await conversation.closedByPeer();\n',
    to: '',
  },
  {
    name: 'a broadcast to no peers has no end',
    file: 'extensions/attached-extension.ts',
    from: '      if (ended !== undefined) this.#clock.afterTurn(ended);\n',
    to: '',
  },
  {
    name: 'an extension is not stopped with its node',
    file: 'extensions/extension-host.ts',
    from: '    for (const extension of this.#byName.values()) extension.stop();',
    to: '    for (const extension of this.all.slice(1)) extension.stop();',
  },
];

/** All canaries. */
export const canaries: readonly Canary[] = [
  ...ofMembership,
  ...busCanaries,
  ...stateCanaries,
  ...ringCanaries,
];
