import 'uplot/dist/uPlot.min.css';
import './style.css';
import { KIND, lastAtOrBefore, loadPage } from './data.js';
import { $, bytes, count, css, el, hex, plural, short } from './dom.js';
import { Palette } from './colours.js';
import { Heap, HeapMap } from './map.js';
import { METRICS, Timeline } from './timeline.js';
import { eventWords, failureWords, freeWords, outcomeWords } from './explain.js';

const page = loadPage();
const { runs } = page;
const last = Math.max(...runs.map((r) => r.meta.events));
const palette = new Palette(runs.flatMap((r) => r.meta.owners.map((o) => o.name)));
const hidden = new Set();
let event = 0;
let zoom = 0; // of the map, in powers of two
let playing = null;
let pick = null; // {map, address}

// --- summary ---

function card(title, value, detail) {
  return el('div', { class: 'card' }, el('span', { class: 'label' }, title), el('b', {}, value),
    detail ? el('span', { class: 'detail' }, detail) : null);
}

function summary(run) {
  const { result } = run.meta;
  const { final } = result;
  const failed = result.outcome === 'failed';
  const cards = [
    card('smallest largest free block', bytes(result.minimum_largest_free_block),
      `at event ${count(run.meta.minimum_largest_event)}`),
    card('free at the end', bytes(final.idf.free), `largest block ${bytes(final.idf.largest_free_block)}`),
    card('minimum free', bytes(result.minimum_free), `of ${bytes(final.idf.total)}`),
  ];
  if (final.gc) {
    cards.push(card('GC at the end', bytes(final.gc.used),
      `of ${bytes(final.gc.total)} in ${plural(final.gc.areas.length, 'area')}`));
    cards.push(card('collections', count(final.gc.collections), plural(run.meta.growths.length, 'growth')));
  }
  const events = result.traces.map((t) => `${t.name} (${count(t.events)} events, ${t.origin})`).join(', ');
  return el('section', { class: `summary ${failed ? 'bad' : 'good'}`, dataset: { run: run.index } },
    el('h2', {}, el('span', { class: 'verdict' }, failed ? 'failed' : 'completed'), run.meta.label,
      runs.length > 1 ? el('span', { class: 'dash' }, run.index ? 'dashed lines' : 'solid lines') : null),
    el('p', { class: 'traces' }, `${events} \u00b7 IDF ${result.idf}`),
    el('p', { class: 'why' }, outcomeWords(result)),
    el('div', { class: 'cards' }, ...cards));
}

function partedWords() {
  const { address, outcome, compared } = page.parted;
  if (address === null && outcome === null) return `The runs gave the same addresses at all ${count(compared)} events.`;
  return `First event with another address: ${address === null ? 'none' : count(address)}. ` +
    `First event that failed in one run alone: ${outcome === null ? 'none' : count(outcome)}.`;
}

function header() {
  const names = runs.map((r) => r.meta.label).join(' and ');
  document.title = `heapsim: ${names}`;
  $('summaries').append(...runs.map(summary));
  if (page.parted) {
    $('parted').hidden = false;
    $('parted').append(el('span', {}, partedWords()),
      ...[['address', 'go to the first other address'], ['outcome', 'go to the first other outcome']].map(([what, words]) =>
        el('button', { onclick: () => seek(page.parted[what]), disabled: page.parted[what] === null }, words)));
  }
}

// --- jumping ---

// Lists of [event, ...] of all runs, ascending, for each thing that can be jumped to.
const places = {
  phase: runs[0].meta.phases.map((p) => p[0]),
  failure: runs.flatMap((r) => r.meta.failures.map((f) => f[0])),
  growth: runs.flatMap((r) => r.meta.growths.map((g) => g[0])),
  collection: runs.flatMap((r) => r.meta.collections.map((c) => c[0])),
  drop: runs.flatMap((r) => r.meta.drops.map((d) => d[0])),
};
for (const list of Object.values(places)) list.sort((a, b) => a - b);

