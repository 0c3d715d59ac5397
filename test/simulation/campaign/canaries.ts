/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Is the campaign any good? Each canary breaks one rule of the protocol, and the campaign must notice
// (canary-run.ts). A canary that does not fit the source any more says so.

/** One rule, and how it is broken. */
export interface Canary {
  /** What is wrong. */
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** A text that is there once. */
  readonly from: string;
  readonly to: string;
  /** A seed that notices it, tried first: few scenarios do. `--canary NAME --seeds 400` finds another one. */
  readonly seed?: number;
}

/** All canaries. */
export const canaries: readonly Canary[] = [
  {
    name: 'nobody looks for the lost',
    file: 'discovery/reconnect-candidates.ts',
    from: '    this.#peers.set(name, { name, addr, failedAt: this.#clock.now() });',
    to: '',
  },
  {
    name: 'nobody refutes',
    file: 'core/membership/apply.ts',
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
    name: 'old claims that somebody is alive are believed',
    file: 'core/membership/judge-alive.ts',
    from: 'member === undefined || isNewer(incarnation, member.incarnation)',
    to: 'member === undefined || incarnation !== member.incarnation || member.state !== "alive"',
  },
  {
    name: 'old claims that somebody is dead are believed',
    file: 'core/membership/judge-dead.ts',
    from: 'if (member === undefined || isStale(member, claim, circumstances)) return',
    to: 'if (member === undefined) return',
  },
  {
    name: 'old suspicions are believed',
    file: 'core/membership/judge-suspect.ts',
    from: 'if (member === undefined || isStale(member, claim, circumstances)) return',
    to: 'if (member === undefined) return',
  },
  {
    name: 'the dead are never forgotten',
    file: 'core/membership/apply.ts',
    from: 'member.isGone && member.stateChangedAt < longAgo',
    to: 'member.isGone && member.stateChangedAt < 0 * longAgo',
  },
  {
    name: 'broadcasts are sent for ever',
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
    name: 'a death is believed second-hand',
    file: 'core/membership/merge.ts',
    from: 'membership.suspect({ type: MessageType.suspect, node, incarnation, from: selfName });',
    to: 'membership.dead({ type: MessageType.dead, node, incarnation, from: selfName });',
  },
  {
    name: 'everybody who is dead is said to have left',
    file: 'core/membership/apply.ts',
    from: 'const left = from === name;',
    to: 'const left = from === name || this.#table.size > 0;',
  },
  {
    name: 'a suspicion goes on after its refutation',
    file: 'core/membership/suspicions.ts',
    from: '    this.#running.get(name)?.cancel();\n',
    to: '',
  },
  {
    name: 'a suspicion has no end',
    file: 'core/lifeguard/suspicion.ts',
    from: 'if (this.#over) return;\n    this.#over = true;',
    to: 'if (this.#minMs > 0) return;\n    this.#over = true;',
  },
  {
    name: 'a suspicion ends at once',
    file: 'core/lifeguard/formulas.ts',
    from: 'return Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));',
    to: 'return 0 * Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));',
  },
  {
    name: 'whoever says that we are dead is right',
    file: 'core/membership/judge-dead.ts',
    from: "circumstances.isSelf && !circumstances.leaving ? 'refute' : 'accept'",
    to: "circumstances.isSelf && !circumstances.leaving ? 'ignore' : 'accept'",
  },
  {
    name: 'a ping for somebody else is answered',
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
    name: 'a node is told of itself',
    file: 'core/membership/apply.ts',
    from: '    this.#gossip.pass(name, claim, how);\n    if (name === this.#self.name) return;\n\n',
    to: '    this.#gossip.pass(name, claim, how);\n    if (name === this.#self.name && known === undefined) return;\n\n',
  },
  {
    name: 'who recovers is told to join',
    file: 'core/membership/apply.ts',
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
    name: 'any address may have a name that is held',
    file: 'core/membership/judge-alive.ts',
    from: "if (member.state === 'left') return true;",
    to: "if (member.state !== 'dead') return true;",
  },
  {
    name: 'schedulers go on after a shutdown',
    file: 'core/engine.ts',
    from: '    this.#running = false;\n    this.stopSchedulers();\n',
    to: '    this.#running = false;\n',
  },
  {
    name: 'acks are waited for after a shutdown',
    file: 'core/engine.ts',
    from: '    this.acks.clear();\n',
    to: '',
  },
  {
    name: 'what is said of the dead is not said to the dead',
    file: 'core/gossip/gossip-round.ts',
    from: 'return now - member.stateChangedAt < gossipToTheDeadTime;',
    to: 'return now - member.stateChangedAt < 0 * gossipToTheDeadTime;',
  },
  {
    name: 'the dead are forgotten at once',
    file: 'core/membership/apply.ts',
    from: 'const longAgo = clock.now() - settings.gossipToTheDeadTime;',
    to: 'const longAgo = clock.now() - 0 * settings.gossipToTheDeadTime;',
  },
  {
    name: 'the living are forgotten as well',
    file: 'core/membership/apply.ts',
    from: 'member.isGone && member.stateChangedAt < longAgo',
    to: 'member.stateChangedAt < longAgo',
  },
  {
    name: 'the answer to a push/pull is not merged',
    file: 'state-exchange.ts',
    from: '      await pacer.run(this.merge(remote, join, peer), ended);\n',
    to: '',
  },
  {
    name: 'what comes with a push/pull is not merged',
    file: 'exchange/acceptor.ts',
    from: '    if (!isStateMissing) await merge();\n',
    to: '',
  },
  {
    name: 'nobody pushes and pulls regularly',
    file: 'core/engine.ts',
    from: 'if (peer !== undefined) this.#context.effects.pushPull(peer.destination);',
    to: 'if (peer?.name === "") this.#context.effects.pushPull(peer.destination);',
  },
  {
    name: 'streams are not closed',
    file: 'exchange/conversation.ts',
    from: '    conversation.close();\n    return result;',
    to: '    return result;',
  },
  {
    name: 'acks are remembered for ever',
    file: 'core/probe/ack-table.ts',
    from: '    this.#entries.get(seqNo)?.timer.cancel();\n    this.#entries.delete(seqNo);\n  }',
    to: '    this.#entries.get(seqNo)?.timer.cancel();\n  }',
  },
  {
    name: 'suspicions go on after a shutdown',
    file: 'core/engine.ts',
    from: '    this.#membership.stop();\n',
    to: '',
  },
  {
    name: 'settling goes on after a shutdown',
    file: 'core/engine.ts',
    from: '    this.#settling.stop();\n',
    to: '',
  },
  {
    name: 'only the first key opens packets',
    file: 'security/aes-gcm.ts',
    from: 'for (const key of this.#keyring.openingKeys()) {',
    to: 'for (const key of this.#keyring.openingKeys().slice(0, 1)) {',
  },
  {
    name: 'who leaves says that it died',
    file: 'core/engine.ts',
    from: 'this.#membership.dead({ type: MessageType.dead, node, from: node, incarnation }, { finished });',
    to: "this.#membership.dead({ type: MessageType.dead, node, from: '', incarnation }, { finished });",
  },
  {
    name: 'who comes back has still left',
    file: 'core/engine.ts',
    from: '    this.self.leaving = false;\n',
    to: '',
  },
  {
    name: 'new metadata is not believed',
    file: 'core/member.ts',
    from: '    this.#setMeta(facts.meta);\n    this.#vsn = this.#vsn',
    to: '    this.#vsn = this.#vsn',
  },
  {
    name: 'what a broadcast replaces is sent all the same',
    file: 'core/gossip/broadcast-queue.ts',
    from: '    if (old !== undefined) this.#takeOut(old);',
    to: '',
  },
  {
    name: 'gossip that rests is not woken',
    file: 'core/scheduler.ts',
    from: '    if (!this.#isResting) return;\n',
    to: '    if (this.#isResting || !this.#isResting) return;\n',
  },
  {
    name: 'records that bring news are passed over',
    file: 'core/membership/judge-alive.ts',
    from: '    !isNewer(record.incarnation, member.incarnation) &&\n    record',
    to: '    record',
  },
  {
    name: 'verified members wait for their turn among forged ones',
    file: 'core/probe/prober.ts',
    from: 'const overdue = this.#wasOverdue ? undefined : verified.overdue();',
    to: 'const overdue = undefined;',
    seed: 268,
  },
  {
    name: 'names of any length are let in',
    file: 'core/name-bound.ts',
    from: 'return length <= this.longest && textByteLength(name) <= this.longest;',
    to: 'return length >= 0;',
  },
  {
    name: 'a lost member is joined without asking for its name',
    file: 'discovery/contacts.ts',
    from: 'isThere = await this.#node.dialer.pingOrThrow(to, ping, signal);',
    to: 'isThere = ping.node !== "";',
  },
];
