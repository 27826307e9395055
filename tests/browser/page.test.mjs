// The HTML page in a real browser. Arguments through the environment: HEAPSIM (the command),
// PAGES (the folder in which test_report_html left its pages), CHROMIUM (default /usr/bin/chromium).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { makeTrace } from './make_trace.mjs';

const folder = mkdtempSync(join(tmpdir(), 'heapsim-page-'));
const profile = join(folder, 'profile');
let context;

function run(name, ...options) {
  const page = join(folder, `${name}.html`);
  const json = join(folder, `${name}.json`);
  const done = spawnSync(process.env.HEAPSIM, [...options, '--html', page, '--json', json], { encoding: 'utf8' });
  assert.ok(done.status === 0 || done.status === 1, done.stderr);
  return { page, result: JSON.parse(readFileSync(json, 'utf8')), bytes: statSync(page).size };
}

// Opens a page; what the console says is an error of the test, whatever it is.
async function open(path, settings = {}) {
  const page = await context.newPage();
  const said = [];
  page.on('console', (m) => said.push(m.text()));
  page.on('pageerror', (e) => said.push(e.stack));
  page.on('request', (r) => { if (!r.url().startsWith('file:')) said.push(`asks for ${r.url()}`); });
  await page.setViewportSize(settings.size ?? { width: 1280, height: 900 });
  if (settings.theme) await page.emulateMedia({ colorScheme: settings.theme });
  await page.goto(`file://${path}`);
  await page.waitForFunction(() => window.heapsim && document.querySelector('.u-over'));
  return { page, said };
}

before(async () => {
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
});
after(async () => {
  await context?.close();
  rmSync(folder, { recursive: true, force: true });
});

const text = (page, selector) => page.locator(selector).textContent();
const number = (s) => Number(s.replace(/[^0-9-]/g, ''));

// At every mark: the free blocks that the page works out are those of the JSON, so are GC bytes.
function compareMarks() {
  const wrong = [];
  let compared = 0;
  const { seek, runs, maps } = window.heapsim;
  for (const mark of runs[0].meta.result.marks.filter((m) => m.name !== 'boot')) {
    seek(mark.event);
    const { heap } = maps[0];
    for (const r of [...mark.idf.regions, ...mark.idf.other_regions]) {
      const mine = heap.regions.find((x) => x.start === r.start)?.free ?? [];
      const a = JSON.stringify(mine.map((f) => [f.address, f.size]));
      const b = JSON.stringify(r.blocks.map((f) => [f.start, f.size]));
      compared++;
      if (a !== b) wrong.push(`${mark.name} ${r.start}: ${a} is not ${b}`);
    }
    const used = heap.objects.reduce((sum, o) => sum + o.size, 0);
    if (mark.gc && heap.longestRun() !== 16 * mark.gc.max_free) wrong.push(`${mark.name}: run ${heap.longestRun()} is not ${16 * mark.gc.max_free}`);
    if (mark.idf.largest_free_block_exact !== (heap.holes[0]?.size ?? 0)) wrong.push(`${mark.name}: true largest ${heap.holes[0]?.size}`);
    if (mark.gc && used !== mark.gc.used) wrong.push(`${mark.name}: GC ${used} is not ${mark.gc.used}`);
    if (mark.idf.free !== heap.moment.values[0]) wrong.push(`${mark.name}: free ${heap.moment.values[0]}`);
    if (mark.idf.largest_free_block !== heap.moment.values[1]) wrong.push(`${mark.name}: largest`);
  }
  return { wrong, compared };
}

for (const [layout, policy, trace] of [
  ['pico-d4', 'micropython-v1.22', 'graph'], ['esp32-idf3', null, 'https'], ['esp32-spiram', null, 'https'],
  ['esp32-c3', null, 'lwip-http-https'], ['pico-d4', 'tracked-tls', 'https']]) {
  test(`numbers equal the JSON: ${layout} ${policy ?? ''} ${trace}`, async () => {
    const { page: path, result } = run(`${layout}-${policy}-${trace}`, '--layout', layout, '--trace', trace,
      ...(policy ? ['--policy', policy] : []));
    const { page, said } = await open(path);
    const { wrong, compared } = await page.evaluate(compareMarks);
    assert.deepEqual(wrong, []);
    assert.ok(compared >= 5);
    const words = await text(page, '.summary');
    for (const value of [result.minimum_largest_free_block, result.minimum_free, result.final.idf.free]) {
      assert.ok(words.includes(`${value.toLocaleString('en-US')} B`), `${value} in ${words}`);
    }
    assert.equal(await text(page, '.verdict'), result.outcome);
    await page.keyboard.press('End');
    assert.equal(number(await text(page, '#v0free')), result.final.idf.free);
    for (const owner of result.owners) {
      const row = page.locator('tr[data-owner]').filter({ has: page.locator(`th:has-text("${owner.name}")`) });
      if (owner.allocations > 0) {
        assert.equal(number(await row.locator('td').nth(0).textContent()), owner.live_bytes);
      }
    }
    assert.deepEqual(said, []);
    await page.close();
  });
}

