/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Messages that are sent on several streams. Such a message is compressed once; its compressed form lives as long as
// the message.
import { compressContentSliced } from './compression.js';
import type { Memory } from './memory.js';
import type { Sliced } from './sliced.js';

const compressedForms = new WeakMap<Buffer, { content: Buffer | undefined }>();

/** Marks a message that is sent on several streams. Its bytes must not change from now on. */
export function shareMessage(message: Buffer): void {
  compressedForms.set(message, { content: undefined });
}

/**
 * The compressed form of a message, in slices.
 *
 * @param memory - the compressed form is reserved from it, even if it exists already
 */
export function* compressMessageSliced(message: Buffer, memory: Memory): Sliced<Buffer> {
  const form = compressedForms.get(message);
  if (form?.content !== undefined) {
    memory.reserve(form.content.length);
    return form.content;
  }
  const content = yield* compressContentSliced(message, memory);
  if (form !== undefined) form.content = content;
  return content;
}
