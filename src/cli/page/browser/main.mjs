/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Connects the parts of the page.
import { LiveRegion } from './live-region.mjs';
import { Diagram } from './diagram.mjs';
import { byId, setAttribute, setText } from './dom.mjs';
import { EventList, timeOfDay } from './event-list.mjs';
import { Link } from './link.mjs';
import { Members, selectRows } from './model.mjs';
import { showStatus } from './summary.mjs';
import { Table } from './table.mjs';
import { duration } from './text.mjs';
import { showBus, showState } from './toolkit.mjs';

/** @import { BusView, StatusMessage } from '../messages.js' */
/** @import { LinkState } from './link.mjs' */

const CHECK_MS = 500;

const liveRegion = new LiveRegion();
const members = new Members();
const eventList = new EventList();
const diagram = new Diagram();
const table = new Table({ members, liveRegion });

/** @type {StatusMessage | undefined} */
let status;
/** When it arrived. */
let statusAt = 0;
/** @type {BusView | undefined} */
let bus;
/** @type {LinkState} */
let state = 'connecting';
let isDrawn = true;
let mustDraw = false;

/** The agent's clock. It stops while the agent sends nothing. */
const agentNow = () =>
  status === undefined ? 0 : status.at + (state === 'live' ? performance.now() - statusAt : 0);

/** Draws with the next frame; a hidden page draws nothing. @param {{ members?: boolean }} [what] */
function drawSoon({ members: withMembers = false } = {}) {
  mustDraw ||= withMembers;
  if (isDrawn) requestAnimationFrame(drawNow);
  isDrawn = false;
}

function drawNow() {
  isDrawn = true;
  table.show(agentNow());
  if (bus !== undefined) showBus(bus, agentNow());
  const byName = { text: '', filter: 'all', key: 'name', isDown: false };
  if (mustDraw)
    diagram.show(selectRows(members.rows, /** @type {any} */ (byName)), status?.name ?? '');
  mustDraw = false;
  diagram.showLines(status?.suspicions ?? [], status === undefined ? undefined : agentNow());
}

const link = new Link({
  listeners: {
    history: (events) => eventList.replace(events),
    events(events) {
      const added = eventList.add(events);
      members.apply(added);
      for (const { kind, subject } of added)
        if (liveRegion.isAnnounced(kind)) liveRegion.announceEvent(kind, subject);
      drawSoon({ members: true });
    },
    members(message) {
      members.replace(message);
      drawSoon({ members: true });
    },
    bus(view) {
      bus = view;
      drawSoon();
    },
    state: (view) => showState(view),
    probes: (results) => members.probed(results),
    status(message) {
      const isFirst = status === undefined;
      status = message;
      statusAt = performance.now();
      members.probed(message.probes);
      showStatus(message);
      showLink();
      drawSoon({ members: isFirst });
    },
  },
});

/** @type {Readonly<Record<LinkState, string>>} */
const words = {
  connecting: 'connecting',
  live: 'live',
  stale: 'no data',
  lost: 'no connection',
  full: 'too many viewers',
};
/** @type {Readonly<Record<LinkState, string>>} */
const notices = {
  connecting: '',
  live: '',
  stale: 'The agent sends no data: it is suspended, or the network is interrupted.',
  lost: 'There is no connection to the agent.',
  full: 'The agent has reached its limit of viewers for this page. The page tries again.',
};

function showLink() {
  const before = state;
  state = link.check();
  const isLeaving = state === 'live' && status?.isLeaving === true;
  setAttribute(byId('link'), 'class', `pill ${isLeaving ? 'leaving' : state}`);
  const silence = state === 'stale' ? ` for ${duration(link.silence)}` : '';
  setText(byId('link-text'), isLeaving ? 'leaving' : words[state] + silence);
  const isOld = state !== 'live' && status !== undefined;
  document.documentElement.classList.toggle('stale', isOld);
  byId('notice').hidden = notices[state] === '';
  setText(byId('notice-text'), notices[state]);
  const seen = `Last message at ${timeOfDay(link.lastSeen)}, ${duration(link.silence)} ago. The data below is from then.`;
  setText(byId('last-seen'), isOld ? seen : '');
  if (state !== before)
    liveRegion.announce(state === 'live' ? 'The agent is live' : notices[state]);
}

link.open();
setInterval(showLink, CHECK_MS);
