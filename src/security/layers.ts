/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { ResolvedConfig } from '../config/options.js';
import { Label } from '../wire/label.js';
import type { StreamLayers } from '../wire/stream-codec.js';
import { GossipCipher } from './aes-gcm.js';

/** The label, cipher and compression of a configuration. */
export function layersFor(config: ResolvedConfig): StreamLayers {
  const { keyring } = config;
  const cipher =
    keyring &&
    new GossipCipher({
      keyring,
      version: config.protocolVersion === 1 ? 0 : 1,
      verifyIncoming: config.gossipVerifyIncoming,
      verifyOutgoing: config.gossipVerifyOutgoing,
    });
  const label = new Label({
    label: config.label,
    skipInboundCheck: config.skipInboundLabelCheck,
  });
  return { label, cipher, compress: config.enableCompression };
}
