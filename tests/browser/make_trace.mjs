// Writes a plausible trace of N events: allocations of many owners in both heaps, in phases.
import { createWriteStream } from 'node:fs';

export async function makeTrace(path, events) {
  let seed = 12345;
  const random = (n) => { // xorshift32: the same trace everywhere
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % n;
  };
  const owners = ['wifi', 'lwip', 'mbedtls', 'rtos', 'logger', 'sensors', 'http', 'display', 'ota'];
  const out = createWriteStream(path);
  out.write('heapsim-trace 1\ntitle made for the browser test\norigin modelled\nowner mp gc\n');
  out.write(owners.map((o) => `owner ${o} idf\n`).join(''));
  const live = [];
  let text = '';
  for (let i = 0, slot = 1; i < events; i++) {
    if (i % Math.ceil(events / 8) === 0) {
      text += `phase part-${Math.floor((8 * i) / events)}\n`;
    } else if (live.length > 300 || (live.length > 100 && random(2))) {
      const at = random(live.length);
      const [dead, gc] = live[at];
      live[at] = live[live.length - 1];
      live.pop();
      text += `${gc ? 'drop' : 'free'} ${dead}\n`;
    } else {
      const gc = random(3) > 0;
      const size = 8 + random(random(8) ? 120 : 900);
      text += `alloc ${slot} ${size} ${gc ? 'mp' : owners[random(owners.length)]}\n`;
      live.push([slot++, gc]);
    }
    if (text.length > 1 << 16) {
      if (!out.write(text)) await new Promise((go) => { out.once('drain', go); });
      text = '';
    }
  }
  await new Promise((done) => { out.end(text, done); });
}

if (process.argv[1]?.endsWith('make_trace.mjs')) await makeTrace(process.argv[2], Number(process.argv[3]));