function jump(kind, by) {
  const list = places[kind];
  const i = by > 0 ? lastAtOrBefore(list, event) + 1 : lastAtOrBefore(list, event - 1);
  if (i >= 0 && i < list.length) seek(list[i]);
  else say(`no ${by > 0 ? 'further' : 'earlier'} ${kind}`);
}

function nextChange(by) {
  const found = runs.map((r) => r.nextChange(event, by)).filter((e) => e !== null);
  if (found.length) seek(by > 0 ? Math.min(...found) : Math.max(...found));
}

let quiet = null;
function say(text) {
  $('say').textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => { $('say').textContent = ''; }, 2500);
}

const buttons = [
  ['|◀', 'start (Home)', () => seek(0)],
  ['◀', 'one event back (←)', () => seek(event - 1)],
  ['▶', 'one event on (→)', () => seek(event + 1)],
  ['▶|', 'end (End)', () => seek(last)],
];
const jumps = [['phase', 'phase'], ['failure', 'failure'], ['growth', 'growth'],
  ['collection', 'collection'], ['drop', 'drop of largest']];

function controls() {
  const box = $('controls');
  const number = el('input', { id: 'event', type: 'number', min: 0, max: last, value: 0, 'aria-label': 'event',
    onchange: (e) => seek(Number(e.target.value) || 0) });
  const steps = buttons.map(([face, title, act]) => el('button', { title, 'aria-label': title, onclick: act }, face));
  const play = el('button', { id: 'play', title: 'play (space)', 'aria-label': 'play', onclick: togglePlay }, 'play');
  box.append(el('div', { class: 'group' }, ...steps, play),
    el('label', { class: 'group' }, 'event ', number, ` of ${count(last)}`));
  for (const [kind, name] of jumps) {
    const none = places[kind].length === 0;
    box.append(el('div', { class: 'group' },
      el('button', { disabled: none, title: `earlier ${name} (shift+${kind[0]})`, 'aria-label': `earlier ${name}`, onclick: () => jump(kind, -1) }, '‹'),
      el('span', { class: none ? 'none' : '' }, name),
      el('button', { disabled: none, title: `next ${name} (${kind[0]})`, 'aria-label': `next ${name}`, onclick: () => jump(kind, 1) }, '›')));
  }
  $('zoom').append(
    el('button', { title: 'zoom in', 'aria-label': 'zoom in', onclick: () => line.zoomBy(0.5) }, '+'),
    el('button', { title: 'zoom out', 'aria-label': 'zoom out', onclick: () => line.zoomBy(2) }, '−'),
    el('button', { title: 'earlier', 'aria-label': 'earlier', onclick: () => line.pan(-0.4) }, '‹'),
    el('button', { title: 'later', 'aria-label': 'later', onclick: () => line.pan(0.4) }, '›'),
    el('button', { title: 'all events', onclick: () => line.zoomTo(0, last) }, 'all'));
  $('mapzoom').append(
    el('button', { title: 'larger (+)', 'aria-label': 'larger', onclick: () => zoomMap(1) }, '+'),
    el('button', { title: 'smaller (-)', 'aria-label': 'smaller', onclick: () => zoomMap(-1) }, '−'),
    el('button', { title: 'fit', onclick: () => zoomMap(-zoom) }, 'fit'));
}

// --- the line of values above the time line ---

function chips() {
  for (const m of METRICS) {
    if (m.key.startsWith('gc') && runs.every((r) => !r.meta.result.final.gc)) continue;
    const colour = el('i', { style: `background:var(${m.colour})` });
    const box = el('input', { type: 'checkbox', checked: true, dataset: { metric: m.key }, onchange: () => {
      line.show(new Set(Array.from(document.querySelectorAll('[data-metric]'))
        .filter((b) => b.checked).map((b) => b.dataset.metric)));
    } });
    $('chips').append(el('label', { class: 'chip', title: m.title }, box, colour, m.name, ' ',
      ...runs.map((r) => el('b', { id: `v${r.index}${m.key}` }))));
  }
}

