// Bundles src/ into dist/: index.html and names with a hash of the content.
// Parts of matrix-js-sdk that this page never reaches are replaced by stubs:
// its own calls, MatrixRTC, the Rust crypto with its megabytes of wasm, sliding
// sync and the table of look-alike letters.
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const absent = /matrix-js-sdk\/lib\/(webrtc\/(call|callEventHandler|groupCallEventHandler|groupCall|mediaHandler)|matrixrtc\/MatrixRTCSessionManager|rust-crypto\/index|sliding-sync-sdk)\.js$/;

const withoutUnused = {
  name: 'without-unused',
  setup(b) {
    const stub = path.join(here, 'src/stub/absent.js');
    b.onLoad({ filter: absent }, () => ({
      contents: readFileSync(stub, 'utf8'), loader: 'js',
    }));
    b.onResolve({ filter: /^unhomoglyph$/ }, () => ({
      path: path.join(here, 'src/stub/unhomoglyph.js'),
    }));
  },
};

export function options(extra = {}) {
  return {
    absWorkingDir: here,
    entryPoints: ['src/main.js'],
    bundle: true,
    format: 'esm',
    target: ['es2022'],
    minify: true,
    legalComments: 'linked',
    metafile: true,
    plugins: [withoutUnused],
    logLevel: 'warning',
    ...extra,
  };
}

async function main() {
  const dist = path.join(here, 'dist');
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  const result = await build(options({
    outdir: 'dist', entryNames: '[name]-[hash]',
  }));
  const outputs = Object.keys(result.metafile.outputs);
  const js = outputs.find((f) => f.endsWith('.js'));
  const css = outputs.find((f) => f.endsWith('.css'));
  const html = readFileSync(path.join(here, 'index.html'), 'utf8')
    .replace('{{js}}', path.basename(js))
    .replace('{{css}}', path.basename(css));
  writeFileSync(path.join(dist, 'index.html'), html);
  cpSync(path.join(here, 'favicon.svg'), path.join(dist, 'favicon.svg'));
  for (const f of [js, css]) {
    const bytes = readFileSync(path.join(here, f));
    console.log(`${f}: ${bytes.length} bytes, ${gzipSync(bytes).length} gzip`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
