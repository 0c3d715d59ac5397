/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A service whose instances publish their port, version and load, and choose the least loaded one. Start it several times:
//
//     node --import tsx main.ts web-1 127.0.0.1:7946
//     node --import tsx main.ts web-2 127.0.0.1:7947 127.0.0.1:7946
import { leaveOnSignals, Memberlist } from 'node-memberlist';
import { createState } from 'node-memberlist/state';

/** What each instance publishes. */
interface Published {
  http: number;
  version: string;
  load: number;
}

const [name = 'web-1', bind = '127.0.0.1:7946', ...seeds] = process.argv.slice(2);
const [bindAddr, port] = bind.split(':');
const state = createState<Published>();
state.set('http', 8_080 + Number(port) - 7_946);
state.set('version', '1.4.2');
const list = await Memberlist.create({
  name,
  bindAddr,
  bindPort: Number(port),
  seeds,
  use: [state],
});
leaveOnSignals(list);

/** The address of the instance with the least load. */
function leastLoaded(): string | undefined {
  const instances = [...state.entries()].flatMap(([instance, { http, load }]) => {
    const addr = list.member(instance)?.addr;
    return addr === undefined || http === undefined
      ? []
      : [{ url: `${addr}:${http}`, load: load ?? 0 }];
  });
  return instances.sort((a, b) => a.load - b.load)[0]?.url;
}

state.on('change', (change) => {
  console.log('%s: %s of %s is %j', name, change.key, change.name, change.value);
  console.log('%s: the next request goes to %s', name, leastLoaded());
});

// A load that is not renewed disappears.
const measure = (): void => state.set('load', Number(Math.random().toFixed(2)), { ttl: 5_000 });
measure();
setInterval(measure, 1_000);
