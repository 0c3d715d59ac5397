// Small clusters on loopback, one process per node, under attack: how long all other nodes take to declare a killed
// member dead, how much memory a node takes, and how many members its table holds, each compared to a run without an
// attack. Needs `npm run build`.
//
//   npm run attacks            all of them
//   npm run attacks -- starve  the attacks whose names contain that text
//   npm run attacks -- 1_000_000  with maxMembers raised to 1,000,000: not one of all, because the bounds do not hold there
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import dgram from 'node:dgram';
import net from 'node:net';

const dist = new URL('../dist/', import.meta.url);
const self = new URL(import.meta.url).pathname;
const port = 17_946;
const nodes = 5;
const warmUpMs = 5_000;
const attackMs = 10_000;
const giveUpMs = 60_000;
const mostBytes = 512 * 1024 * 1024;
const addr = (i) => `127.91.0.${i}`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Members in one forged push/pull: each of them is read and merged long before `tcpTimeout`. */
const forgedPerStream = 20_000;
/** Claims in one packet of the attacker: a compound holds no more. */
const claimsPerPacket = 255;
/** Milliseconds between two such packets to a node. */
const claimEveryMs = 20;
/** Addresses that forged push/pulls come from, in turn. */
const forgers = Array.from({ length: 5 }, (_, i) => `127.93.0.${i + 1}`);
/** With this limit a node is not protected (docs/SECURITY.md): measured on request only. */
const raised = '1,000,000 forged members in packets, `maxMembers: 1_000_000`';
/** An attack that fills tables ends when they are full, or after this time. */
const fillMs = 420_000;

async function runNode(i, maxMembers) {
  const { Memberlist } = await import(new URL('index.js', dist));
  const list = await Memberlist.create({
    name: `r${i}`,
    bindAddr: addr(i),
    bindPort: port,
    metrics: false,
    ...(maxMembers !== undefined && { maxMembers }),
  });
  if (i > 1) await list.join([`${addr(1)}:${port}`]);
  list.on('leave', ({ name }) => name.startsWith('r') && process.send({ left: name }));
  setInterval(() => process.send({ members: list.numMembers }), 250);
  process.on('disconnect', () => process.exit());
  process.send({ ready: true });
}

