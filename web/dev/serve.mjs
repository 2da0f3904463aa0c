// Serves a directory on loopback with the policy that hearth sends, and nothing
// else; `npm run dev` builds and shows the page of looks.
import { build } from 'esbuild';
import http from 'node:http';
import { mkdtempSync, readFileSync, writeFileSync, cpSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { options } from '../build.mjs';

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };

export function policy(origins = []) {
  return `default-src 'self'; connect-src 'self' ${origins.join(' ')}; img-src 'self' blob: data:; media-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'`;
}

// Resolves with {url, close}. extra: path -> () => value to send as JSON;
// handler(req, res, pathname) answers and returns true, or leaves it.
export function serve(dir, { port = 0, extra = {}, origins, handler } = {}) {
  const server = http.createServer((req, res) => {
    const { pathname } = new URL(req.url, 'http://x');
    const head = { 'Content-Security-Policy': policy(origins), 'X-Content-Type-Options': 'nosniff' };
    if (extra[pathname]) {
      res.writeHead(200, { ...head, 'Content-Type': TYPES['.json'] });
      res.end(JSON.stringify(extra[pathname]()));
      return;
    }
    if (handler?.(req, res, pathname)) return;
    const file = path.join(dir, path.normalize(pathname === '/' ? 'index.html' : pathname));
    try {
      const body = readFileSync(file);
      res.writeHead(200, { ...head, 'Content-Type': TYPES[path.extname(file)] || 'application/octet-stream' });
      res.end(body);
    } catch {
      res.writeHead(404, head);
      res.end();
    }
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve({
      url: `http://127.0.0.1:${server.address().port}`,
      close: () => { server.closeAllConnections(); server.close(); },
    }));
  });
}

// Bundles one entry into a new directory with an index.html around it.
export async function bundle(entry) {
  const out = mkdtempSync(path.join(os.tmpdir(), 'hearth-web-'));
  await build(options({ entryPoints: [entry], outdir: out, entryNames: 'page', minify: false, sourcemap: 'inline' }));
  const html = readFileSync(path.join(web, 'index.html'), 'utf8')
    .replace('{{js}}', 'page.js').replace('{{css}}', 'page.css');
  writeFileSync(path.join(out, 'index.html'), html);
  cpSync(path.join(web, 'favicon.svg'), path.join(out, 'favicon.svg'));
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const s = await serve(await bundle('dev/page.mjs'), { port: 8099 });
  console.log(`${s.url}/?view=call&n=6&talk=1 (view: login rooms prejoin call left; n, screen, panel, state, toast)`);
}
