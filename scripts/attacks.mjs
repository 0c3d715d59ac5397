// Attacks small clusters on loopback, one process per node: measures how long it takes until a killed member is
// declared dead, and the peak memory of a node, compared with a cluster without an attack. Needs `npm run build`.
//
//   npm run attacks            all attacks
//   npm run attacks -- starve  the attacks whose names contain this word
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

async function runNode(i) {
  const { Memberlist } = await import(new URL('index.js', dist));
  const list = await Memberlist.create({
    name: `r${i}`,
    bindAddr: addr(i),
    bindPort: port,
    metrics: false,
    maxMembers: 1_000_000,
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
    rows.push({ name, ...(await measure(attack)) });
    const { foundMs, peak, wrong, died, mostMembers } = rows.at(-1);
    console.error(
      `${name}: ${foundMs} ms, ${Math.round(peak / 1_048_576)} MiB, ${wrong}, ${died}, ${mostMembers} members`,
    );
  }
  const usual = rows[0].foundMs;
  console.log(
    '| attack | killed member detected by all, s | relative to no attack | peak RSS of a node, MiB | members wrongly failed | most members in a table |',
  );
  console.log(
    '| ------ | ----------------------------- | ----------------- | ----------------------- | ---------------------- | ----------------------- |',
  );
  let isFine = true;
  for (const { name, foundMs, peak, wrong, died, mostMembers } of rows) {
    const ratio = foundMs / usual;
    const found = foundMs < giveUpMs ? (foundMs / 1_000).toFixed(1) : 'not detected';
    console.log(
      `| ${name} | ${found} | ${ratio.toFixed(1)} × | ${Math.round(peak / 1_048_576)} | ${wrong} | ${mostMembers} |`,
    );
    if (ratio > 3 || peak > mostBytes || died > 0) isFine = false;
  }
  process.exitCode = isFine ? 0 : 1;
}

/** Starts a cluster, attacks it, kills a member, and measures. */
async function measure(attack) {
  const children = [];
  const found = new Set();
  let wrong = 0;
  let mostMembers = 0;
  let died = 0;
  let ending = false;
  const victim = `r${nodes}`;
  let killedAt = Infinity;
  for (let i = 1; i <= nodes; i++) {
    const child = spawn(process.execPath, [self, '--node', String(i)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(child);
    const ready = new Promise((resolve) => child.on('message', (m) => m.ready && resolve()));
    child.on('message', ({ left, members = 0 }) => {
      mostMembers = Math.max(mostMembers, members);
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
  const stop = await attack();
  await sleep(attackMs);
  killedAt = performance.now();
  children.at(-1).kill('SIGKILL');
  while (found.size < nodes - 1 && performance.now() - killedAt < giveUpMs) await sleep(50);
  const foundMs = Math.round(performance.now() - killedAt);
  await stop();
  ending = true;
  clearInterval(watch);
  for (const child of children) child.kill('SIGKILL');
  await sleep(500);
  return { foundMs, peak, wrong, died, mostMembers };
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

/** The building blocks of the attacks. */
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
  const forged = (count, isOne) => async () => {
    for (let from = 0; from < count; from += 200_000) {
      const message = table(Math.min(200_000, count - from), from, undefined, isOne);
      await Promise.all(all.map((host) => Promise.race([stream(host, message), sleep(20_000)])));
    }
    return () => undefined;
  };
  const ping = (seqNo) =>
    encodeMessage({
      ...{ type: MessageType.ping, seqNo, node: '' },
      ...{ sourceAddr: silent, sourcePort: 9_000, sourceNode: '' },
    });
  let claimed = 0;
  const claim = () => {
    const body = { addr: silent, port: 9_000, meta: null, incarnation: 1, vsn };
    return encodeMessage({ type: MessageType.alive, node: `s${claimed++}`, ...body });
  };
  return {
    forged,
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
  const { forged, table, ping, claim, compound, compressContent } = tools;
  const body = Buffer.alloc(39 << 20);
  body[0] = tools.pushPull;
  const bomb = compressContent(body);
  return {
    none: async () => () => undefined,
    'starve: one claim a second at one address': () => sending(1_000, () => [claim()]),
    'a table of 100,000 members, an address each': forged(100_000, false),
    'a table of 100,000 members at one address': forged(100_000, true),
    'a table of 1,000,000 members': forged(1_000_000, false),
    'bombs: 31 KB that unpack to 39 MiB, ten a second': () => streaming(100, () => bomb),
    'unread answers of a table of 20,000, 20 a second': async () => {
      await forged(20_000, false)();
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
}

if (process.argv[2] === '--node') await runNode(Number(process.argv[3]));
else await main(process.argv[2] ?? '');
