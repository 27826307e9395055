// Sentences: how a run ended, and what an event did.
import { KIND, CHANGE } from './data.js';
import { bytes, count, hex } from './dom.js';

const CLASSES = {
  exhausted: (f) => `Only ${bytes(f.free)} were free: less than was asked for.`,
  fragmented: (f) => `${bytes(f.free)} were free, but the largest block had only ${bytes(f.largest_free_block)}: the memory is there, in pieces.`,
  caps: (f) => `A block large enough existed (${bytes(f.other_largest)}), but in memory without the capability that was asked for; memory with it had ${bytes(f.largest_free_block)} at most.`,
  starved: (f) => `The IDF heap had ${bytes(f.free)} free, at most ${bytes(f.largest_free_block)} in one block, while ${bytes(f.gc_free)} lay unused inside Python\u2019s GC areas.`,
  rounded: (f) => `A block of ${bytes(f.largest_free_block_exact ?? f.largest_free_block)} existed, but the allocator\u2019s search rounds up to its next size class and did not see it.`,
  inner: (f) => `Python\u2019s heap was full (${bytes(f.free)} free, in pieces), though the IDF heap still had room for another area.`,
};

export function failureWords(f) {
  const heap = f.heap === 'gc' ? 'Python\u2019s heap' : 'the IDF heap';
  const where = f.event > 0 ? `At event ${count(f.event)}` : 'At the policy\u2019s start';
  return `${where}${f.phase ? ` (${f.phase})` : ''}, ${f.owner} asked ${heap} for ${bytes(f.size)} and got none. ` +
    (CLASSES[f.class]?.(f) ?? '');
}

export function outcomeWords(result) {
  if (result.crash) return `The device stopped at event ${count(result.crash.event)}: ${result.crash.reason}.`;
  if (result.failure) {
    const more = result.failures > 1 ? ` ${count(result.failures - 1)} further allocations failed.` : '';
    return failureWords(result.failure) + more;
  }
  return 'Every allocation was served.';
}

// What the allocator did to the free block that it took from.
function splitWords(heap, block) {
  const from = heap.before?.find(block.address);
  const hole = from?.free ?? from?.gap;
  if (!hole) return '';
  const header = from.free ? heap.run.meta.header : 0;
  const left = hole.size - block.size - (hole.size > block.size ? header : 0);
  return left > 0 ? `, cut from ${bytes(hole.size)} free at ${hex(hole.address)}: ${bytes(left)} of it stay free` :
    `, all of a free block of ${bytes(hole.size)}`;
}

// What became of a block that was given back.
function joinWords(heap, address) {
  const block = heap.before?.moment.blocks.get(address);
  const found = heap.find(address);
  const hole = found?.free ?? found?.gap;
  if (!block || !hole) return '';
  const end = block.address + block.size;
  const sides = [hole.address < block.address ? 'before' : null, hole.address + hole.size > end ? 'after' : null].filter(Boolean);
  return sides.length === 0 ? `: a hole of ${bytes(hole.size)} between blocks in use` :
    `: joined with what was free ${sides.join(' and ')} it to ${bytes(hole.size)}`;
}

function sweepWords(heap, collected) {
  const size = (list) => bytes(list.reduce((sum, b) => sum + b.size, 0));
  const dead = new Set(collected.map((c) => c.address));
  const swept = heap.before?.objects.filter((b) => dead.has(b.address)) ?? [];
  const kept = heap.before?.objects.filter((b) => !dead.has(b.address)) ?? [];
  return `collection: ${count(collected.length)} objects freed (swept ${size(swept)}), ` +
    `${count(kept.length)} marked and kept (${size(kept)})`;
}

function changeWords(heap, change, moved) {
  const { run } = heap;
  const { block } = change;
  if (change.type === CHANGE.FAILED) return `${bytes(change.size)} for ${run.ownerName(change.owner)} FAILED`;
  if (change.type !== CHANGE.BORN) return null;
  const what = block.kind === KIND.AREA ? 'a GC area of' : moved ? 'moved or resized to' : 'takes';
  return `${run.ownerName(block.owner)} ${what} ${bytes(block.kind === KIND.AREA ? block.size : block.asked)} at ${hex(block.address)}` +
    (moved ? '' : splitWords(heap, block));
}

// What the event did to the heap.
export function eventWords(heap, event) {
  const { run, moment } = heap;
  if (event === 0) return 'the start: the policy holds its memory, nothing of the trace has happened';
  if (!moment.exact) return `left out of this page to keep it small; shown is the heap after event ${count(moment.event)}`;
  if (!moment.record) return 'nothing changed in the heap';
  const { changes, op } = moment.record;
  const parts = [run.ops[op] ?? ''];
  const collected = changes.filter((c) => c.type === CHANGE.COLLECTED);
  if (collected.length) parts.push(sweepWords(heap, collected));
  const moved = changes.some((c) => c.type === CHANGE.MOVED);
  for (const change of changes.filter((c) => c.type !== CHANGE.COLLECTED).slice(0, 4)) {
    if (change.type === CHANGE.FREED) parts.push(`${hex(change.address)} freed${joinWords(heap, change.address)}`);
    else if (change.type === CHANGE.DROPPED) parts.push(`object at ${hex(change.address)} dropped: nothing but other objects can reach it`);
    else {
      const words = changeWords(heap, change, moved);
      if (words) parts.push(words);
    }
  }
  return parts.join(' \u00b7 ');
}

// What is free, in a line.
export function freeWords(heap) {
  const { holes, moment } = heap;
  const printed = moment.values[1];
  let words = holes.length === 0 ? 'no free block' :
    `${holes.length === 1 ? '1 free block' : `${count(holes.length)} free blocks, the largest`} of ${bytes(holes[0].size)}` +
    (printed === holes[0].size ? '' : `, which the device prints as ${count(printed)}`);
  if (moment.values[3] > 0) {
    const garbage = heap.objects.filter((b) => b.garbage).reduce((sum, b) => sum + b.size, 0);
    words += ` \u00b7 Python: longest free run ${bytes(heap.longestRun())}` +
      (garbage ? `, ${bytes(garbage)} dropped but not yet collected` : '');
  }
  return words;
}