// --- owners ---

function ownerTable() {
  const head = el('tr', {}, el('th', {}, 'owner'),
    ...runs.flatMap((r) => [el('th', {}, runs.length > 1 ? `bytes ${'AB'[r.index]}` : 'bytes'),
      el('th', {}, runs.length > 1 ? `blocks ${'AB'[r.index]}` : 'blocks')]),
    ...(runs.length > 1 ? [] : [el('th', {}, 'peak'), el('th', {}, 'failed')]));
  $('owners').append(el('thead', {}, head), el('tbody', { id: 'ownerrows' }));
  const names = [...new Set(runs.flatMap((r) => r.meta.owners.map((o) => o.name)))];
  for (const name of names) {
    if (name === 'GC area') continue;
    const of = runs.map((r) => r.meta.owners.find((o) => o.name === name));
    if (of.every((o) => o?.allocations === 0 && o.failures === 0)) continue;
    const box = el('input', { type: 'checkbox', checked: true, 'aria-label': `show ${name}`, onchange: (e) => {
      if (e.target.checked) hidden.delete(name);
      else hidden.add(name);
      drawMaps();
    } });
    const label = el('label', {}, box, palette.swatch(name), el('span', {}, name));
    const cells = runs.flatMap((r) => [el('td', { dataset: { run: r.index, bytes: name } }),
      el('td', { dataset: { run: r.index, blocks: name } })]);
    const o = of[0];
    const rest = runs.length > 1 ? [] : [el('td', {}, o.peak_bytes === undefined ? '' : count(o.peak_bytes)),
      el('td', {}, o.failures ? count(o.failures) : '')];
    const row = el('tr', { dataset: { owner: name } }, el('th', {}, label), ...cells, ...rest);
    $('ownerrows').append(row);
    rows.push({ name, row, cells, special: of.every((o) => o?.allocations === undefined) });
  }
}
const rows = [];

function updateOwners(heaps) {
  const sums = heaps.map((heap) => {
    const sum = new Map();
    for (const b of heap.moment.blocks.values()) {
      if (b.kind === KIND.AREA || b.garbage) continue;
      const name = heap.run.ownerName(b.owner);
      const s = sum.get(name) ?? [0, 0];
      s[0] += b.asked;
      s[1]++;
      sum.set(name, s);
    }
    return sum;
  });
  for (const { name, row, cells, special } of rows) {
    row.hidden = special && sums.every((sum) => !sum.has(name));
    runs.forEach((r, i) => {
      const [size, blocks] = sums[i].get(name) ?? [0, 0];
      cells[2 * i].textContent = size ? count(size) : '';
      cells[2 * i + 1].textContent = blocks ? count(blocks) : '';
    });
  }
}

// --- the picked block ---

function phaseAt(run, at) {
  const i = lastAtOrBefore(run.meta.phases, at, (p) => p[0]);
  return i < 0 ? 'before the first phase' : run.meta.phases[i][1];
}

