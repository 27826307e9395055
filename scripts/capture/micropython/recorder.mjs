// Turns the hooks' calls into the lines of a heapsim trace, and checks what the hooks say against the collector's
// own tables in memory.
import { OP } from "./instrument.mjs";

const BLOCK = 16;
const OFF = 0xffffffff;
const hex = (n) => "0x" + n.toString(16);

/** One area of the collector as it stands in memory. */
class Area {
    constructor(words, at) {
        const at4 = at >> 2;
        this.record = at;
        this.next = words[at4];
        this.table = words[at4 + 1];
        this.tableBytes = words[at4 + 2];
        this.pool = words[at4 + 4];
        this.end = words[at4 + 5];
    }

    check(start, end) {
        const bytes = Math.floor((((end & ~15) - start - 1) * 8) / 524);
        if (this.tableBytes !== bytes || this.table !== start || this.end !== (end & ~15) || this.pool !== this.end - 64 * bytes) {
            throw new Error(`area ${hex(start)}..${hex(end)}: the record at ${hex(this.record)} does not describe it`);
        }
    }
}

export class Recorder {
    /** options: {threshold, split, links, owner}; found: from instrument(). */
    constructor(options, found) {
        this.options = options;
        this.found = found;
        this.lines = [];
        this.depth = 0;
        this.slotOf = new Map(); // address -> slot
        this.size = []; // slot -> bytes, 0 when empty
        this.born = []; // slot -> number of the object in it, so that a slot used again is seen to be another
        this.objects = 0;
        this.links = []; // slot -> Map(word -> "address object" of what it was last said to point to)
        this.empty = [];
        this.counts = { events: 0, collections: 0, explicit: 0, grown: 0, released: 0, failed: 0 };
        this.lastThreshold = null;
        this.unverifiable = null;
    }

    /** Called when the module exists: the memory and the exported functions. */
    attach(exports, stackPointer) {
        this.exports = exports;
        this.stackPointer = stackPointer;
    }

    imports() {
        return {
            enter: (op, a, b, c) => this.enter(op, a >>> 0, b >>> 0, c >>> 0),
            leave: (op, result) => this.leave(op, result >>> 0),
            collect: () => this.collect(),
            split: () => this.options.split,
            grown: (at, size) => this.grown(at >>> 0, size >>> 0),
            released: (at) => this.released(at >>> 0),
        };
    }

    words() {
        return new Uint32Array(this.exports.memory.buffer);
    }

    bytes() {
        return new Uint8Array(this.exports.memory.buffer);
    }

    areas() {
        const words = this.words();
        const list = [];
        for (let at = this.found.firstArea; at; at = list.at(-1).next) {
            list.push(new Area(words, at));
        }
        return list;
    }

    /** State of the block at an address: 0 free, 1 head, 2 tail; -1 outside of every pool. */
    static state(bytes, areas, address) {
        for (const area of areas) {
            if (address >= area.pool && address < area.end) {
                const block = (address - area.pool) / BLOCK;
                return (bytes[area.table + (block >> 2)] >> (2 * (block & 3))) & 3;
            }
        }
        return -1;
    }

    say(line) {
        this.lines.push(line);
        this.counts.events++;
    }

    // --- before and after each call of the allocator ---

    enter(op, a, b, c) {
        if (this.depth++ === 0) {
            this.call = { a, b, c, collected: false };
            if (op !== OP.init) {
                this.followThreshold();
            }
        }
    }

    leave(op, result) {
        if (--this.depth > 0) {
            return;
        }
        const { a, b, c } = this.call;
        if (op === OP.init) {
            this.start(a, b);
        } else if (op === OP.alloc) {
            this.alloc(result, a, (b & 1) !== 0);
        } else if (op === OP.realloc) {
            this.realloc(a, b, c & 1, result);
        } else if (a) {
            this.free(a);
        }
    }

    start(from, to) {
        this.areas()[0].check(from, to);
        this.say(`area ${hex(from)} ${to - from}`);
        this.say(`split ${this.options.split}`);
    }

    /** The port sets a threshold of its own at start; the capture's takes its place. Later changes are the program's. */
    followThreshold() {
        const words = this.words();
        const at = this.found.threshold >> 2;
        if (this.lastThreshold === null) {
            words[at] = this.options.threshold < 0 ? OFF : Math.floor(this.options.threshold / BLOCK);
            if (this.options.threshold >= 0) {
                this.say(`threshold ${this.options.threshold} capture`);
            }
        } else if (words[at] !== this.lastThreshold) {
            this.say(`threshold ${words[at] === OFF ? -1 : words[at] * BLOCK}`);
        }
        this.lastThreshold = words[at];
    }

    alloc(address, size, finaliser) {
        if (size === 0) {
            return;
        }
        const end = `${finaliser ? " finaliser" : ""}`;
        if (address === 0) {
            const slot = this.empty.at(-1) ?? this.size.length;
            this.failed(`alloc ${slot} ${size} ${this.options.owner}${end}`);
            return;
        }
        const slot = this.empty.pop() ?? this.size.length;
        this.size[slot] = size;
        this.born[slot] = this.objects++;
        this.links[slot] = new Map();
        this.slotOf.set(address, slot);
        this.checkBlocks(address, size);
        this.say(`alloc ${slot} ${size} ${this.options.owner}${end} @${hex(address)}`);
    }

