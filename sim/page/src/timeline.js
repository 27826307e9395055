// The time line: uPlot over the levels that heapsim computed, exact where the view is narrow.
import uPlot from 'uplot';
import { VALUES, lastAtOrBefore } from './data.js';
import { count, css, el, short } from './dom.js';

export const METRICS = [
  { key: 'free', name: 'free', title: 'free bytes of the IDF heap (8BIT)', colour: '--c-free' },
  { key: 'largest', name: 'largest free block', title: 'as the device prints it', colour: '--c-largest' },
  { key: 'gcUsed', name: 'GC used', title: 'garbage not yet collected included', colour: '--c-gc-used' },
  { key: 'gcTotal', name: 'GC total', title: 'bytes of all GC areas', colour: '--c-gc-total' },
];
const EXACT = 6000; // events for which the page reads every value
const DASH = [[], [7, 4]];

export class Timeline {
  constructor(runs, { parted, onseek }) {
    this.runs = runs;
    this.parted = parted;
    this.onseek = onseek;
    this.last = Math.max(1, ...runs.map((r) => r.meta.events));
    this.view = { min: 0, max: this.last };
    this.event = 0;
    this.shown = new Set(METRICS.map((m) => m.key));
    this.node = el('div', { class: 'timeline' });
    this.height = 250;
  }

  // Width in events of a point at the present view: a power of two.
  grain() {
    const span = this.view.max - this.view.min;
    const points = Math.max(300, this.node.clientWidth);
    let grain = 1;
    while (span / grain > points) grain *= 2;
    const coarse = Math.max(...this.runs.map((r) => r.meta.timeline.width));
    return grain < coarse && span > EXACT ? coarse : grain;
  }

  rows(run, grain, from, points) {
    const width = run.meta.timeline.width;
    if (grain < width) {
      const exact = run.exactValues(from, from + points - 1);
      if (exact) return exact.flatMap((row) => [row, row]);
    }
    const { lows, highs } = run.levels();
    const rows = VALUES.flatMap(() => [new Array(points).fill(null), new Array(points).fill(null)]);
    for (let i = 0; i < points; i++) {
      const first = Math.floor((from + i * grain) / width);
      const last = Math.min(lows[0].length, Math.max(first + 1, Math.floor((from + (i + 1) * grain) / width)));
      for (let v = 0; v < VALUES.length && first < last; v++) {
        let low = Infinity;
        let high = 0;
        for (let k = first; k < last; k++) {
          if (lows[v][k] < low) low = lows[v][k];
          if (highs[v][k] > high) high = highs[v][k];
        }
        rows[2 * v][i] = low;
        rows[2 * v + 1][i] = high;
      }
    }
    return rows;
  }

  data() {
    let grain = this.grain();
    const from = Math.max(0, Math.floor(this.view.min / grain) * grain);
    const points = Math.floor((this.view.max - from) / grain) + 1;
    const xs = Array.from({ length: points }, (_, i) => from + i * grain);
    return [xs, ...this.runs.flatMap((run) => this.rows(run, grain, from, points))];
  }

