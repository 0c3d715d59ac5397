/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Published as `node-memberlist/state`: shared state, to which each node contributes a map of its own.
export {
  createState,
  type State,
  type StateChange,
  type StateOptions,
  type StateSetOptions,
  type StateSizes,
  type StateValues,
} from './state.js';
export { bytes, msgpack, type StateCodec, type StateSchema } from './values.js';
