/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The fuzzed configurations of a node. Their keys are those of the golden bytes, so that the nodes can open
// those.
import { GossipCipher } from '../../src/security/aes-gcm.js';
import { Keyring } from '../../src/security/keyring.js';
import { Label } from '../../src/wire/label.js';
import type { StreamLayers } from '../../src/wire/stream-codec.js';

/** One wire configuration of a node. */
export interface Lane {
  readonly label: string;
  /** Hexadecimal; no encryption if absent. */
  readonly keyHex?: string;
  /** With a key: also accepts plaintext, as during the introduction of encryption. */
  readonly takesPlaintext?: boolean;
}

const key256 = '20'.repeat(32);
const key128 = '10'.repeat(16);

/** Plain and encrypted, each without and with a label, and one during the introduction of encryption. */
export const lanes: readonly Lane[] = [
  { label: '' },
  { label: 'prod' },
  { label: '', keyHex: key256 },
  { label: 'prod', keyHex: key128 },
  { label: '', keyHex: key256, takesPlaintext: true },
];

/** The name of a lane. */
export function nameOf({ label, keyHex, takesPlaintext }: Lane): string {
  const key = keyHex === undefined ? 'plain' : takesPlaintext ? 'roll-out' : 'encrypted';
  return label === '' ? key : `${key} with label`;
}

/** The lanes that are plain, encrypted, or have a label; an undefined filter accepts all. */
export function lanesWith(filter: { encrypted?: boolean; label?: string }): Lane[] {
  const { encrypted, label } = filter;
  const fitting = lanes.filter(
    ({ keyHex }) => encrypted === undefined || (keyHex !== undefined) === encrypted,
  );
  if (label === undefined) return fitting;
  return fitting
    .filter((lane) => (lane.label !== '') === (label !== ''))
    .map((lane) => ({ ...lane, label }));
}

/** Label and cipher of a lane, as its nodes have them. */
export function layersOf(lane: Lane): StreamLayers {
  const { keyHex } = lane;
  const verifyIncoming = lane.takesPlaintext !== true;
  const cipher =
    keyHex === undefined
      ? undefined
      : new GossipCipher({
          keyring: keyringOf(keyHex),
          version: 1,
          verifyIncoming,
          verifyOutgoing: true,
        });
  const label = new Label({ label: lane.label, skipInboundCheck: false });
  return { label, cipher, compress: false };
}

/** The keyring of a lane that has a key. */
export function keyringOf(keyHex: string): Keyring {
  return new Keyring(Buffer.from(keyHex, 'hex'));
}
