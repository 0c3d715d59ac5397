/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What this node does when another member lists or changes the keys of the cluster. Texts are those of Serf.
import { ConfigError, type ExtensionContext, type Keyring } from '../index.js';
import type { KeyringFile } from './keyring-file.js';
import { serfLimits } from './limits.js';
import { MalformedMessage } from './malformed-message.js';
import { decodeKeyRequest, encodeKeyResponse, type KeyResponse } from './query-messages.js';

/** Serf's bound of a list that does not fit: 1,024 bytes / 25 for the shortest key. */
const MOST_LISTED = 40;

export type KeyCommand = 'install-key' | 'use-key' | 'remove-key' | 'list-keys';

/** Changes the keys of one node. */
export class KeyCommands {
  readonly #context: Pick<ExtensionContext, 'keyring' | 'keyFile' | 'log'>;
  readonly #file: KeyringFile | undefined;

  constructor(
    context: Pick<ExtensionContext, 'keyring' | 'keyFile' | 'log'>,
    file: KeyringFile | undefined,
  ) {
    this.#context = context;
    this.#file = file;
  }

  /** Lists the keys. */
  list(): KeyResponse {
    const { keyring } = this.#context;
    if (keyring === undefined) return failure('Keyring is empty (encryption not enabled)');
    const keys = keyring.keys().map((key) => key.toString('base64'));
    return { result: true, message: '', keys, primaryKey: keys[0] ?? '' };
  }

  /** Executes a command; the response says what failed. Never rejects. */
  async change(command: Exclude<KeyCommand, 'list-keys'>, payload: Buffer): Promise<KeyResponse> {
    const { keyring, keyFile, log } = this.#context;
    if (keyring === undefined) return failure('No keyring to modify (encryption not enabled)');
    if (keyFile !== undefined) return failure('The keys of this node are those of a key file');
    try {
      apply(keyring, command, decodeKeyRequest(payload));
      await this.#file?.save();
      log.info('the keys were changed', {
        code: 'serf-keys',
        command,
        keys: keyring.keys().length,
      });
      return { result: true, message: '', keys: [], primaryKey: '' };
    } catch (error) {
      // A key that cannot be used, or a file that cannot be written: both concern whoever asks.
      const message = error instanceof ConfigError ? error.problems[0]?.rule : undefined;
      return failure(message ?? (error as Error).message);
    }
  }
}

/**
 * An encoded list of keys. If it is too long, it is cut to the first keys, and its message says so.
 *
 * @param fits - whether a payload fits into a response
 * @returns undefined when not even the message fits
 */
export function encodeKeyList(
  response: KeyResponse,
  fits: (payload: Buffer) => boolean,
): Buffer | undefined {
  const whole = encodeKeyResponse(response);
  if (fits(whole)) return whole;
  const total = response.keys.length;
  for (let count = Math.min(MOST_LISTED, total); count >= 0; count--) {
    const keys = response.keys.slice(0, count);
    const message = `truncated key list response, showing first ${count} of ${total} keys`;
    const payload = encodeKeyResponse({ ...response, keys, message });
    if (fits(payload)) return payload;
  }
  return undefined;
}

function apply(keyring: Keyring, command: KeyCommand, key: Buffer): void {
  if (![16, 24, 32].includes(key.length)) {
    throw new MalformedMessage('key size must be 16, 24 or 32 bytes');
  }
  const isInstalled = keyring.keys().some((other) => other.equals(key));
  if (command === 'install-key') {
    if (!isInstalled && keyring.keys().length >= serfLimits.keys) {
      throw new MalformedMessage(`at most ${serfLimits.keys} keys can be installed`);
    }
    keyring.addKey(key);
  } else if (command === 'use-key') {
    if (!isInstalled) throw new MalformedMessage('requested key is not in the keyring');
    keyring.useKey(key);
  } else {
    if (keyring.primaryKey.equals(key)) {
      throw new MalformedMessage('removing the primary key is not allowed');
    }
    keyring.removeKey(key);
  }
}

function failure(message: string): KeyResponse {
  return { result: false, message, keys: [], primaryKey: '' };
}
