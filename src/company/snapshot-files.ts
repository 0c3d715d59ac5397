/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The file of a snapshot. It is written beside its place, brought to the disk and then renamed, so that
// there is always a whole one, whenever the process or the machine ends.
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { limits } from '../wire/limits.js';

/** Where snapshots are kept; simulations and tests have others than the file system. */
export interface SnapshotFiles {
  /** The text at a path; undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** Puts a text there in one step: whoever looks sees the old one or the new one. */
  replace(path: string, text: string): Promise<void>;
  /** Moves what is there out of the way. @returns where it is now */
  setAside(path: string): Promise<string>;
}

/** The file system. */
export const systemFiles: SnapshotFiles = {
  async read(path) {
    const file = await open(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    try {
      const buffer = Buffer.alloc(limits.snapshotBytes + 1);
      let length = 0;
      while (file !== undefined && length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return file && buffer.toString('utf8', 0, length);
    } finally {
      await file?.close();
    }
  },

  async replace(path, text) {
    const beside = `${path}.new`;
    // Left by a process that ended in the middle of a write, perhaps.
    await rm(beside, { force: true });
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    await syncFolder(dirname(path));
  },

  async setAside(path) {
    const aside = `${path}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    await rename(path, aside);
    return aside;
  },
};

/** Brings the rename to the disk; where folders cannot be opened the system does so in its time. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch {
    // The file is whole all the same; only which of the two it is may be lost.
  }
}
