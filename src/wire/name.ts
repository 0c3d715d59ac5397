/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Node names as bytes, for extensions with a wire format of their own.
import { decodeText, encodeText } from './text.js';

/**
 * The name that these bytes are. A name need not be UTF-8: each byte that is no part of valid UTF-8 becomes a lone
 * surrogate (U+DC80 to U+DCFF), so that {@link encodeName} returns the same bytes.
 */
export function decodeName(bytes: Buffer): string {
  return decodeText(bytes, 0, bytes.length);
}

/** The bytes of a name: the reverse of {@link decodeName}. */
export function encodeName(name: string): Buffer {
  return encodeText(name);
}