function facts(list) {
  return el('dl', {}, ...list.filter(Boolean).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

function beforeWords(run, at, size, kinds, until) {
  const found = run.before(at, at + size, kinds, until);
  if (!found.block) {
    return found.reach > 0 ? `nobody from event ${count(found.reach)} on; not searched further back` : 'nobody: first use of this place';
  }
  const b = found.block;
  const whole = b.address === at && b.size === size ? 'exactly here' : `${bytes(b.size)} at ${hex(b.address)}`;
  const from = b.born > 0 ? `from event ${count(b.born)}` : 'from the start';
  const end = found.until === null ? '' : ` to ${count(found.until)} (${found.how})`;
  return `${run.ownerName(b.owner)}, ${whole}, ${from}${end}`;
}

function blockDetail(run, b, region) {
  const name = run.ownerName(b.owner);
  const born = b.born > 0;
  const kinds = b.kind === KIND.GC ? [KIND.GC] : [KIND.IDF, KIND.AREA];
  const where = b.kind === KIND.GC ? 'GC area' : region?.type ?? '';
  return [el('h3', {}, palette.swatch(name), el('span', { id: 'pickowner' }, name), b.garbage ? el('em', {}, 'dropped, not collected') : null),
    facts([['address', hex(b.address)], ['in', where],
      ['size', b.asked === b.size ? bytes(b.size) : `${bytes(b.size)}, ${bytes(b.asked)} asked for`],
      ['since', born ? `event ${count(b.born)}` : 'before the first event'],
      ['age', `${count(event - b.born)} events`],
      born && runs[0].meta.phases.length ? ['phase', phaseAt(run, b.born)] : null,
      ['before it', born ? beforeWords(run, b.address, b.size, kinds, b.born) : 'not known']]),
    el('p', {}, el('button', { onclick: () => seek(b.born), disabled: !born }, 'go to its start'))];
}

function detail() {
  const box = $('pick');
  box.replaceChildren();
  if (!pick) {
    box.append(el('p', { class: 'hint' }, 'Click a block, or a free place, to see whose it is.'));
    return;
  }
  const { run, heap } = pick.map;
  const found = heap.find(pick.address);
  if (!found) return;
  const { block, free, area, gap, region } = found;
  if (block) box.append(...blockDetail(run, block, region));
  else if (free || gap) {
    const f = free ?? gap;
    box.append(el('h3', {}, el('span', { id: 'pickowner' }, 'free')),
      facts([['address', hex(f.address)], ['in', free ? region.type : 'GC area'], ['size', bytes(f.size)],
        ['before', beforeWords(run, f.address, f.size, free ? [KIND.IDF, KIND.AREA] : [KIND.GC], event + 1)]]));
  } else {
    box.append(el('h3', {}, el('span', { id: 'pickowner' }, area ? 'GC area' : region.type)),
      facts([['address', hex(area?.address ?? region.start)], area ? ['size', bytes(area.size)] : null,
        ['here', area ? `tables, ${bytes(area.asked)}` : 'the heap\u2019s own tables, or no memory of the heap']]));
  }
}

// --- moving ---

const maps = runs.map((run) => new HeapMap(palette, run, {
  label: `heap map of ${run.meta.label}`,
  onpick: setPick,
}));
const line = new Timeline(runs, { parted: page.parted, onseek: (e) => seek(e) });

function setPick(map, address) {
  pick = address === null ? null : { map, address };
  for (const m of maps) m.selected = m === map ? address : null;
  drawMaps();
  detail();
}

// By keyboard: the neighbour of the picked block, or the block that the event made or gave back.
function pickNext(by) {
  const map = pick?.map ?? maps[0];
  const found = map.heap.neighbour(pick?.address ?? null, by);
  if (found) setPick(map, found.address);
}

function pickChange() {
  const map = pick?.map ?? maps[0];
  const { fresh, gone } = map.heap.changes;
  const found = fresh[0] ?? gone[0];
  if (found) setPick(map, found.address);
  else say('this event changed no block');
}

function mapScale() {
  const height = window.innerWidth < 700 ? 420 : 560;
  const fit = Math.max(...runs.map((run, i) => HeapMap.fit(run, maps[i].node.clientWidth || 600, height)));
  return fit / 2 ** zoom;
}

function drawMaps() {
  const scale = mapScale();
  for (const map of maps) {
    map.hidden = hidden;
    if (map.heap) map.draw(map.heap, scale);
  }
}

function zoomMap(by) {
  zoom = Math.max(-2, Math.min(6, zoom + by));
  drawMaps();
}

function seek(to) {
  const began = performance.now();
  event = Math.max(0, Math.min(last, Math.round(to)));
  const scale = mapScale();
  const heaps = runs.map((run, i) => {
    const moment = run.around(Math.min(event, run.meta.events));
    const heap = new Heap(run, moment);
    maps[i].draw(heap, scale);
    METRICS.forEach((m, v) => {
      const chip = $(`v${i}${m.key}`);
      if (chip) chip.textContent = count(moment.values[v]);
    });
    $(`did${i}`).textContent = eventWords(heap, Math.min(event, run.meta.events));
    $(`free${i}`).textContent = freeWords(heap);
    return heap;
  });
  $('event').value = event;
  $('now').textContent = `event ${count(event)}`;
  $('phase').textContent = runs[0].meta.phases.length ? phaseAt(runs[0], event) : '';
  updateOwners(heaps);
  line.setEvent(event);
  detail();
  state.answer = performance.now() - began;
  state.event = event;
}

function togglePlay() {
  if (playing) clearInterval(playing);
  playing = playing ? null : setInterval(() => {
    if (event >= last) togglePlay();
    else seek(event + Math.max(1, Math.round((line.view.max - line.view.min) / 400)));
  }, 60);
  $('play').textContent = playing ? 'pause' : 'play';
}

const keys = {
  ArrowLeft: (s) => (s ? nextChange(-1) : seek(event - 1)),
  ArrowRight: (s) => (s ? nextChange(1) : seek(event + 1)),
  PageUp: () => jump('phase', -1), PageDown: () => jump('phase', 1),
  Home: () => seek(0), End: () => seek(last),
  '+': () => zoomMap(1), '=': () => zoomMap(1), '-': () => zoomMap(-1),
  '[': () => line.zoomBy(2), ']': () => line.zoomBy(0.5),
  ',': () => pickNext(-1), '.': () => pickNext(1), b: pickChange,
  ' ': togglePlay, '?': () => $('help').showModal(),
  Escape: () => setPick(null, null),
  ...Object.fromEntries(['phase', 'failure', 'growth', 'collection', 'drop']
    .map((kind) => [kind[0], (s) => jump(kind, s ? -1 : 1)])),
};

function onkey(e) {
  if (e.ctrlKey || e.metaKey || e.altKey || $('help').open) return;
  if (e.target.matches('input[type=number]')) return;
  if (e.key === ' ' && e.target.matches('button, input')) return;
  const act = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (act) {
    e.preventDefault();
    act(e.shiftKey);
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  line.make();
  drawMaps();
}

function begin() {
  header();
  controls();
  chips();
  ownerTable();
  $('line').append(line.node);
  runs.forEach((run, i) => {
    const title = runs.length > 1 ? el('h3', {}, `${'AB'[i]} \u00b7 ${run.meta.label}`) : null;
    $('maps').append(el('div', { class: 'mapof' }, title, el('p', { class: 'did', id: `did${i}` }),
      el('p', { class: 'did', id: `free${i}` }), maps[i].node));
  });
  $('maps').classList.toggle('two', runs.length > 1);
  document.body.classList.toggle('pair', runs.length > 1);
  document.addEventListener('keydown', onkey);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  document.documentElement.dataset.theme = dark.matches ? 'dark' : 'light';
  dark.addEventListener('change', () => setTheme(dark.matches ? 'dark' : 'light'));
  $('theme').addEventListener('click', () => setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'));
  $('helpbutton').addEventListener('click', () => $('help').showModal());
  line.make();
  const failure = places.failure[0];
  seek(failure ?? last);
  let wait = null;
  new ResizeObserver(() => {
    clearTimeout(wait);
    wait = setTimeout(() => { line.resize(); drawMaps(); }, 60);
  }).observe($('line'));
}

// For tests and the curious: window.heapsim.
const state = { event: 0, answer: 0, seek, runs, maps, line, css, short, failureWords };
window.heapsim = state;
begin();
