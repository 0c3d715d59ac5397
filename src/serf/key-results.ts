/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The result of a query about keys, from the responses of all members.
import { MalformedMessage } from './malformed-message.js';
import { decodeKeyResponse } from './query-messages.js';
import type { SerfAnswer, SerfKeysResult } from './serf.js';

/** Reads responses until all members have responded, or the query is over. */
export async function keysResult(
  answers: AsyncIterable<SerfAnswer>,
  numMembers: number,
): Promise<SerfKeysResult> {
  const messages = new Map<string, string>();
  const keys = new Map<string, number>();
  const primaryKeys = new Map<string, number>();
  let numResponses = 0;
  let numErrors = 0;
  for await (const { type, from, payload } of answers) {
    if (type !== 'response') continue;
    numResponses++;
    const response = responseIn(payload);
    if (!response.result) numErrors++;
    if (response.message !== '' || !response.result) messages.set(from, response.message);
    for (const key of response.keys) keys.set(key, (keys.get(key) ?? 0) + 1);
    const { primaryKey } = response;
    if (primaryKey !== '') primaryKeys.set(primaryKey, (primaryKeys.get(primaryKey) ?? 0) + 1);
    if (numResponses >= numMembers) break;
  }
  const ok = numErrors === 0 && numResponses === numMembers;
  return { ok, numMembers, numResponses, numErrors, messages, keys, primaryKeys };
}

function responseIn(payload: Buffer): ReturnType<typeof decodeKeyResponse> {
  try {
    return decodeKeyResponse(payload);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    return {
      result: false,
      message: `invalid response: ${error.message}`,
      keys: [],
      primaryKey: '',
    };
  }
}
