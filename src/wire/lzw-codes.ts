/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The codes that the encoder and the decoder share: those of Go's compress/lzw with literals of eight bits.

export const clearCode = 256;
export const endCode = 257;
export const firstFreeCode = 258;
/** Bits of a code: nine at first, at most twelve. */
export const minWidth = 9;
export const maxWidth = 12;
export const tableSize = 1 << maxWidth;
/** Go's writer clears the table instead of assigning this code: 4095 is never assigned. */
export const lastCode = tableSize - 1;
