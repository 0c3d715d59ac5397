/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The file of a snapshot. A new version is written to a temporary file, synced and renamed, so that there is always a
// complete one, even after a crash of the process or the machine.
import { constants } from 'node:fs';
import { lstat, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { limits } from '../wire/limits.js';

/** Stores snapshots; simulations and tests replace the file system. */
export interface SnapshotFiles {
  /** Why no snapshot can be stored at a path, as text; undefined when one can. */
  problemWith(path: string): Promise<string | undefined>;
  /** The text at a path; undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** Replaces the text atomically: readers see the old one or the new one. */
  replace(path: string, text: string): Promise<void>;
  /** Renames the file. @returns its new path */
  setAside(path: string): Promise<string>;
}

/** The file system. */
export const systemFiles: SnapshotFiles = {
  async problemWith(path) {
    const what = await kindOf(path);
    if (what === 'nothing') {
      const folder = await stat(dirname(path)).catch(() => undefined);
      if (folder?.isDirectory() !== true) return 'must be in an existing folder';
      return undefined;
    }
    return what === undefined ? undefined : `must be a regular file, and it is ${what}`;
  },

  async read(path) {
    // Without O_NONBLOCK, opening a FIFO would block until a process writes to it.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    const file = await open(path, flags).catch((error: unknown) => {
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

  async replace(at, text) {
    const path = await fileAt(at);
    const beside = `${path}.new`;
    // A process that crashed during a write may have left it.
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

  async setAside(at) {
    const path = await fileAt(at);
    const aside = `${path}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    await rename(path, aside);
    return aside;
  },
};

/** Syncs the rename. Where folders cannot be opened, the system does so later. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch {
    // The file is complete in any case; after a crash it may be the old one.
  }
}

const kinds = [
  ['isDirectory', 'a directory'],
  ['isFIFO', 'a FIFO'],
  ['isSocket', 'a socket'],
  ['isCharacterDevice', 'a device'],
  ['isBlockDevice', 'a device'],
] as const;

/**
 * Describes what is at a path if it is no regular file. Follows symbolic links; a dangling one is described, too. Paths
 * that the system does not let this process examine are left to reading and writing, which report the error.
 */
async function kindOf(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (found.isFile()) return undefined;
    return kinds.find(([is]) => found[is]())?.[1] ?? 'something else';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') return 'a symbolic link in a loop';
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return undefined;
    const link = await lstat(path).catch(() => undefined);
    return link === undefined ? 'nothing' : 'a dangling symbolic link';
  }
}

/**
 * The path of the file itself: a symbolic link stays, and its target is replaced.
 *
 * @throws Error when it is no regular file any more: a rename would replace it
 */
async function fileAt(path: string): Promise<string> {
  const what = await kindOf(path);
  if (what === 'nothing') return path;
  if (what !== undefined) throw new Error(`it is ${what}, not a regular file`);
  return realpath(path);
}
