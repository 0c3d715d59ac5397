/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The result of one check of `doctor`.

/** The result of one check. */
export interface Finding {
  /** `skip`: because of another finding this check cannot tell anything. */
  readonly verdict: 'ok' | 'note' | 'bad' | 'skip';
  readonly check:
    'name' | 'tcp' | 'cluster' | 'udp' | 'time' | 'node' | 'address' | 'versions' | 'members';
  readonly message: string;
  /** What to do. */
  readonly advice?: string;
}

/** The check succeeded. */
export const ok = (check: Finding['check'], message: string): Finding => ({
  verdict: 'ok',
  check,
  message,
});
/** The check found something that may become a problem. */
export const note = (check: Finding['check'], message: string, advice: string): Finding => {
  return { verdict: 'note', check, message, advice };
};
/** The check failed. */
export const bad = (check: Finding['check'], message: string, advice: string): Finding => {
  return { verdict: 'bad', check, message, advice };
};
/** The check was not possible. */
export const skip = (check: Finding['check'], message: string, advice: string): Finding => {
  return { verdict: 'skip', check, message, advice };
};
