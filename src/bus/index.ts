/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Published as `node-memberlist/bus`: publish/subscribe, requests and answers between the members of a cluster.
export { createBus } from './message-bus.js';
export type {
  Bus,
  BusAnswer,
  BusGap,
  BusMessage,
  BusOptions,
  BusTopics,
  BytesTopics,
  Confirmed,
  IteratedMessage,
  MessagesOptions,
  Publishable,
  Published,
  PublishOptions,
  RequestInfo,
  RequestOptions,
  RetentionOptions,
  SubscribeOptions,
  TopicOf,
} from './bus.js';
export type { BusGapStats, BusPublisherStats, BusStats, BusTopicStats } from './stats.js';
export { json, msgpack, type Codec, type StandardSchema } from './codec.js';
