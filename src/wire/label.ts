/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The label in front of packets and streams (wire protocol, sections 3 and 6): f4, length, label. It separates
// clusters that share a network; it is not a secret.
import { limits } from './limits.js';
import { MessageType } from './message-type.js';
import { noBytes } from './messages.js';
import { INCOMPLETE } from './msgpack-scan.js';
import { WireError } from './wire-error.js';

const HEADER_BYTES = 2;

/** A packet or stream of another cluster, or one without the required label. */
export class ForeignLabelError extends WireError {
  /** Their label as text; empty if they have none. */
  readonly theirs: string;
  /** Our label; empty if we have none. */
  readonly ours: string;

  constructor(theirs: string, ours: string) {
    const seen = theirs === '' ? 'no label' : `label ${JSON.stringify(theirs)}`;
    super('bad-label', `${seen}; ours is ${ours === '' ? 'none' : JSON.stringify(ours)}`);
    this.theirs = theirs;
    this.ours = ours;
  }
}

/** The label that a node requires of inbound data and adds to outbound data. */
export class Label {
  /** The label's own bytes; empty without a label. */
  readonly bytes: Buffer;
  /** The header in front of packets and streams; empty without a label. */
  readonly header: Buffer;
  readonly #text: string;
  readonly #skipInboundCheck: boolean;

  constructor(init: { label: string; skipInboundCheck: boolean }) {
    this.#text = init.label;
    this.#skipInboundCheck = init.skipInboundCheck;
    this.bytes = Buffer.from(init.label);
    if (this.bytes.length > limits.labelBytes) throw new RangeError('the label is too long');
    this.header =
      this.bytes.length === 0
        ? noBytes
        : Buffer.concat([Buffer.of(MessageType.hasLabel, this.bytes.length), this.bytes]);
  }

  /**
   * Where the content begins, or INCOMPLETE if more bytes of a stream are needed to tell.
   *
   * @throws ForeignLabelError when the label is not ours; WireError when there must not be one
   */
  contentStart(buf: Buffer, end: number): number {
    if (end === 0) return INCOMPLETE;
    if (buf[0] !== MessageType.hasLabel) {
      if (this.bytes.length > 0 && !this.#skipInboundCheck) {
        throw new ForeignLabelError('', this.#text);
      }
      return 0;
    }
    if (end < HEADER_BYTES) return INCOMPLETE;
    const length = buf[1] as number;
    if (length === 0) throw new WireError('bad-label', 'an empty label');
    const content = HEADER_BYTES + length;
    if (content > end) return INCOMPLETE;
    const theirs = buf.subarray(HEADER_BYTES, content);
    if (this.#skipInboundCheck) {
      const seen = JSON.stringify(theirs.toString());
      throw new WireError(
        'bad-label',
        `label ${seen}; labels are expected to be stripped already (skipInboundLabelCheck)`,
      );
    }
    if (!theirs.equals(this.bytes)) throw new ForeignLabelError(theirs.toString(), this.#text);
    return content;
  }
}
