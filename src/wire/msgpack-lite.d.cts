/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The entry of msgpack-lite without its streams. They load `node:stream` by a dynamic require(), at
// which an ES module made by esbuild throws.
declare module 'msgpack-lite/lib/browser.js' {
  import msgpack = require('msgpack-lite');
  export = msgpack;
}