async function main(wanted) {
  const attacks = await makeAttacks();
  const rows = [];
  for (const [name, attack] of Object.entries(attacks)) {
    if (name !== 'none' && !name.includes(wanted)) continue;
    if (name === raised && wanted === '') continue;
    rows.push({ name, ...(await measure(attack)) });
    const { foundMs, peak, wrong, died, least, most, fillS } = rows.at(-1);
    console.error(
      `${name}: ${foundMs} ms, ${Math.round(peak / 1_048_576)} MiB, ${wrong} wrong, ${died} died, ` +
        `${least} to ${most} members, attack prepared in ${fillS} s`,
    );
  }
  const usual = rows[0].foundMs;
  console.log(
    '| attack | members in each table at the kill | killed member found by all, s | of the usual time | peak RSS of a node, MiB | members wrongly failed |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  let isFine = true;
  const grouped = (count) => count.toLocaleString('en');
  for (const { name, foundMs, peak, wrong, died, least, most } of rows) {
    const ratio = foundMs / usual;
    const found = foundMs < giveUpMs ? (foundMs / 1_000).toFixed(1) : 'not found';
    const members = least === most ? grouped(most) : `${grouped(least)} – ${grouped(most)}`;
    console.log(
      `| ${name} | ${members} | ${found} | ${ratio.toFixed(1)} × | ${Math.round(peak / 1_048_576)} | ${wrong} |`,
    );
    if (ratio > 3 || peak > mostBytes || died > 0) isFine = false;
  }
  process.exitCode = isFine ? 0 : 1;
}

/** Starts a cluster, attacks it, kills a member, and measures. */
async function measure({ maxMembers, begin }) {
  const children = [];
  const found = new Set();
  let wrong = 0;
  /** Members in the table of each node, as it last reported. */
  const members = new Array(nodes).fill(0);
  let died = 0;
  let ending = false;
  const victim = `r${nodes}`;
  let killedAt = Infinity;
  for (let i = 1; i <= nodes; i++) {
    const args = [
      self,
      '--node',
      String(i),
      ...(maxMembers === undefined ? [] : [`${maxMembers}`]),
    ];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(child);
    const ready = new Promise((resolve) => child.on('message', (m) => m.ready && resolve()));
    child.on('message', ({ left, members: count }) => {
      if (count !== undefined) members[i - 1] = count;
      if (left === victim && killedAt < Infinity) found.add(i);
      else if (left !== undefined) wrong++;
    });
    child.on('exit', () => (died += Number(!ending && i < nodes)));
    await ready;
  }
  let peak = 0;
  const watch = setInterval(() => {
    for (const { pid } of children.slice(0, -1)) peak = Math.max(peak, rss(pid));
  }, 100);
  await sleep(warmUpMs);
  const beganAt = performance.now();
  const stop = await begin(members);
  const fillS = Math.round((performance.now() - beganAt) / 1_000);
  await sleep(attackMs);
  const survivors = members.slice(0, -1);
  const [least, most] = [Math.min(...survivors), Math.max(...survivors)];
  killedAt = performance.now();
  children.at(-1).kill('SIGKILL');
  while (found.size < nodes - 1 && performance.now() - killedAt < giveUpMs) await sleep(50);
  const foundMs = Math.round(performance.now() - killedAt);
  await stop();
  ending = true;
  clearInterval(watch);
  for (const child of children) child.kill('SIGKILL');
  await sleep(500);
  return { foundMs, peak, wrong, died, least, most, fillS };
}

function rss(pid) {
  try {
    const kB = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return 1_024 * Number(kB);
  } catch {
    return 0;
  }
}

const all = Array.from({ length: nodes }, (_, i) => addr(i + 1));

const stream = (host, bytes, { reads = true, from = '127.93.0.1' } = {}) =>
  new Promise((resolve) => {
    const socket = net.connect({ port, host, localAddress: from }, () => {
      socket.write(bytes);
      if (reads) socket.resume();
      else resolve(socket);
    });
    socket.on('error', () => resolve(socket));
    socket.on('close', () => resolve(socket));
  });

const sending = async (everyMs, make) => {
  const socket = dgram.createSocket('udp4');
  const timer = setInterval(() => {
    for (const host of all) for (const packet of make()) socket.send(packet, port, host);
  }, everyMs);
  return () => {
    clearInterval(timer);
    socket.close();
  };
};
const streaming = async (everyMs, make, options) => {
  const open = new Set();
  const timer = setInterval(() => {
    for (const host of all) {
      void stream(host, make(), options).then((socket) => open.add(socket));
    }
  }, everyMs);
  return () => {
    clearInterval(timer);
    for (const socket of open) socket.destroy();
  };
};

/** Sends claims about forged members to each node in packets, until its table holds nearly all of them. */
const claiming = (count, packetOf) => async (members) => {
  const socket = dgram.createSocket('udp4');
  const isFull = (held) => held >= 0.98 * count;
  const endAt = performance.now() + fillMs;
  // Some packets are lost, and some nodes are slower: further passes bring the rest.
  for (let at = 0; !members.every(isFull) && performance.now() < endAt; at += claimsPerPacket) {
    const packet = packetOf(Array.from({ length: claimsPerPacket }, (_, k) => (at + k) % count));
    all.forEach((host, i) => isFull(members[i]) || socket.send(packet, port, host));
    await sleep(claimEveryMs);
  }
  return () => socket.close();
};

/** What attacks are made of. */
async function makeTools() {
  const { encodeMessage } = await import(new URL('wire/message-codec.js', dist));
  const { MessageType } = await import(new URL('wire/message-type.js', dist));
  const { encodePushPull } = await import(new URL('wire/push-pull-codec.js', dist));
  const { compressContent } = await import(new URL('wire/compression.js', dist));
  const { assembledLength, writeAssembled } = await import(new URL('wire/compound.js', dist));
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const none = Buffer.alloc(0);
  const silent = Buffer.of(127, 92, 0, 1);
  const compound = (parts) => {
    const bytes = Buffer.alloc(assembledLength(parts));
    writeAssembled(parts, bytes, 0);
    return bytes;
  };
  const table = (count, from, name = (i) => `f${i}`, isOne = false) =>
    encodePushPull({
      join: false,
      userState: none,
      records: Array.from({ length: count }, (_, k) => {
        const i = from + k;
        const own = Buffer.of(127, 100 + (i >> 16), (i >> 8) & 255, i & 255);
        const where = { addr: isOne ? silent : own, port: 9_000 };
        return { name: name(i), ...where, meta: null, incarnation: 1, state: 0, vsn };
      }),
    });
  /** Sends all forged members to each node, and again until its table holds nearly all of them, or as many as it may. */
  const forged =
    (count, isOne, mostHeld = count) =>
    async (members) => {
      const parts = Math.ceil(count / forgedPerStream);
      const part = (k) => {
        const from = k * forgedPerStream;
        return table(Math.min(forgedPerStream, count - from), from, undefined, isOne);
      };
      const endAt = performance.now() + fillMs;
      const fill = async (host, index) => {
        // A stream that the node did not take whole is sent again in the next pass.
        const isFull = () => members[index] >= 0.98 * mostHeld;
        for (let k = 0; (k < parts || !isFull()) && performance.now() < endAt; k++) {
          if (k > 0 && k % parts === 0) await sleep(1_000);
          await stream(host, part(k % parts), { from: forgers[k % forgers.length] });
        }
      };
      await Promise.all(all.map(fill));
      return () => undefined;
    };
  const alive = (i) =>
    encodeMessage({
      ...{ type: MessageType.alive, node: `f${i}`, incarnation: 1, meta: null, vsn },
      ...{ addr: Buffer.of(127, 100 + (i >> 16), (i >> 8) & 255, i & 255), port: 9_000 },
    });
  const ping = (seqNo) =>
    encodeMessage({
      ...{ type: MessageType.ping, seqNo, node: '' },
      ...{ sourceAddr: silent, sourcePort: 9_000, sourceNode: '' },
    });
  let starved = 0;
  const claim = () => {
    const body = { addr: silent, port: 9_000, meta: null, incarnation: 1, vsn };
    return encodeMessage({ type: MessageType.alive, node: `s${starved++}`, ...body });
  };
  return {
    forged,
    claimed: (count) => claiming(count, (members) => compound(members.map(alive))),
    streaming,
    sending,
    table,
    ping,
    claim,
    compound,
    compressContent,
    pushPull: MessageType.pushPull,
  };
}

async function makeAttacks() {
  const tools = await makeTools();
  const { forged, claimed, table, ping, claim, compound, compressContent } = tools;
  const body = Buffer.alloc(39 << 20);
  body[0] = tools.pushPull;
  const bomb = compressContent(body);
  const attacks = {
    none: () => () => undefined,
    'starve: one claim a second at one address': () => sending(1_000, () => [claim()]),
    '100,000 forged members, an address each': forged(100_000, false),
    '100,000 forged members at one address': forged(100_000, true),
    '1,000,000 forged members, `maxMembers` as by default': forged(1_000_000, false, 100_000),
    'bombs: 31 KB that unpack to 39 MiB, ten a second': () => streaming(100, () => bomb),
    'unread answers of a table of 20,000, 20 a second': async (members) => {
      await forged(20_000, false)(members);
      const request = table(1, 0);
      return streaming(50, () => request, { reads: false });
    },
    'names of 1 MB, 15 in a push/pull a second': () =>
      streaming(1_000, () => compressContent(table(15, 0, (i) => `${i}`.padEnd(1e6, 'n')))),
    'pings in compounds of 255, 100 packets a second': () =>
      sending(10, () => [compound(Array.from({ length: 255 }, (_, i) => ping(i + 1)))]),
    'wear: 500 streams a second that are answered with errors': () =>
      streaming(10, () => Buffer.of(0, 0x80)),
  };
  const rows = Object.entries(attacks).map(([name, begin]) => [name, { begin }]);
  rows.push([raised, { begin: claimed(1_000_000), maxMembers: 1_000_000 }]);
  return Object.fromEntries(rows);
}

if (process.argv[2] === '--node') {
  const [, , , index, maxMembers] = process.argv;
  await runNode(Number(index), maxMembers && Number(maxMembers));
} else await main(process.argv[2] ?? '');
