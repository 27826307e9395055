// Bundles the page: `node build.mjs FOLDER` writes FOLDER/page.html and FOLDER/page_template.c.
import { build } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
const { outputFiles } = await build({
  entryPoints: [join(here, 'src/main.js')], bundle: true, minify: true, write: false, outdir: out,
  target: ['chrome100', 'firefox100', 'safari15'], format: 'iife', legalComments: 'inline', charset: 'ascii',
});
const text = (end) => outputFiles.find((f) => f.path.endsWith(end)).text;
const put = (page, place, content) => page.split(place).join(content);
let page = readFileSync(join(here, 'src/index.html'), 'utf8');
page = put(page, '/*styles*/', text('.css'));
page = put(page, '/*script*/', text('.js'));
writeFileSync(join(out, 'page.html'), page);

const bytes = Buffer.from(page);
const lines = [];
for (let i = 0; i < bytes.length; i += 24) lines.push(`${Array.from(bytes.subarray(i, i + 24)).join(',')},`);
writeFileSync(join(out, 'page_template.c'),
  `#include <stddef.h>\n#include "report_html_inner.h"\nconst unsigned char hs_page_template[] = {\n${lines.join('\n')}\n};\n` +
  `const size_t hs_page_template_size = ${bytes.length};\n`);
