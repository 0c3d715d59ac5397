/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { script } from './script.js';
import { style } from './style.js';

/** The page: one document that asks for nothing but the events. Nothing of a peer's is in it. */
export const document = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>node-memberlist</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='3' fill='%233b82f6'/%3E%3Ccircle cx='8' cy='8' r='6.5' fill='none' stroke='%233b82f6'/%3E%3C/svg%3E">
<style>${style}</style>
</head>
<body>
<header>
  <div class="who">
    <h1 id="self">…</h1>
    <p id="address"></p>
  </div>
  <p id="link" class="pill off" role="status">connecting</p>
</header>
<main>
  <section class="tiles" id="tiles" aria-label="In numbers"></section>
  <section class="card picture">
    <h2>Who probes whom</h2>
    <svg id="picture" role="img" aria-label="This node in the middle, the members around it"></svg>
    <p class="legend">
      <span><i class="line good"></i>answered our probe</span>
      <span><i class="line accused"></i>suspected by</span>
      <span><i class="dot alive"></i>alive</span>
      <span><i class="dot suspect"></i>suspect</span>
      <span><i class="dot dead"></i>dead</span>
      <span><i class="dot left"></i>left</span>
    </p>
  </section>
  <section class="card happened">
    <h2>What happened</h2>
    <ol id="events"></ol>
    <p class="empty" id="quiet">Nothing yet.</p>
  </section>
  <section class="card members">
    <h2>Members <small id="shown"></small></h2>
    <table>
      <thead><tr><th>Name</th><th>State</th><th>Address</th><th>Round trip</th><th>Incarnation</th><th>Metadata</th></tr></thead>
      <tbody id="members"></tbody>
    </table>
  </section>
</main>
<footer>As this node sees it. Others may see it differently for some seconds. <a href="/members.json">members.json</a> <a href="/metrics">metrics</a> <a href="/healthz">healthz</a></footer>
<script>${script}</script>
</body>
</html>
`;