  make() {
    this.plot?.destroy();
    const axis = { stroke: css('--dim'), grid: { stroke: css('--grid'), width: 1 }, ticks: { show: false },
      font: '12px system-ui, sans-serif' };
    const stepped = uPlot.paths.stepped({ align: 1 });
    const series = [{}];
    const bands = [];
    this.runs.forEach((run, r) => METRICS.forEach((m) => {
      const common = { show: this.shown.has(m.key), stroke: css(m.colour), dash: DASH[r], paths: stepped,
        points: { show: false }, width: m.key === 'gcTotal' ? 1 : 1.6 };
      series.push({ ...common }, { ...common, width: 0.6 });
      bands.push({ series: [series.length - 1, series.length - 2], fill: `${css(m.colour)}38` });
    }));
    this.plot = new uPlot({
      width: this.node.clientWidth || 600, height: this.height, series, bands, legend: { show: false },
      padding: [22, 26, 0, 0],
      scales: { x: { time: false, range: () => [this.view.min, this.view.max] },
        y: { range: (u, low, high) => [0, (high || 1) * 1.06] } },
      axes: [{ ...axis, size: 30, values: (u, ticks) => ticks.map((t) => (Number.isInteger(t) ? count(t) : '')) },
        { ...axis, size: 58, values: (u, ticks) => ticks.map(short),
          incrs: [1, 2, 4, 8, 16].flatMap((m) => [64, 1024, 16384, 262144].map((k) => m * k)).sort((a, b) => a - b) }],
      cursor: { drag: { x: true, y: false, setScale: false, dist: 4 }, points: { show: false }, y: false },
      hooks: {
        drawClear: [(u) => this.drawPhases(u)],
        draw: [(u) => this.drawMarks(u)],
        setSelect: [(u) => this.zoomTo(u.posToVal(u.select.left, 'x'),
          u.posToVal(u.select.left + u.select.width, 'x'))],
      },
    }, this.data(), this.node);
    this.now = el('div', { class: 'now' });
    this.plot.over.append(this.now);
    this.moveCursor();
    this.listen(this.plot.over);
  }