test('a failed run opens at its failure and says why', async () => {
  const { page: path, result } = run('failed', '--layout', 'esp32-idf3', '--trace', 'https');
  assert.equal(result.outcome, 'failed');
  const { page } = await open(path);
  assert.equal(Number(await page.inputValue('#event')), result.failure.event);
  const why = await text(page, '.why');
  assert.ok(why.includes(result.failure.owner) && why.includes(result.failure.size.toLocaleString('en-US')), why);
  assert.match(await text(page, '#did0'), /FAILED/);
  await page.close();
});

test('a click on a block names its owner, and who was there before', async () => {
  const { page: path } = run('click', '--layout', 'pico-d4', '--trace', 'https', '--addresses', join(folder, 'addresses'));
  const { page, said } = await open(path);
  const rows = readFileSync(join(folder, 'addresses'), 'utf8').split('\n').map((r) => r.split(/\s+/));
  const { row, point } = await page.evaluate((all) => {
    const { runs, seek, maps } = window.heapsim;
    const found = all.find(([e, , a]) => Number(e) > 3000 && runs[0].at(Number(e)).blocks.get(Number(a))?.size >= 64);
    seek(Number(found[0]));
    return { row: found, point: maps[0].pointOf(Number(found[2]) + 16) };
  }, rows);
  const [event, , address] = row;
  await page.locator('canvas.map').click({ position: point });
  assert.equal(await text(page, '#pickowner'), 'mbedtls');
  const words = await text(page, '#pick');
  assert.ok(words.includes(address.toLowerCase()), words);
  assert.match(words, new RegExp(`sinceevent ${Number(event).toLocaleString('en-US')}age0 events`));
  assert.match(words, /before itmbedtls, .* from event [\d,]+ to [\d,]+ \((freed|moved)\)/);
  await page.locator('canvas.map').hover({ position: point });
  assert.match(await text(page, '.tip'), /^mbedtls: \d+ B at 0x/);
  await page.keyboard.press('Escape');
  assert.match(await text(page, '#pick'), /Click a block/);
  assert.deepEqual(said, []);
  await page.close();
});

test('keys step and jump', async () => {
  const { page: path } = run('keys', '--layout', 'pico-d4', '--policy', 'micropython-v1.22', '--trace', 'graph');
  const { page, said } = await open(path);
  const at = async (key) => {
    await page.keyboard.press(key);
    return Number(await page.inputValue('#event'));
  };
  const places = await page.evaluate(() => {
    const { collections, growths, phases, events } = window.heapsim.runs[0].meta;
    return { collections, growths, phases, events };
  });
  assert.equal(await at('Home'), 0);
  assert.equal(await at('ArrowRight'), 1);
  assert.equal(await at('ArrowRight'), 2);
  assert.equal(await at('ArrowLeft'), 1);
  assert.equal(await at('End'), places.events);
  assert.equal(await at('Home'), 0);
  assert.equal(await at('c'), places.collections[0][0]);
  assert.match(await text(page, '#did0'), /collection: [\d,]+ objects freed/);
  assert.equal(await at('c'), places.collections[1][0]);
  assert.equal(await at('Shift+C'), places.collections[0][0]);
  assert.equal(await at('g'), places.growths[0][0]);
  await page.keyboard.press('Home');
  assert.equal(await at('p'), places.phases[0][0]);
  const changed = await at('Shift+ArrowRight');
  assert.ok(changed > places.phases[0][0]);
  assert.notEqual(await text(page, '#did0'), 'nothing changed in the heap');
  assert.deepEqual(said, []);
  await page.close();
});

