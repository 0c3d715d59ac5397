/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** How the page looks. */
export const style = `
:root {
  --ground: #f4f5f7; --card: #ffffff; --ink: #18202b; --soft: #5d6878; --faint: #8b95a3; --rule: #e3e6eb;
  --alive: #0e9f6e; --suspect: #d97706; --dead: #dc2626; --left: #8b95a3; --self: #2563eb;
  --alive-wash: #e3f6ee; --suspect-wash: #fdf0dc; --dead-wash: #fde8e8; --left-wash: #eceef1; --self-wash: #e6edfd;
  --shadow: 0 1px 2px rgb(20 30 50 / .06), 0 4px 14px rgb(20 30 50 / .05);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f141b; --card: #171e28; --ink: #e8edf4; --soft: #9ba8b9; --faint: #6f7c8e; --rule: #273140;
    --alive: #34d399; --suspect: #fbbf24; --dead: #f87171; --left: #7b8798; --self: #6ea0ff;
    --alive-wash: #12312a; --suspect-wash: #382a12; --dead-wash: #3b1d20; --left-wash: #222b37; --self-wash: #1a2a4a;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  -webkit-text-size-adjust: 100%; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { display: flex; align-items: center; justify-content: space-between; gap: 16px; padding-top: 26px; padding-bottom: 18px; }
.who { min-width: 0; }
h1 { margin: 0; font-size: 25px; font-weight: 650; letter-spacing: -.015em; overflow-wrap: anywhere; }
#address { margin: 1px 0 0; color: var(--soft); font-variant-numeric: tabular-nums; }
h2 { margin: 0 0 14px; font-size: 12px; font-weight: 650; text-transform: uppercase; letter-spacing: .07em; color: var(--soft); }
h2 small { font-size: 12px; font-weight: 500; letter-spacing: 0; text-transform: none; color: var(--faint); }
main { display: grid; grid-template-columns: minmax(0, 1.15fr) minmax(0, 1fr); gap: 16px; }
.tiles, .members { grid-column: 1 / -1; }
.tiles { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 10px; }
.tile, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; box-shadow: var(--shadow); }
.tile { padding: 12px 14px; min-width: 0; }
.tile b { display: block; font-size: 23px; font-weight: 640; line-height: 1.15; font-variant-numeric: tabular-nums; letter-spacing: -.02em; white-space: nowrap; }
.tile span { color: var(--soft); font-size: 12.5px; white-space: nowrap; }
.tile.alive b { color: var(--alive); } .tile.suspect b { color: var(--suspect); } .tile.dead b { color: var(--dead); }
.tile.none b { color: var(--faint); }
.card { padding: 18px 20px; min-width: 0; }
.pill { margin: 0; padding: 4px 12px; border-radius: 99px; font-size: 13px; font-weight: 560; white-space: nowrap; flex: none; }
.pill::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%; background: currentColor; }
.pill.on { color: var(--alive); background: var(--alive-wash); }
.pill.off { color: var(--dead); background: var(--dead-wash); }
.pill.leaving { color: var(--suspect); background: var(--suspect-wash); }
#picture { display: block; width: 100%; height: auto; max-height: 420px; }
#picture text { font: 12.5px system-ui, sans-serif; fill: var(--ink); paint-order: stroke; stroke: var(--card); stroke-width: 5px; stroke-linejoin: round; }
#picture .rtt { font-size: 11px; fill: var(--soft); }
#picture .ring { fill: none; stroke: var(--rule); stroke-dasharray: 2 5; }
#picture .probe { stroke: var(--alive); stroke-linecap: round; }
#picture .accusation { stroke: var(--suspect); stroke-width: 2; stroke-dasharray: 5 4; fill: none; }
#picture .arrow { fill: var(--suspect); }
#picture circle.alive { fill: var(--alive); } #picture circle.suspect { fill: var(--suspect); }
#picture circle.dead { fill: var(--card); stroke: var(--dead); stroke-width: 2.5; }
#picture circle.left { fill: var(--card); stroke: var(--left); stroke-width: 2.5; }
#picture circle.self { fill: var(--self); } #picture .halo { fill: var(--self-wash); }
.legend { display: flex; flex-wrap: wrap; gap: 5px 16px; margin: 10px 0 0; color: var(--soft); font-size: 12.5px; }
.legend i { display: inline-block; margin-right: 6px; vertical-align: middle; }
.line { width: 20px; border-top: 2px solid var(--alive); } .line.accused { border-top: 2px dashed var(--suspect); }
.dot { width: 10px; height: 10px; border-radius: 50%; background: var(--alive); }
.dot.suspect { background: var(--suspect); }
.dot.dead { background: none; border: 2px solid var(--dead); } .dot.left { background: none; border: 2px solid var(--left); }
.happened { display: flex; flex-direction: column; max-height: 520px; }
#events { list-style: none; margin: 0; padding: 0; overflow-y: auto; flex: 1; }
#events li { display: grid; grid-template-columns: 66px 82px minmax(0, 1fr); gap: 8px; padding: 6px 0; border-top: 1px solid var(--rule); align-items: baseline; }
#events li:first-child { border-top: 0; }
#events time { color: var(--faint); font-size: 12.5px; font-variant-numeric: tabular-nums; }
#events p { margin: 0; overflow-wrap: anywhere; } #events p span { color: var(--soft); }
.tag { justify-self: start; padding: 1px 9px; border-radius: 99px; font-size: 12.5px; font-weight: 560; white-space: nowrap; }
.tag.alive, .tag.join, .tag.recover { color: var(--alive); background: var(--alive-wash); }
.tag.suspect, .tag.health, .tag.conflict { color: var(--suspect); background: var(--suspect-wash); }
.tag.dead, .tag.failed { color: var(--dead); background: var(--dead-wash); }
.tag.left { color: var(--soft); background: var(--left-wash); }
.tag.update, .tag.message { color: var(--self); background: var(--self-wash); }
.empty { margin: 0; color: var(--faint); }
table { width: 100%; border-collapse: collapse; }
th { padding: 0 12px 8px 0; text-align: left; font-size: 12.5px; font-weight: 560; color: var(--soft); border-bottom: 1px solid var(--rule); }
td { padding: 8px 12px 8px 0; border-bottom: 1px solid var(--rule); vertical-align: baseline; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
td.name { font-weight: 560; min-width: 7em; } td.name em { font-style: normal; font-weight: 450; color: var(--self); font-size: 12.5px; margin-left: 6px; }
td.number, td.address { font-variant-numeric: tabular-nums; white-space: nowrap; } td.meta { color: var(--soft); font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
tr.dead td.name, tr.left td.name { color: var(--faint); }
td small { color: var(--faint); }
footer { padding-top: 18px; padding-bottom: 32px; color: var(--faint); font-size: 13px; }
footer a { color: var(--soft); margin-left: 10px; }
@media (max-width: 1000px) { .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
@media (max-width: 760px) {
  header, main, footer { padding-left: 14px; padding-right: 14px; }
  header { padding-top: 16px; padding-bottom: 12px; }
  h1 { font-size: 21px; }
  main { grid-template-columns: minmax(0, 1fr); gap: 12px; }
  .tiles { gap: 8px; } .tile { padding: 9px 10px; } .tile b { font-size: 19px; } .tile span { font-size: 11.5px; }
  .card { padding: 14px; }
  .happened { max-height: 380px; }
  thead { display: none; }
  table, tbody, tr, td { display: block; }
  tr { padding: 10px 0; border-bottom: 1px solid var(--rule); position: relative; } tr:last-child { border-bottom: 0; }
  td, td.number, td.address { border: 0; padding: 1px 0; white-space: normal; }
  td.name { padding-right: 90px; } td.state { position: absolute; right: 0; top: 10px; }
  td[data-label]::before { content: attr(data-label) " "; color: var(--faint); font: 12.5px system-ui, sans-serif; }
  td:empty { display: none; }
}
@media (prefers-reduced-motion: no-preference) { #events li.new { animation: arrive .9s ease-out; } }
@keyframes arrive { from { background: var(--self-wash); } to { background: transparent; } }
`;