  listen(over) {
    let down = null;
    const eventAt = (x) => Math.round(this.plot.posToVal(x, 'x'));
    over.addEventListener('mousedown', (e) => { down = e.offsetX; });
    over.addEventListener('mouseup', (e) => {
      if (down !== null && Math.abs(e.offsetX - down) < 4) this.onseek(eventAt(e.offsetX));
      down = null;
    });
    over.addEventListener('dblclick', () => this.zoomTo(0, this.last));
    over.addEventListener('wheel', (e) => {
      e.preventDefault();
      const span = this.view.max - this.view.min;
      if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
        this.pan((e.shiftKey ? e.deltaY : e.deltaX) / 400);
      } else {
        const at = this.plot.posToVal(e.offsetX, 'x');
        const factor = e.deltaY > 0 ? 1.35 : 1 / 1.35;
        this.zoomTo(at - (at - this.view.min) * factor, at + (this.view.max - at) * factor, span);
      }
    }, { passive: false });
    this.listenTouch(over, eventAt);
  }

  // One finger moves the cursor, two zoom and pan.
  listenTouch(over, eventAt) {
    let pinch = null;
    const xs = (e) => Array.from(e.touches, (t) => t.clientX - over.getBoundingClientRect().left);
    const start = (e) => {
      const x = xs(e);
      pinch = x.length === 2 ? { a: this.plot.posToVal(x[0], 'x'), b: this.plot.posToVal(x[1], 'x') } : null;
      if (x.length === 1) this.onseek(eventAt(x[0]));
    };
    over.addEventListener('touchstart', start, { passive: true });
    over.addEventListener('touchmove', (e) => {
      e.preventDefault();
      const x = xs(e);
      if (x.length === 1) this.onseek(eventAt(x[0]));
      if (x.length === 2 && pinch && Math.abs(x[0] - x[1]) > 8) {
        const perPixel = (pinch.a - pinch.b) / (x[0] - x[1]);
        const min = pinch.a - x[0] * perPixel;
        if (perPixel > 0) this.zoomTo(min, min + over.clientWidth * perPixel);
      }
    }, { passive: false });
  }

  pan(share) {
    const span = this.view.max - this.view.min;
    const min = Math.max(0, Math.min(this.last - span, this.view.min + share * span));
    this.zoomTo(min, min + span);
  }

  zoomBy(factor) {
    const span = (this.view.max - this.view.min) * factor;
    const middle = Math.max(this.view.min, Math.min(this.view.max, this.event));
    const left = ((middle - this.view.min) / (this.view.max - this.view.min)) * span;
    this.zoomTo(middle - left, middle - left + span);
  }

  zoomTo(min, max) {
    if (max - min < 20) {
      const middle = (min + max) / 2;
      min = middle - 10;
      max = middle + 10;
    }
    const span = Math.min(max - min, this.last);
    min = Math.max(0, Math.min(min, this.last - span));
    this.view = { min, max: min + span };
    this.refresh();
  }

  refresh() {
    if (!this.plot) return;
    this.plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.plot.setData(this.data());
    this.moveCursor();
  }

  resize() {
    this.plot?.setSize({ width: this.node.clientWidth || 600, height: this.height });
    this.refresh();
  }

  show(keys) {
    this.shown = keys;
    this.make();
  }

  // Moves the cursor line; brings it into view.
  setEvent(event) {
    this.event = event;
    const { min, max } = this.view;
    if (event < min || event > max) {
      const span = max - min;
      this.zoomTo(event - span / 2, event + span / 2);
    } else if (this.plot) {
      this.moveCursor();
    }
  }

  moveCursor() {
    const x = this.plot.valToPos(this.event, 'x');
    this.now.style.transform = `translateX(${x}px)`;
    this.now.hidden = this.event < this.view.min || this.event > this.view.max;
  }

  drawPhases(u) {
    const { ctx } = u;
    const ratio = uPlot.pxRatio;
    const { left, top, width, height } = u.bbox;
    const { phases, events } = this.runs[0].meta;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, 0, width, top + height);
    ctx.clip();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'alphabetic';
    let room = left;
    phases.forEach(([start, name], i) => {
      const end = i + 1 < phases.length ? phases[i + 1][0] : events;
      const x = u.valToPos(start, 'x', true);
      const w = u.valToPos(end, 'x', true) - x;
      if (x > left + width || x + w < left) return;
      ctx.fillStyle = css(i % 2 ? '--phase-a' : '--phase-b');
      ctx.fillRect(x, top, w, height);
      ctx.fillStyle = css('--dim');
      const at = Math.max(x + 3 * ratio, left + 3 * ratio);
      const text = ctx.measureText(name).width;
      if (at >= room && at + text < Math.min(x + w, left + width)) {
        ctx.fillText(name, at, top - 7 * ratio);
        room = at + text + 10 * ratio;
      }
    });
    ctx.restore();
  }

  drawMarks(u) {
    const { ctx } = u;
    const ratio = uPlot.pxRatio;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left - 6 * ratio, 0, width + 12 * ratio, top + height);
    ctx.clip();
    const bottom = top + height;
    this.runs.forEach((run, r) => {
      const base = bottom - r * 12 * ratio;
      this.ticks(u, run.meta.collections, (x) => {
        ctx.fillStyle = css('--dim');
        ctx.fillRect(x - ratio / 2, base - 7 * ratio, ratio, 7 * ratio);
      });
      this.ticks(u, run.meta.growths, (x) => this.triangle(ctx, x, base - 1, -9 * ratio, css('--c-gc-total')));
      this.ticks(u, run.meta.failures, (x) => {
        ctx.fillStyle = css('--bad');
        ctx.fillRect(x - ratio, top, 2 * ratio, height);
        this.triangle(ctx, x, top, 10 * ratio, css('--bad'));
      });
    });
    if (this.parted?.address) this.ticks(u, [[this.parted.address]], (x) => {
      ctx.strokeStyle = css('--text');
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, bottom);
      ctx.stroke();
      ctx.setLineDash([]);
    });
    ctx.restore();
  }

  // At most one mark for each pixel of what is in view: steps over the rest by binary search.
  ticks(u, list, put) {
    const { min, max } = this.view;
    const perPixel = (max - min) / Math.max(1, u.bbox.width);
    let i = lastAtOrBefore(list, min - 1, (row) => row[0]) + 1;
    while (i >= 0 && i < list.length && list[i][0] <= max) {
      put(u.valToPos(list[i][0], 'x', true));
      i = lastAtOrBefore(list, list[i][0] + perPixel, (row) => row[0]) + 1;
    }
  }

  // From its base at `y`, up with a negative size.
  triangle(ctx, x, y, size, fill) {
    ctx.fillStyle = fill;
    ctx.beginPath();
    ctx.moveTo(x, y + size);
    ctx.lineTo(x - Math.abs(size) * 0.6, y);
    ctx.lineTo(x + Math.abs(size) * 0.6, y);
    ctx.fill();
  }
}
