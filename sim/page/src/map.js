// The heap map: every region to the same scale, as lines of memory, on a canvas.
import { CHANGE, END, KIND, lastAtOrBefore } from './data.js';
import { bytes, count, css, el, hex, short } from './dom.js';

const GUTTER = 92;
const LINE = 15; // height of a line of memory
const STEP = 18; // to the next one
const HEAD = 24; // the region's title
const TALLEST = 14000;

const byAddress = (a, b) => a.address - b.address;

// The heap of one run at one moment, sorted into regions.
export class Heap {
  constructor(run, moment) {
    this.run = run;
    this.moment = moment;
    const outer = [];
    this.objects = [];
    for (const b of moment.blocks.values()) (b.kind === KIND.GC ? this.objects : outer).push(b);
    outer.sort(byAddress);
    this.objects.sort(byAddress);
    this.outer = outer;
    this.regions = run.meta.regions.filter((r) => r.since <= moment.event).map((r) => ({
      ...r, stop: r.start + r.size,
      blocks: outer.filter((b) => b.address >= r.first && b.address < r.end),
    }));
    for (const r of this.regions) r.free = freeBlocks(r, run.meta.header);
    for (const b of outer) {
      if (b.kind === KIND.AREA && !this.regions.some((r) => b.address >= r.start && b.address < r.stop)) {
        this.regions.push({ start: b.address, size: b.size, stop: b.address + b.size, first: b.address,
          end: b.address + b.size, type: 'fixed', counted: false, blocks: [b], free: [] });
      }
    }
  }

  // The heap before the event, or null where the event changed nothing.
  get before() {
    if (this.earlier === undefined) {
      const { before } = this.moment;
      this.earlier = before ? new Heap(this.run, before) : null;
    }
    return this.earlier;
  }

  // Blocks that came with the event, and those that went.
  get changes() {
    const { record, before } = this.moment;
    const of = (kind, blocks) => (before ? record.changes.filter(kind).map((c) => blocks.get(c.address)).filter(Boolean) : []);
    return { fresh: of((c) => c.type === CHANGE.BORN, this.moment.blocks),
      gone: of((c) => END[c.type], before?.blocks) };
  }

  // Free blocks of the 8BIT heap, largest first.
  get holes() {
    return this.regions.filter((r) => r.counted).flatMap((r) => r.free).sort((a, b) => b.size - a.size);
  }

  // Bytes of the longest run of free 16-byte blocks in a GC area; behind the last one there may be less than one.
  longestRun() {
    const { objects } = this;
    let longest = 0;
    for (const area of this.outer.filter((b) => b.kind === KIND.AREA)) {
      let at = area.address + area.asked;
      const end = area.address + area.size;
      for (let i = lastAtOrBefore(objects, at - 1, (b) => b.address) + 1; i < objects.length && objects[i].address < end; i++) {
        longest = Math.max(longest, objects[i].address - at);
        at = objects[i].address + objects[i].size;
      }
      longest = Math.max(longest, end - at);
    }
    return longest - (longest % 16);
  }

  // The block, free or not, that follows (by = 1) or precedes (by = -1) `address`; null at the ends.
  neighbour(address, by) {
    const all = [...this.objects, ...this.outer.filter((b) => b.kind !== KIND.AREA), ...this.regions.flatMap((r) => r.free)]
      .sort(byAddress);
    const i = address === null ? (by > 0 ? -1 : all.length) : lastAtOrBefore(all, address, (b) => b.address);
    return all[i + by] ?? null;
  }

  // What is at `address`: the innermost block, or the free block, or the heap's own tables.
  find(address) {
    const object = this.objects[lastAtOrBefore(this.objects, address, (b) => b.address)];
    if (object && address < object.address + object.size) return { block: object };
    const around = this.regions.filter((r) => address >= r.start && address < r.stop);
    const region = around.sort((a, b) => a.size - b.size)[0]; // a heap may lie inside another's block
    if (!region) return null;
    const block = region.blocks[lastAtOrBefore(region.blocks, address, (b) => b.address)];
    if (block && address < block.address + block.size) {
      return block.kind === KIND.AREA ? { area: block, gap: this.gap(block, address), region } :
        { block, region };
    }
    const free = region.free[lastAtOrBefore(region.free, address, (b) => b.address)];
    if (free && address < free.address + free.size) return { free, region };
    return { tables: true, region };
  }

