/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The second step of a probe: helpers ping the target on our behalf (SWIM, section 3.1), and we ping it over a stream,
// as in Go memberlist.
import { encodeMessage } from '../../wire/message-codec.js';
import { MessageType } from '../../wire/message-type.js';
import type { CoreContext } from '../context.js';
import type { Outbox } from '../gossip/piggyback.js';
import type { LocalNode } from '../local-node.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';
import type { VerifiedMembers } from './verified-members.js';

/** Helpers that speak this protocol version or a later one can send a nack. */
const NACK_PROTOCOL = 4;
/** Targets that speak this protocol version or a later one answer pings over streams. */
const STREAM_PING_PROTOCOL = 3;

/** The probe that these pings belong to. */
export interface ProbeInProgress {
  readonly target: Member;
  readonly seqNo: number;
  /** Clock time by which the probe is over. */
  readonly deadlineAt: number;
}

/**
 * Asks up to `indirectChecks` random members to ping the target.
 *
 * @returns the number of helpers that were asked for a nack
 */
export function sendIndirectPings(
  components: {
    context: CoreContext;
    self: LocalNode;
    table: MemberTable;
    outbox: Outbox;
    verified: VerifiedMembers;
  },
  { target, seqNo }: ProbeInProgress,
): number {
  const { context, self, table, outbox, verified } = components;
  const { indirectChecks, lifeguard } = context.settings;
  // Forged helpers would not answer, and the missing nacks would raise our health score.
  const helpers = (verified.prefersVerifiedHelpers ? verified : table).pick(
    indirectChecks,
    ({ name, state }) => state === 'alive' && name !== self.name && name !== target.name,
  );
  let nacksWanted = 0;
  for (const helper of helpers) {
    const nack = lifeguard.requestsNacks && helper.protocolMax >= NACK_PROTOCOL;
    if (nack) nacksWanted++;
    const request = {
      ...self.ping(seqNo, target.name),
      type: MessageType.indirectPing,
      target: target.addr,
      port: target.port,
      nack,
    };
    outbox.send(helper.destination, [encodeMessage(request)]);
  }
  return nacksWanted;
}

/** Pings the target over a stream, unless that is switched off; `done` as in `Effects.streamPing`. */
export function pingOverStream(
  { settings, effects }: CoreContext,
  { target, seqNo, deadlineAt }: ProbeInProgress,
  done: (answered: boolean) => void,
): void {
  const { name: node, destination: to, protocolMax } = target;
  const isOff = settings.disableTcpPings || settings.disableTcpPingsForNode?.(node) === true;
  if (isOff || protocolMax < STREAM_PING_PROTOCOL) return;
  effects.streamPing({ to, node, seqNo, deadlineAt }, done);
}