// A heap of one free block, so that what TLSF and the collector do is known in advance.
test('splitting, joining, marking and sweeping are told and drawn', async () => {
  const trace = join(folder, 'lesson.trace');
  writeFileSync(trace, ['heapsim-trace 1', 'title lesson', 'origin modelled', 'owner a idf', 'owner mp gc',
    'alloc 1 1000 a', 'alloc 2 500 a', 'alloc 3 700 a', 'free 2', 'free 1', 'free 3',
    'alloc 4 64 mp', 'alloc 5 160 mp', 'alloc 6 32 mp', 'drop 5', 'collect', ''].join('\n'));
  const { page: path } = run('lesson', '--layout', 'pico-d4', '--policy', 'micropython-v1.22', '--trace', trace);
  const { page, said } = await open(path);
  const did = async (event) => {
    await page.evaluate((e) => window.heapsim.seek(e), event);
    return text(page, '#did0');
  };
  const one = await did(1);
  const [, hole, left] = one.match(/cut from ([\d,]+) B free at 0x[0-9a-f]{8}: ([\d,]+) B of it stay free/);
  assert.equal(number(hole) - number(left), 1004);
  assert.match(await did(4), /freed: a hole of 500 B between blocks in use/);
  assert.match(await did(5), /freed: joined with what was free after it to 1,504 B/);
  assert.match(await did(6), new RegExp(`freed: joined with what was free before and after it to ${hole} B`));
  assert.match(await text(page, '#free0'), new RegExp(`the largest of 112,208 B, which the device prints as 110,592`));
  assert.match(await did(10), /dropped: nothing but other objects can reach it/);
  assert.match(await text(page, '#free0'), /Python: longest free run [\d,]+ B, 160 B dropped but not yet collected/);
  assert.match(await did(11), /collection: 1 objects freed \(swept 160 B\), 2 marked and kept \(96 B\)/);
  const changes = await page.evaluate(() => {
    const { fresh, gone } = window.heapsim.maps[0].heap.changes;
    return { fresh: fresh.length, gone: gone.map((b) => b.size) };
  });
  assert.deepEqual(changes, { fresh: 0, gone: [160] });
  assert.deepEqual(said, []); // before the canvas is read, which the browser remarks upon
  const tint = () => page.evaluate(() => { // pixels of what was given back, which are reddish
    const c = document.querySelector('canvas.map');
    const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
    let red = 0;
    for (let i = 0; i < data.length; i += 4) red += data[i] > 200 && data[i] > data[i + 1] + 20 && data[i + 2] > data[i + 1];
    return red;
  });
  const drawn = await tint();
  await did(10);
  assert.ok(drawn > 0 && (await tint()) === 0);
  await page.close();
});

test('blocks are picked by keys', async () => {
  const { page: path } = run('pick', '--layout', 'pico-d4', '--trace', 'https');
  const { page, said } = await open(path);
  await page.evaluate(() => window.heapsim.seek(3000));
  await page.keyboard.press('Shift+ArrowRight');
  const changed = await page.evaluate(() => {
    const { fresh, gone } = window.heapsim.maps[0].heap.changes;
    return [...fresh, ...gone][0].address;
  });
  const picked = async () => parseInt(await page.locator('#pick dd').first().textContent(), 16);
  await page.keyboard.press('b');
  assert.ok((await text(page, '#pick')).includes(`0x${changed.toString(16)}`));
  const at = await picked();
  await page.keyboard.press('.');
  assert.ok((await picked()) > at);
  await page.keyboard.press(',');
  assert.equal(await picked(), at);
  assert.deepEqual(said, []);
  await page.close();
});

test('a step back shows what a step there showed', async () => {
  const { page: path } = run('back', '--layout', 'pico-d4', '--policy', 'micropython-v1.22', '--trace', 'web_json');
  const { page } = await open(path);
  const different = await page.evaluate(() => {
    const { seek, maps, runs } = window.heapsim;
    const look = (e) => {
      seek(e);
      const { heap } = maps[0];
      return JSON.stringify([heap.moment.values, heap.outer, heap.objects]);
    };
    const chunks = runs[0].meta.chunks.map((c) => c[0]);
    const events = chunks.flatMap((c) => [c - 1, c, c + 1]).filter((e) => e >= 0).slice(0, 60);
    const there = events.map(look);
    return events.reverse().filter((e, i) => look(e) !== there[there.length - 1 - i]);
  });
  assert.deepEqual(different, []);
  await page.close();
});

test('zoom shows exact values, toggles hide', async () => {
  const { page: path } = run('zoom', '--layout', 'pico-d4', '--policy', 'micropython-v1.22', '--trace', 'web_json');
  const { page } = await open(path);
  const wrong = await page.evaluate(() => {
    const { line, runs } = window.heapsim;
    line.zoomTo(20000, 20400);
    const data = line.plot.data;
    return data[0].filter((e, i) => e <= 20400 && runs[0].at(e).values.some((v, k) => data[1 + 2 * k][i] !== v)).length +
      (data[0].length < 400 ? 1000 : 0);
  });
  assert.equal(wrong, 0);
  await page.uncheck('input[data-metric=free]');
  assert.equal(await page.evaluate(() => window.heapsim.line.plot.series[1].show), false);
  const ink = () => page.evaluate(() => {
    const c = document.querySelector('canvas.map');
    const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
    let blue = 0;
    for (let i = 0; i < data.length; i += 4) blue += data[i] < 40 && data[i + 1] > 90 && data[i + 1] < 130 && data[i + 2] > 150;
    return blue;
  });
  const shown = await ink();
  await page.uncheck('tr[data-owner=mp] input');
  assert.ok(shown > 1000 && (await ink()) < shown / 20);
  await page.close();
});