  // The run of free 16-byte blocks around `address` inside a GC area; null in the area's tables.
  gap(area, address) {
    const start = area.address + area.asked;
    if (address < start) return null;
    const i = lastAtOrBefore(this.objects, address, (b) => b.address);
    const before = this.objects[i];
    const after = this.objects[i + 1];
    const from = Math.max(start, before ? before.address + before.size : 0);
    const to = Math.min(area.address + area.size, after ? after.address : Infinity);
    return { address: from, size: to - from - ((to - from) % 16) };
  }
}

// Blocks follow each other with `header` bytes between them; what is missing is free.
function freeBlocks(region, header) {
  const free = [];
  let at = region.first;
  for (const b of region.blocks) {
    if (b.address > at) free.push({ address: at, size: b.address - header - at });
    at = Math.max(at, b.address + b.size + header);
  }
  if (region.end > at) free.push({ address: at, size: region.end - at });
  return free;
}

export class HeapMap {
  constructor(palette, run, { onpick, label }) {
    this.palette = palette;
    this.run = run;
    this.onpick = onpick;
    this.canvas = el('canvas', { class: 'map', tabindex: '0', role: 'img', 'aria-label': label });
    this.tip = el('div', { class: 'tip', hidden: true });
    this.node = el('div', { class: 'mapbox' }, this.canvas, this.tip);
    this.hidden = new Set();
    this.scale = null; // bytes of a pixel; null fits
    this.selected = null;
    this.canvas.addEventListener('pointermove', (e) => this.hover(e));
    this.canvas.addEventListener('pointerleave', () => { this.tip.hidden = true; });
    this.canvas.addEventListener('click', (e) => {
      const address = this.addressAt(e.offsetX, e.offsetY);
      if (address !== null) this.onpick(this, address);
    });
  }

  // Bytes of a pixel at which all regions need no more than `height`.
  static fit(run, width, height) {
    const line = Math.max(60, width - GUTTER - 2);
    const need = (scale) => run.meta.regions.reduce(
      (sum, r) => sum + HEAD + STEP * Math.ceil(r.size / (line * scale)), 0);
    let scale = 1;
    while (need(scale) > height && scale < 65536) scale *= 2;
    while (scale > 0.25 && need(scale / 2) <= Math.min(height, TALLEST)) scale /= 2;
    return scale;
  }

  layout(width, scale) {
    const line = Math.max(60, width - GUTTER - 2);
    let perLine = Math.max(64, Math.floor((line * scale) / 16) * 16);
    const total = () => this.heap.regions.reduce(
      (sum, r) => sum + HEAD + STEP * Math.ceil(r.size / perLine), 0);
    while (total() > TALLEST) perLine *= 2;
    this.perLine = perLine;
    this.pixels = line / perLine;
    this.line = line;
    let top = 0;
    this.strips = this.heap.regions.map((region) => {
      const strip = { region, top: top + HEAD, lines: Math.ceil(region.size / perLine) };
      top = strip.top + strip.lines * STEP;
      return strip;
    });
    this.height = top + 4;
  }

