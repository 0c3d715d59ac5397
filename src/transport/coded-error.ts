/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { isError } from '../runtime/as-error.js';

/** An Error with the `code` of `cause`, like a system error. */
export function codedError(
  message: string,
  cause: NodeJS.ErrnoException | { readonly code: string },
): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(message, isError(cause) ? { cause } : {});
  if (cause.code !== undefined) error.code = cause.code;
  return error;
}

/** The rejection of an aborted operation: the signal's reason, as an Error. */
export function abortError(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return isError(reason) ? reason : new Error('aborted', { cause: reason });
}
