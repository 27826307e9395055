// Reads what report_html*.c embedded. Everything is decoded when it is asked for, never in advance.
import { unzlibSync } from 'fflate';

export const KIND = { IDF: 0, GC: 1, AREA: 2 };
export const END = { 1: 'freed', 2: 'collected', 3: 'moved' };
const CHANGE = { BORN: 0, FREED: 1, COLLECTED: 2, MOVED: 3, DROPPED: 4, FAILED: 5 };
export const VALUES = ['free', 'largest', 'gcUsed', 'gcTotal'];
const DECODED_CHUNKS = 24;

class Reader {
  constructor(base64) {
    const text = atob(base64);
    const packed = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
    this.bytes = unzlibSync(packed);
    this.at = 0;
  }
  more() { return this.at < this.bytes.length; }
  byte() { return this.bytes[this.at++]; }
  number() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }
  step(from) {
    const n = this.number();
    return n % 2 ? from - (n + 1) / 2 : from + n / 2;
  }
}

function readState(reader, event) {
  const values = VALUES.map(() => reader.number());
  const blocks = new Array(reader.number());
  let address = 0;
  for (let i = 0; i < blocks.length; i++) {
    address += reader.number();
    const size = reader.number();
    const asked = reader.step(size);
    const owner = reader.number();
    const flags = reader.byte();
    const born = event - reader.number();
    blocks[i] = { address, size, asked, owner, kind: flags & 3, garbage: (flags & 4) !== 0, born };
  }
  return { values, blocks };
}

// One record for each event that changed something: {event, op, values, changes}.
function readChanges(reader, event, values) {
  const records = [];
  let address = 0;
  while (reader.more()) {
    event += reader.number();
    const head = reader.byte();
    const op = reader.byte();
    if (head & 15) values = values.map((v, i) => (head & (1 << i) ? reader.step(v) : v));
    let count = head >> 4;
    if (count === 15) count = reader.number();
    const changes = new Array(count);
    for (let i = 0; i < count; i++) {
      const code = reader.byte();
      const change = { type: code & 7 };
      if (change.type === CHANGE.FAILED) {
        change.owner = reader.number();
        change.size = reader.number();
      } else {
        address = reader.step(address);
        change.address = address;
      }
      if (change.type === CHANGE.BORN) {
        const size = reader.number();
        const asked = reader.step(size);
        const owner = reader.number();
        change.block = { address, size, asked, owner, kind: code >> 3, garbage: false, born: event };
      }
      changes[i] = change;
    }
    records.push({ event, op, values, changes });
  }
  return records;
}

function applyRecord(blocks, record) {
  for (const change of record.changes) {
    if (change.type === CHANGE.BORN) {
      blocks.set(change.address, change.block);
    } else if (change.type === CHANGE.DROPPED) {
      const block = blocks.get(change.address);
      if (block) blocks.set(change.address, { ...block, garbage: true });
    } else if (change.type !== CHANGE.FAILED) {
      blocks.delete(change.address);
    }
  }
}