test('phone, laptop, dark and light fit', async () => {
  const { page: path } = run('sizes', '--layout', 'esp32-idf3', '--trace', 'https');
  for (const size of [{ width: 360, height: 740 }, { width: 1366, height: 768 }]) {
    for (const theme of ['light', 'dark']) {
      const { page, said } = await open(path, { size, theme });
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${size.width}`);
      assert.deepEqual(said, []);
      await page.close();
    }
  }
});

test('names from a trace stay text', async () => {
  const { page, said } = await open(join(process.env.PAGES, 'test_report_html_hostile.html'));
  assert.equal(await page.locator('img').count(), 0);
  assert.ok((await text(page, '#owners')).includes('</script><img'));
  assert.deepEqual(said, []);
  await page.close();
});

test('two runs side by side', async () => {
  const pair = join(folder, 'pair.html');
  const done = spawnSync(process.env.HEAPSIM, ['compare', '--layout', 'pico-d4', '--policy',
    'micropython-v1.18,micropython-v1.22', '--trace', 'https', '--html', pair], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  const { page, said } = await open(pair);
  assert.equal(await page.locator('canvas.map').count(), 2);
  assert.equal(await page.locator('.summary').count(), 2);
  const parted = await page.evaluate(() => JSON.parse(document.getElementById('meta').textContent).parted);
  await page.click('#parted button >> nth=0');
  assert.equal(Number(await page.inputValue('#event')), parted.address);
  const addresses = await page.evaluate((e) => window.heapsim.runs.map((r) => r.at(e).record.changes[0].address), parted.address);
  assert.notEqual(addresses[0], addresses[1]);
  assert.deepEqual(said, []);
  await page.close();
});

test('what was left out to keep the page small is said', async () => {
  const { page, said } = await open(join(process.env.PAGES, 'test_report_html_budget.html'));
  const left = await page.evaluate(() => window.heapsim.runs[0].meta.chunks.findIndex((c) => !c[1]));
  const event = await page.evaluate((i) => window.heapsim.runs[0].meta.chunks[i][0] + 5, left);
  await page.evaluate((e) => window.heapsim.seek(e), event);
  assert.match(await text(page, '#did0'), /left out of this page/);
  await page.keyboard.press('End');
  assert.doesNotMatch(await text(page, '#did0'), /left out/);
  assert.deepEqual(said, []);
  await page.close();
});

test('a million events: size and answer times (reported, not asserted)', async (t) => {
  const trace = join(folder, 'million.trace');
  await makeTrace(trace, 1e6);
  const began = Date.now();
  const { page: path, bytes } = run('million', '--layout', 'pico-d4', '--trace', trace);
  const made = Date.now() - began;
  const opened = Date.now();
  const { page, said } = await open(path);
  const loaded = Date.now() - opened;
  const times = await page.evaluate(() => {
    const { seek, line } = window.heapsim;
    const far = [];
    for (let i = 1; i <= 40; i++) {
      seek((i * 7919 * 31) % 1000000);
      far.push(window.heapsim.answer);
    }
    const near = [];
    for (let i = 0; i < 200; i++) {
      seek(500000 + i);
      near.push(window.heapsim.answer);
    }
    const zooms = [1e6, 1e5, 1e4, 1e3].map((span) => {
      const start = performance.now();
      line.zoomTo(500000 - span / 2, 500000 + span / 2);
      return performance.now() - start;
    });
    const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];
    return { far: [middle(far), Math.max(...far)], near: [middle(near), Math.max(...near)], zoom: Math.max(...zooms) };
  });
  const ms = (v) => `${v.toFixed(0)} ms`;
  t.diagnostic(`page ${(bytes / 1048576).toFixed(1)} MiB, written with the JSON in ${made} ms, loaded in ${loaded} ms; ` +
    `cursor anywhere: median ${ms(times.far[0])}, worst ${ms(times.far[1])}; next event: median ${ms(times.near[0])}, ` +
    `worst ${ms(times.near[1])}; zoom: worst ${ms(times.zoom)}`);
  assert.ok(times.far[0] > 0);
  assert.deepEqual(said, []);
  await page.close();
});
