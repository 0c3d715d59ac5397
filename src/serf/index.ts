/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Published as `node-memberlist/serf`: membership in a cluster of Serf agents.
export {
  serf,
  type Serf,
  type SerfAnswer,
  type SerfEvent,
  type SerfEvents,
  type SerfHandler,
  type SerfKeys,
  type SerfKeysResult,
  type SerfMember,
  type SerfMemberEvent,
  type SerfOptions,
  type SerfQuery,
  type SerfQueryOptions,
  type SerfResponse,
} from './serf.js';
export type { MemberChange, SerfStatus } from './members.js';
export { readKeyringFile } from './keyring-file.js';
export { decodeSerfTags, encodeSerfTags, type SerfTags } from './tags.js';
export type { Coordinate } from './vivaldi.js';
