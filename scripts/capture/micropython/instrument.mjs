// Finds the collector in MicroPython's WebAssembly build and puts hooks around it.
//
// The build has no names, so each function is recognised by what it does: exported names to start from, the
// call graph, and constants that only the collector has. A function that is not found exactly once stops
// the capture. What was found is then checked while the script runs (recorder.mjs): pool sizes against the
// documented formula, each returned address against the collector's own table.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

const FUNCTION = /^ \(func \$([\w.$-]+)(.*)$/gm;

/** The functions of a module in text form: name -> {name, head, text, params, result, calls}. */
function splitFunctions(text) {
    const functions = new Map();
    for (const found of text.matchAll(FUNCTION)) {
        const end = text.indexOf("\n )", found.index);
        const body = text.slice(found.index, end + 3);
        functions.set(found[1], {
            name: found[1],
            head: found[0],
            text: body,
            params: (found[2].match(/\(param /g) ?? []).length,
            result: found[2].includes("(result "),
            calls: [...body.matchAll(/\(call \$([\w.$-]+)/g)].map((call) => call[1]),
        });
    }
    return functions;
}

function only(what, candidates) {
    if (candidates.length !== 1) {
        throw new Error(
            `${what}: found ${candidates.length} functions (${candidates.map((f) => f.name)}), expected 1; ` +
                "this build of MicroPython is laid out differently from those known",
        );
    }
    return candidates[0];
}

function number(what, text, pattern) {
    const found = text.match(pattern);
    if (!found) {
        throw new Error(`${what}: the expected instruction is not in this build of MicroPython`);
    }
    return found.slice(1).map(Number);
}

/** Names of the collector's functions and addresses of its state, found by structure. */
export function findCollector(text) {
    const functions = splitFunctions(text);
    const all = [...functions.values()];
    const exported = (name) => {
        const found = text.match(new RegExp(`\\(export "${name}" \\(func \\$([\\w.$-]+)\\)\\)`));
        if (!found) {
            throw new Error(`export ${name} not found`);
        }
        return functions.get(found[1]);
    };
    const [malloc, free] = [exported("malloc"), exported("free")];
    const shape = (f, params, result) => f.params === params && f.result === result;
    const called = (f) => [...new Set(f.calls)].map((name) => functions.get(name)).filter(Boolean);
    // 524 bits of table and pool stand behind each byte of the allocation table (528 with weak references).
    const tables = (f) => /\(i32\.const 52[48]\)/.test(f.text) && f.text.includes("i32.div_u");

    const gcInit = only("gc_init", called(exported("mp_js_init")).filter((f) => shape(f, 2, false) && tables(f)));
    const [base, area] = number(
        "gc_init", gcInit.text, /i32\.store offset=(\d+)\n\s+\(i32\.const (\d+)\)\n\s+\(local\.get \$0\)/);
    const first = base + area - 4; // the table's start is the second word of an area's record
    const [, counter] = number(
        "gc_init", gcInit.text, /i64\.store offset=(\d+) align=4\n\s+\(i32\.const (\d+)\)\n\s+\(i64\.const -4294967296\)/);
    const grow = only("growth", all.filter((f) => shape(f, 1, true) && tables(f) && f.calls.includes(malloc.name) &&
        f.text.includes("(i32.const 13)") && f.text.includes("(i32.const 1048576)")));
    const split = only("limit of growth", called(grow).filter((f) => shape(f, 0, true)));
    const gcAlloc = only("gc_alloc", all.filter((f) => f.calls.includes(grow.name)));
    const collect = only("gc_collect", called(gcAlloc).filter((f) => shape(f, 0, false)));
    const gcRealloc = only("gc_realloc", all.filter((f) => shape(f, 3, true) && f.calls.includes(gcAlloc.name)));
    const state = (f) => f.text.includes(`(i32.const ${base})`) || f.text.includes(`offset=${base}`);
    const gcFree = only("gc_free", called(gcRealloc).filter((f) => shape(f, 1, false) && state(f)));
    const resets = new RegExp(`i32\\.store offset=${base}\\n\\s+\\(i32\\.const ${counter}\\)\\n\\s+\\(i32\\.const 0\\)`);
    const start = only("gc_collect_start", all.filter((f) => shape(f, 0, false) && f !== gcInit && resets.test(f.text)));
    const mark = only("marking", called(start).filter((f) => shape(f, 2, false)));
    const callers = all.filter((f) => f.calls.includes(start.name));
    const end = only("gc_collect_end", callers.flatMap(called).filter((f) =>
        shape(f, 0, false) && f !== start && f.calls.includes(free.name)));
    return {
        names: {
            gcInit: gcInit.name, gcAlloc: gcAlloc.name, gcRealloc: gcRealloc.name, gcFree: gcFree.name,
            grow: grow.name, split: split.name, collect: collect.name, start: start.name, mark: mark.name,
            end: end.name, malloc: malloc.name, free: free.name,
        },
        firstArea: first,
        threshold: base + counter + 4, // in blocks; all ones is off
        functions,
    };
}

/** Moves a function aside and puts one in its place that tells the recorder before and after. */
function wrap(text, f, operation) {
    const locals = [...Array(f.params).keys()].map((i) => `(local.get $${i})`);
    const filled = [...locals, "(i32.const 0)", "(i32.const 0)", "(i32.const 0)"].slice(0, 3).join(" ");
    const inner = `(call $${f.name}_inner ${locals.join(" ")})`;
    const params = [...Array(f.params).keys()].map((i) => `(param $${i} i32)`).join(" ");
    const wrapper = ` (func $${f.name} ${params} ${f.result ? "(result i32)" : ""} (local $r i32)
  (call $hs_enter (i32.const ${operation}) ${filled})
  ${f.result ? `(local.set $r ${inner})` : inner}
  (call $hs_leave (i32.const ${operation}) (local.get $r))
  ${f.result ? "(local.get $r)" : ""}
 )`;
    const moved = f.text.replace(`(func $${f.name}`, `(func $${f.name}_inner`);
    return text.replace(f.text, () => `${moved}\n${wrapper}`);
}

const IMPORTS = `
 (import "hs" "enter" (func $hs_enter (param i32 i32 i32 i32)))
 (import "hs" "leave" (func $hs_leave (param i32 i32)))
 (import "hs" "collect" (func $hs_collect))
 (import "hs" "split" (func $hs_split (result i32)))
 (import "hs" "grown" (func $hs_grown (param i32 i32)))
 (import "hs" "released" (func $hs_released (param i32)))`;

/** Operation numbers of enter and leave. */
export const OP = { init: 0, alloc: 1, realloc: 2, free: 3 };

/**
 * The instrumented module.
 *
 * gc_collect of this build only notes that a collection is wanted, because it cannot see the pointers that
 * WebAssembly keeps in locals; the heap grows until the program returns to JavaScript. A board collects
 * at once. So (1) binaryen's spill-pointers pass puts every local that is alive across a call on the
 * stack in memory, and (2) gc_collect becomes: start, mark what the stack names, end.
 */
async function build(wasm) {
    const { default: binaryen } = await import("binaryen");
    const original = binaryen.readBinary(wasm);
    const features = original.getFeatures() | binaryen.Features.MutableGlobals;
    let text = original.emitText();
    original.dispose();
    const { names, firstArea, threshold, functions } = findCollector(text);
    const of = (name) => functions.get(names[name]);
    for (const name of ["grow", "end"]) { // areas that come and go
        const f = of(name);
        f.was = f.text;
    }
    of("grow").text = of("grow").text.replace(`(call $${names.malloc}`, "(call $hs_area_malloc");
    of("end").text = of("end").text.replace(`(call $${names.free}`, "(call $hs_area_free");
    for (const name of ["grow", "end"]) {
        text = text.replace(of(name).was, () => of(name).text);
    }
    text = text.replace(of("split").text, ` (func $${names.split} (result i32)\n  (call $hs_split)\n )`);
    text = text.replace(of("collect").text, ` (func $${names.collect}\n  (call $hs_collect)\n )`);
    text = wrap(text, of("gcInit"), OP.init);
    text = wrap(text, of("gcAlloc"), OP.alloc);
    text = wrap(text, of("gcRealloc"), OP.realloc);
    text = wrap(text, of("gcFree"), OP.free);
    const stack = /^ \(global \$global\$0 \(mut i32\) \(i32\.const (\d+)\)\)$/m;
    const [stackTop] = number("stack pointer", text, stack);
    text = text.replace(stack, ` (import "env" "__stack_pointer" (global $global$0 (mut i32)))${IMPORTS}`);
    text = text.replace(/\n\)\s*$/, () => `
 (export "hs_collect_start" (func $${names.start}))
 (export "hs_mark" (func $${names.mark}))
 (export "hs_collect_end" (func $${names.end}))
 (func $hs_area_malloc (param $size i32) (result i32) (local $r i32)
  (local.set $r (call $${names.malloc} (local.get $size)))
  (call $hs_grown (local.get $r) (local.get $size))
  (local.get $r))
 (func $hs_area_free (param $area i32)
  (call $hs_released (local.get $area))
  (call $${names.free} (local.get $area)))
)`);
    const module = binaryen.parseText(text);
    module.setFeatures(features);
    module.runPasses([
        "flatten", "simplify-locals-notee-nostructure", "vacuum", "coalesce-locals", "spill-pointers",
    ]);
    if (!module.validate()) {
        throw new Error("the instrumented module is not valid");
    }
    const binary = module.emitBinary();
    module.dispose();
    return { binary, stackTop, firstArea, threshold, names };
}

/** build(), kept beside the installed packages: it takes seconds, and depends on nothing but what is hashed here. */
export async function instrument(wasm, binaryenVersion) {
    const own = fs.readFileSync(new URL(import.meta.url));
    const key = crypto.createHash("sha256").update(wasm).update(own).update(binaryenVersion).digest("hex").slice(0, 32);
    const folder = new URL("node_modules/.cache/heapsim-capture/", import.meta.url).pathname;
    const [binary, facts] = [path.join(folder, `${key}.wasm`), path.join(folder, `${key}.json`)];
    if (fs.existsSync(facts)) {
        return { ...JSON.parse(fs.readFileSync(facts, "utf8")), binary: fs.readFileSync(binary) };
    }
    const built = await build(wasm);
    const put = (file, data) => {
        fs.writeFileSync(`${file}.${process.pid}`, data);
        fs.renameSync(`${file}.${process.pid}`, file);
    };
    fs.mkdirSync(folder, { recursive: true });
    put(binary, built.binary);
    put(facts, JSON.stringify({ ...built, binary: undefined }));
    return built;
}