    failed(line) {
        this.counts.failed++;
        if (!this.call.collected && !line.includes("nomove")) {
            this.unverifiable ??= "an allocation was refused without a collection (heap locked or gc.disable())";
        }
        this.say(`${line} failed @NULL`);
    }

    realloc(old, size, mayMove, address) {
        if (old === 0) {
            this.alloc(address, size, false);
            return;
        }
        if (size === 0) {
            this.free(old);
            return;
        }
        const slot = this.slot(old);
        const line = `realloc ${slot} ${size}${mayMove ? "" : " nomove"}`;
        if (address === 0) {
            this.failed(line);
            return;
        }
        for (const word of [...this.links[slot].keys()].filter((word) => word * 4 >= size)) {
            this.say(`unlink ${slot} ${word}`);
            this.links[slot].delete(word);
        }
        this.slotOf.delete(old);
        this.slotOf.set(address, slot);
        this.size[slot] = size;
        this.checkBlocks(address, size);
        this.say(`${line} @${hex(address)}`);
    }

    free(address) {
        const slot = this.slot(address);
        this.forget(address, slot);
        this.say(`free ${slot}`);
    }

    slot(address) {
        const slot = this.slotOf.get(address);
        if (slot === undefined) {
            throw new Error(`the program gave back ${hex(address)}, which the capture never saw`);
        }
        return slot;
    }

    forget(address, slot) {
        this.slotOf.delete(address);
        this.size[slot] = 0;
        this.links[slot] = new Map();
        this.empty.push(slot);
    }

    /** The collector's table must show exactly the blocks that the size asks for. */
    checkBlocks(address, size) {
        const [bytes, areas] = [this.bytes(), this.areas()];
        const blocks = Math.ceil(size / BLOCK);
        let right = address % BLOCK === 0 && Recorder.state(bytes, areas, address) === 1;
        for (let i = 1; right && i < blocks; i++) {
            right = Recorder.state(bytes, areas, address + i * BLOCK) === 2;
        }
        if (!right || Recorder.state(bytes, areas, address + blocks * BLOCK) === 2) {
            throw new Error(`${hex(address)}, ${size} bytes: the collector's table shows another object`);
        }
    }

    // --- collections and areas ---

    collect() {
        const automatic = this.depth > 0;
        if (automatic) {
            this.call.collected = true;
        } else {
            this.followThreshold();
        }
        if (this.options.links) {
            this.readLinks();
        }
        this.depth++; // finalisers may allocate (refused) and free; that is not the program's doing
        this.exports.hs_collect_start();
        this.markStack();
        this.exports.hs_collect_end();
        this.depth--;
        const dead = this.findDead();
        this.counts.collections++;
        if (automatic) {
            this.say(`collected ${dead.length}`);
        }
        dead.forEach((slot) => this.say(`drop ${slot}`));
        if (!automatic) {
            this.counts.explicit++;
            this.say("collect");
        }
    }

    /** What gc_collect of a board does with its stack: each word that names an object's first block keeps the object. */
    markStack() {
        const [words, bytes, areas] = [this.words(), this.bytes(), this.areas()];
        for (let at = this.stackPointer.value >> 2; at < this.found.stackTop >> 2; at++) {
            const word = words[at];
            if (word % BLOCK || Recorder.state(bytes, areas, word) !== 1) {
                continue;
            }
            const area = areas.find((a) => word >= a.pool && word < a.end);
            const block = (word - area.pool) / BLOCK;
            bytes[area.table + (block >> 2)] |= 3 << (2 * (block & 3));
            this.exports.hs_mark(area.record, block);
        }
    }

    findDead() {
        const [bytes, areas] = [this.bytes(), this.areas()];
        const dead = [];
        for (const [address, slot] of this.slotOf) {
            if (Recorder.state(bytes, areas, address) !== 1) {
                dead.push([address, slot]);
            }
        }
        dead.forEach(([address, slot]) => this.forget(address, slot));
        return dead.map(([, slot]) => slot);
    }

    /** Words of live objects that name an object, as the collection that follows will see them. */
    readLinks() {
        const words = this.words();
        for (const [address, slot] of this.slotOf) {
            const known = this.links[slot];
            for (let word = 0; word < Math.ceil(this.size[slot] / BLOCK) * 4; word++) {
                const at = words[(address >> 2) + word];
                const target = this.slotOf.get(at);
                const now = target === undefined ? undefined : `${at} ${this.born[target]}`;
                if (now === known.get(word)) {
                    continue;
                }
                if (target === undefined) {
                    known.delete(word);
                    this.say(`unlink ${slot} ${word}`);
                } else {
                    known.set(word, now);
                    this.say(`link ${slot} ${word} ${target}`);
                }
            }
        }
    }

    grown(at, size) {
        if (at) {
            this.counts.grown++;
            this.say(`grown ${hex(at)} ${size}`);
        }
    }

    released(at) {
        this.counts.released++;
        this.say(`released ${hex(at)}`);
    }

    /** The script is over. */
    finish() {
        this.followThreshold();
    }

    /** A line that the script prints: `#phase NAME` and `#mark NAME` go into the trace. */
    printed(line) {
        const found = line.match(/^#(phase|mark) +(\S+)\s*$/);
        if (found) {
            this.say(`${found[1]} ${found[2]}`);
        }
    }
}