  draw(heap, scale) {
    this.heap = heap;
    const width = this.node.clientWidth || 600;
    this.layout(width, scale);
    const ratio = devicePixelRatio || 1;
    const w = Math.round(width * ratio);
    const h = Math.round(this.height * ratio);
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${this.height}px`;
    }
    const g = this.canvas.getContext('2d');
    this.g = g;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, this.height);
    this.ink = { free: css('--free'), edge: css('--edge'), text: css('--text'), dim: css('--dim'),
      tables: css('--tables'), area: css('--area'), areaEdge: css('--area-edge'), pick: css('--pick'), gone: css('--gone') };
    for (const strip of this.strips) this.drawStrip(strip);
    this.drawObjects();
    this.drawChanges();
    this.drawSelection();
  }

  drawStrip({ region, top, lines }) {
    const { g, ink } = this;
    g.font = '600 12px system-ui, sans-serif';
    g.fillStyle = ink.text;
    g.fillText(`${region.type}  ${short(region.size)}`, GUTTER, top - 7);
    const free = region.free.reduce((sum, f) => sum + f.size, 0);
    const largest = region.free.reduce((most, f) => Math.max(most, f.size), 0);
    if (region.type !== 'fixed') {
      const title = g.measureText(`${region.type}  ${short(region.size)}`).width;
      g.font = '12px system-ui, sans-serif';
      g.fillStyle = ink.dim;
      const words = [`${count(free)} B free, largest ${count(largest)} B`,
        `${short(free)} free, largest ${short(largest)}`, `${short(free)} free`];
      const room = this.line - title - 14;
      g.fillText(words.find((w) => g.measureText(w).width <= room) ?? '', GUTTER + title + 14, top - 7);
    }
    g.font = '11px ui-monospace, "DejaVu Sans Mono", Menlo, monospace';
    g.fillStyle = ink.dim;
    for (let i = 0; i < lines; i++) {
      g.fillText(hex(region.start + i * this.perLine), 4, top + i * STEP + LINE - 4);
    }
    this.bar(region, region.start, region.stop, ink.tables);
    if (region.end > region.first) this.bar(region, region.first, region.end, ink.free);
    for (const b of region.blocks) {
      const name = this.run.ownerName(b.owner);
      if (b.kind === KIND.AREA) {
        this.bar(region, b.address, b.address + b.size, ink.area);
        this.bar(region, b.address, b.address + b.asked, ink.tables);
      } else {
        this.block(region, b, name);
      }
    }
    for (const b of region.blocks) {
      if (b.kind === KIND.AREA) this.outline(region, b.address, b.address + b.size, ink.areaEdge, 1.5);
    }
    g.strokeStyle = ink.edge;
    g.lineWidth = 1;
    this.pieces(region, region.start, region.stop, (x, y, w) => g.strokeRect(x - 0.5, y - 0.5, w + 1, LINE + 1));
  }

  drawObjects() {
    for (const { region } of this.strips) {
      const from = lastAtOrBefore(this.heap.objects, region.start - 1, (b) => b.address) + 1;
      for (let i = from; i < this.heap.objects.length; i++) {
        const b = this.heap.objects[i];
        if (b.address >= region.stop) break;
        this.block(region, b, this.run.ownerName(b.owner));
      }
    }
  }

  // What the event did: blocks that came have a frame, those that went a tint, and a broken frame where there is room.
  drawChanges() {
    const { g, ink } = this;
    const { fresh, gone } = this.heap.changes;
    const regionOf = (b) => this.strips.find(({ region }) => b.address >= region.start && b.address < region.stop)?.region;
    for (const b of gone) {
      const region = regionOf(b);
      if (!region) continue;
      this.bar(region, b.address, b.address + b.size, ink.gone);
      if (b.size * this.pixels < 12) continue;
      g.setLineDash([3, 2]);
      this.outline(region, b.address, b.address + b.size, ink.text, 1.2);
      g.setLineDash([]);
    }
    for (const b of fresh) {
      const region = b.kind !== KIND.AREA && regionOf(b);
      if (!region) continue;
      this.block(region, b, this.run.ownerName(b.owner)); // it may lie where another went
      this.outline(region, b.address, b.address + b.size, ink.text, 2);
    }
  }

  drawSelection() {
    if (this.selected === null) return;
    const strip = this.strips.find(({ region }) => this.selected >= region.start && this.selected < region.stop);
    const found = this.heap.find(this.selected);
    if (!strip || !found) return;
    const at = found.block ?? found.free ?? found.gap ?? { address: this.selected, size: 4 };
    this.outline(strip.region, at.address, at.address + at.size, this.ink.pick, 3);
  }

  // A block, with a hair of room behind it where there is room for one. Garbage is pale.
  block(region, b, name) {
    const { g } = this;
    const dimmed = this.hidden.has(name);
    g.globalAlpha = dimmed ? 0.12 : b.garbage ? 0.4 : 1;
    const gap = b.size * this.pixels > 5 ? 1 / this.pixels : 0;
    this.bar(region, b.address, b.address + b.size - gap, dimmed ? this.ink.dim : this.palette.fill(g, name));
    g.globalAlpha = 1;
  }

  bar(region, from, to, fill) {
    const { g } = this;
    g.fillStyle = fill;
    this.pieces(region, from, to, (x, y, w) => g.fillRect(x, y, w, LINE));
  }

  outline(region, from, to, stroke, width) {
    const { g } = this;
    g.strokeStyle = stroke;
    g.lineWidth = width;
    this.pieces(region, from, to, (x, y, w) => {
      g.strokeRect(x - width / 2 + 0.5, y - width / 2 + 0.5, Math.max(w, 2) + width - 1, LINE + width - 1);
    });
  }

  // Calls put(x, y, width) for the part of [from, to) on each line.
  pieces(region, from, to, put) {
    const strip = this.strips.find((s) => s.region === region);
    const a = Math.max(from, region.start) - region.start;
    const b = Math.min(to, region.stop) - region.start;
    for (let i = Math.floor(a / this.perLine); i * this.perLine < b; i++) {
      const x = Math.max(0, a - i * this.perLine) * this.pixels;
      const end = Math.min(this.perLine, b - i * this.perLine) * this.pixels;
      put(GUTTER + x, strip.top + i * STEP, end - x);
    }
  }

  addressAt(x, y) {
    const strip = this.strips?.find((s) => y >= s.top && y < s.top + s.lines * STEP);
    if (!strip || x < GUTTER) return null;
    const from = Math.floor((x - GUTTER) / this.pixels);
    const to = Math.min(this.perLine, Math.max(from + 1, Math.ceil((x - GUTTER + 1) / this.pixels)));
    if (from >= this.perLine) return null;
    const base = strip.region.start + Math.floor((y - strip.top) / STEP) * this.perLine;
    // Of all that shares the pixel a block is meant before the header between two.
    for (let a = base + from; a < base + to && a < strip.region.stop; a++) {
      if (this.heap.find(a)?.block) return a;
    }
    return base + from < strip.region.stop ? base + from : null;
  }

  // Where on the canvas `address` is, for tests and for scrolling to it.
  pointOf(address) {
    const strip = this.strips.find(({ region }) => address >= region.start && address < region.stop);
    if (!strip) return null;
    const offset = address - strip.region.start;
    return { x: GUTTER + (offset % this.perLine + 0.5) * this.pixels,
      y: strip.top + Math.floor(offset / this.perLine) * STEP + LINE / 2 };
  }

  hover(e) {
    const address = this.addressAt(e.offsetX, e.offsetY);
    const found = address !== null && this.heap.find(address);
    this.tip.hidden = !found || e.pointerType === 'touch';
    if (this.tip.hidden) return;
    this.tip.textContent = sentence(this.run, found, this.heap.moment.event);
    const left = Math.min(e.offsetX + 14, this.node.clientWidth - this.tip.offsetWidth - 6);
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${e.offsetY + 18}px`;
  }
}

// What is there, in a line.
export function sentence(run, found, event) {
  const { block, free, area, gap } = found;
  if (block) {
    const age = block.born > 0 ? `, since event ${count(block.born)} (${count(event - block.born)} ago)` : ', since the start';
    return `${run.ownerName(block.owner)}: ${bytes(block.size)} at ${hex(block.address)}${age}` +
      (block.garbage ? ', dropped, not yet collected' : '');
  }
  if (free) return `free: ${bytes(free.size)} at ${hex(free.address)}`;
  if (area) return gap ? `free in the GC area: ${bytes(gap.size)} at ${hex(gap.address)}` :
    `tables of the GC area at ${hex(area.address)}`;
  return 'the heap\u2019s own tables';
}