// Index of the last element of the ascending `list` whose key is <= value, or -1.
export function lastAtOrBefore(list, value, key = (x) => x) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(list[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export class Run {
  constructor(index, meta, ops) {
    this.index = index;
    this.meta = meta;
    this.ops = ops;
    this.decoded = new Map(); // chunk number to its content, in order of use
    this.owners = new Map(meta.owners.map((o) => [o.id, o]));
    this.cursor = null;
  }

  ownerName(id) {
    return this.owners.get(id)?.name ?? (id === 0xffff ? 'the policy' : '?');
  }

  chunkOf(event) {
    return Math.max(0, lastAtOrBefore(this.meta.chunks, event, (c) => c[0]));
  }

  chunk(number) {
    let chunk = this.decoded.get(number);
    if (chunk) {
      this.decoded.delete(number);
    } else {
      const [event, complete] = this.meta.chunks[number];
      const text = document.getElementById(`r${this.index}c${number}`).textContent;
      const dot = text.indexOf('.');
      const state = readState(new Reader(text.slice(0, dot)), event);
      const records = complete
        ? readChanges(new Reader(text.slice(dot + 1)), event, state.values) : [];
      chunk = { number, event, complete: complete === 1, ...state, records };
      if (this.decoded.size >= DECODED_CHUNKS) {
        this.decoded.delete(this.decoded.keys().next().value);
      }
    }
    this.decoded.set(number, chunk);
    return chunk;
  }

  // The heap after `event`: {event, exact, values, blocks (Map by address), record}. `record` is
  // what the event did, null when nothing. Where the page has states alone, the nearest before.
  at(event) {
    event = Math.max(0, Math.min(event, this.meta.events));
    const chunk = this.chunk(this.chunkOf(event));
    let c = this.cursor;
    if (!c || c.chunk !== chunk || c.event > event) {
      c = { chunk, next: 0, blocks: new Map(chunk.blocks.map((b) => [b.address, b])),
            values: chunk.values };
    }
    let record = null;
    while (c.next < chunk.records.length && chunk.records[c.next].event <= event) {
      record = chunk.records[c.next++];
      applyRecord(c.blocks, record);
      c.values = record.values;
    }
    if (!record && c.next > 0) record = chunk.records[c.next - 1];
    c.event = event;
    this.cursor = c;
    const found = record?.event === event ? record : this.recordAtStart(chunk, event);
    return { event: chunk.complete ? event : chunk.event, exact: chunk.complete, values: c.values,
             blocks: c.blocks, record: found };
  }

  // The same, for keeping: with `before`, the heap before `event`, where that changed something.
  around(event) {
    const first = event > 0 ? this.at(event - 1) : null;
    const before = first?.exact ? { ...first, blocks: new Map(first.blocks) } : null;
    const after = this.at(event);
    return { ...after, blocks: new Map(after.blocks), before: after.exact && after.record ? before : null };
  }

  // The event on which a chunk begins was written into the chunk before.
  recordAtStart(chunk, event) {
    if (event !== chunk.event || chunk.number === 0) return null;
    const before = this.chunk(chunk.number - 1).records;
    const last = before[before.length - 1];
    return last?.event === event ? last : null;
  }

  // The next (by = 1) or previous (by = -1) event that changed something, or null.
  nextChange(event, by) {
    for (let n = this.chunkOf(by > 0 ? event : event - 1); n >= 0 && n < this.meta.chunks.length;
         n += by) {
      const { records } = this.chunk(n);
      const i = lastAtOrBefore(records, by > 0 ? event : event - 1, (r) => r.event) + (by > 0);
      if (i >= 0 && i < records.length) return records[i].event;
    }
    return null;
  }

  // Values after each event of [from, to] (at most a few thousand), or null when left out.
  exactValues(from, to) {
    const rows = VALUES.map(() => new Array(to - from + 1));
    let event = from;
    for (let n = this.chunkOf(from); event <= to && n < this.meta.chunks.length; n++) {
      const chunk = this.chunk(n);
      if (!chunk.complete) return null;
      const end = n + 1 < this.meta.chunks.length ? this.meta.chunks[n + 1][0] : Infinity;
      let i = lastAtOrBefore(chunk.records, event, (r) => r.event);
      for (; event <= to && event < end; event++) {
        while (i + 1 < chunk.records.length && chunk.records[i + 1].event <= event) i++;
        const values = i < 0 ? chunk.values : chunk.records[i].values;
        for (let v = 0; v < rows.length; v++) {
          rows[v][event - from] = event <= this.meta.events ? values[v] : null;
        }
      }
    }
    return rows;
  }

  // Who held [start, end) last before `event`: {block, until, how}, or null; `reach` is how far
  // back was looked. Gives up after `limit` milliseconds.
  before(start, end, kinds, event, limit = 120) {
    const stop = performance.now() + limit;
    const hits = (b) => b.address < end && b.address + b.size > start && kinds.includes(b.kind);
    let reach = event;
    for (let n = this.chunkOf(Math.max(0, event - 1)); n >= 0; n--) {
      const chunk = this.chunk(n);
      const live = new Map(chunk.blocks.filter(hits).map((b) => [b.address, b]));
      let last = null;
      for (const record of chunk.records) {
        if (record.event > event) break;
        for (const change of record.changes) {
          const block = live.get(change.address);
          if (change.type === CHANGE.BORN && hits(change.block) && record.event < event) {
            live.set(change.address, change.block);
          } else if (block && END[change.type]) {
            live.delete(change.address);
            last = { block, until: record.event, how: END[change.type] };
          }
        }
      }
      if (last) return { ...last, reach };
      if (!chunk.complete && live.size > 0) {
        return { block: live.values().next().value, until: null, how: 'gone', reach };
      }
      reach = chunk.event;
      if (performance.now() > stop) break;
    }
    return { block: null, reach };
  }

  // The time line's buckets: lows[v][i], highs[v][i].
  levels() {
    if (!this.buckets) {
      const { count } = this.meta.timeline;
      const reader = new Reader(document.getElementById(`r${this.index}t`).textContent);
      const lows = [];
      const highs = [];
      for (let v = 0; v < VALUES.length; v++) {
        let value = 0;
        lows.push(Float64Array.from({ length: count }, () => (value = reader.step(value))));
        highs.push(Float64Array.from({ length: count }, (_, i) => lows[v][i] + reader.number()));
      }
      this.buckets = { lows, highs };
    }
    return this.buckets;
  }
}

export { CHANGE };

export function loadPage() {
  const page = JSON.parse(document.getElementById('meta').textContent);
  return { parted: page.parted, runs: page.runs.map((meta, i) => new Run(i, meta, page.ops)) };
}
