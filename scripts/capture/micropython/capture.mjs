#!/usr/bin/env node
// Runs a MicroPython script in the real MicroPython (WebAssembly, 32 bits) and writes a heapsim trace of its heap.
import crypto from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";
import zlib from "node:zlib";
import { instrument } from "./instrument.mjs";
import { Recorder } from "./recorder.mjs";

const USAGE = `usage: capture.mjs [options] app.py
  -o, --output FILE   the trace (.trace or .trace.gz); default: the script's name with .trace.gz, here
  --threshold BYTES   collect after so many bytes allocated: the granularity of \`drop\`, or off (default 1024)
  --heap BYTES        the heap at start (default 56K)
  --split BYTES       the largest area by which it may grow, as the port would answer (default 128K; 0: never grows)
  --links             also write which object points to which, read before each collection
  --title TEXT        default: the first line of the script's docstring
  --date DATE         the date to state (default: today)
Lines "#phase NAME" and "#mark NAME" that the script prints go into the trace. Modules beside app.py can be imported.`;

/** A mistake of the person who typed the command: exit status 2, one line. */
class UsageError extends Error {}

function size(option, text) {
    const found = text.match(/^(\d+)([KM]?)$/);
    if (!found) {
        throw new UsageError(`--${option} ${text}: expected a number of bytes, K and M allowed`);
    }
    return Number(found[1]) * { "": 1, K: 1024, M: 1048576 }[found[2]];
}

function read(script) {
    try {
        return fs.readFileSync(script, "utf8");
    } catch (error) {
        throw new UsageError(`${script}: ${error.code === "ENOENT" ? "no such file" : error.message}`);
    }
}

function options() {
    const { values, positionals } = parseArgs({
        allowPositionals: true,
        options: {
            output: { type: "string", short: "o" },
            threshold: { type: "string", default: "1024" },
            heap: { type: "string", default: "56K" },
            split: { type: "string", default: "128K" },
            links: { type: "boolean", default: false },
            title: { type: "string" },
            date: { type: "string", default: new Date().toISOString().slice(0, 10) },
            help: { type: "boolean", short: "h", default: false },
        },
    });
    if (values.help || positionals.length !== 1) {
        (values.help ? console.log : console.error)(USAGE);
        process.exit(values.help ? 0 : 2);
    }
    const script = positionals[0];
    const code = read(script);
    return {
        script, code,
        output: values.output ?? path.basename(script, ".py") + ".trace.gz",
        title: values.title ?? code.match(/^"""\s*(.+?)\s*(\n|""")/)?.[1] ?? path.basename(script),
        date: values.date, links: values.links, owner: "mp",
        threshold: values.threshold === "off" ? -1 : size("threshold", values.threshold),
        heap: size("heap", values.heap),
        split: size("split", values.split),
    };
}

/** Starts MicroPython with the instrumented module in place of its own. */
async function load(found, recorder, heap) {
    const original = WebAssembly.instantiate;
    const stackPointer = new WebAssembly.Global({ value: "i32", mutable: true }, found.stackTop);
    WebAssembly.instantiate = async (_, imports) => {
        imports.env.__stack_pointer = stackPointer;
        const result = await original(found.binary, { ...imports, hs: recorder.imports() });
        recorder.attach(result.instance.exports, stackPointer);
        return result;
    };
    try {
        const { loadMicroPython } = await import("@micropython/micropython-webassembly-pyscript");
        return await loadMicroPython({
            heapsize: heap,
            stdout: (line) => {
                recorder.printed(line);
                console.log(line);
            },
            stderr: (line) => console.error(line),
        });
    } finally {
        WebAssembly.instantiate = original;
    }
}

function header(o, versions) {
    const grain = o.threshold < 0 ? "off: drop is known at a full heap or gc.collect() only"
        : `${o.threshold} at start, set by the capture = granularity of drop`;
    return [
        "heapsim-trace 1",
        `title   ${o.title}`,
        "origin  captured",
        `source  MicroPython ${versions.micropython} compiled to 32-bit WebAssembly (npm package micropython-webassembly-pyscript, ` +
            `sha256 of the module ${versions.digest}), instrumented with binaryen ${versions.binaryen}; compiler on board, floats are doubles`,
        `source  program ${path.basename(o.script)}; what was allocated before phase program is the start of that port, not of a board`,
        `source  heap ${o.heap} at start, growth allowed up to ${o.split} bytes an area; gc.threshold ${grain}; captured ${o.date}`,
        "source  the build by itself collects only between calls from JavaScript; here it collects as a board does, with the pointers of " +
            "its locals spilled to the stack; addresses are those of its memory; the coarser the granularity, the less another policy can be trusted",
        "device  32-bit wasm build",
        "complete yes",
        `owner   ${o.owner} gc`,
    ];
}

function writeTrace(file, lines) {
    const text = Buffer.from(lines.join("\n") + "\n");
    const part = `${file}.part`;
    fs.writeFileSync(part, file.endsWith(".gz") ? zlib.gzipSync(text, { level: 9 }) : text);
    fs.renameSync(part, file);
}

async function main() {
    const o = options();
    const resolve = createRequire(import.meta.url).resolve;
    const packageOf = (name) => JSON.parse(fs.readFileSync(path.join(path.dirname(resolve(name)), "package.json"), "utf8"));
    const folder = path.dirname(resolve("@micropython/micropython-webassembly-pyscript"));
    const wasm = fs.readFileSync(path.join(folder, "micropython.wasm"));
    const versions = {
        micropython: packageOf("@micropython/micropython-webassembly-pyscript").version,
        binaryen: packageOf("binaryen").version,
        digest: crypto.createHash("sha256").update(wasm).digest("hex").slice(0, 16),
    };
    const found = await instrument(wasm, versions.binaryen);
    const recorder = new Recorder(o, found);
    const mp = await load(found, recorder, o.heap);
    for (const name of fs.readdirSync(path.dirname(path.resolve(o.script)))) {
        if (name.endsWith(".py")) {
            mp.FS.writeFile(name, fs.readFileSync(path.join(path.dirname(path.resolve(o.script)), name)));
        }
    }
    recorder.say("phase program");
    let status = 0;
    try {
        mp.runPython(o.code);
    } catch (error) {
        if (error.name !== "PythonError") {
            throw error;
        }
        if (error.type !== "SystemExit") {
            console.error(error.message);
            status = 1;
        }
    }
    recorder.finish();
    const extra = recorder.unverifiable ? [`source  cannot be verified: ${recorder.unverifiable}`] : [];
    writeTrace(o.output, [...header(o, versions), ...extra, ...recorder.lines]);
    const c = recorder.counts;
    console.error(`${o.output}: ${c.events} events, ${c.collections} collections (${c.explicit} by the program), ` +
        `${c.grown} growths, ${c.released} released, ${c.failed} refused`);
    if (recorder.unverifiable) {
        console.error(`warning: this trace cannot be verified: ${recorder.unverifiable}`);
    }
    return status;
}

try {
    process.exit(await main());
} catch (error) {
    if (error instanceof UsageError || error.code?.startsWith("ERR_PARSE_ARGS")) {
        console.error(`capture.mjs: ${error.message}`);
        process.exit(2);
    }
    throw error;
}
