// What is in a recorded file: probed by ffprobe, decoded by ffmpeg, and read by
// the marks that pages/fakemedia.js makes.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import {
	BLOCK_H, BLOCK_W, COLUMNS, FLASH_EVERY_S, HEIGHT, SQUARE, WIDTH,
	sum,
} from "../pages/fakemedia.js";

const run = promisify(execFile);
const RATE = 16000, DARK = 80, LIGHT = 175, LATE_S = 0.03;

async function ffprobe(file, ...args) {
	const { stdout } = await run("ffprobe", ["-v", "error", ...args, "-of",
		"json", file], { maxBuffer: 1 << 28 });
	return JSON.parse(stdout);
}

// { audio, video, duration, format }: the first stream of each kind.
export async function probe(file) {
	const { streams, format } = await ffprobe(file, "-show_streams",
		"-show_format");
	const first = (kind) => streams.find((s) => s.codec_type === kind);
	return { audio: first("audio"), video: first("video"), streams: streams.length,
		duration: Number(format.duration), format: format.format_name };
}

// ffmpeg's raw output, in whole pieces of `size` bytes; what it complains of is
// an error of the file.
async function decode(file, args, size, piece) {
	const child = spawn("ffmpeg", ["-nostdin", "-v", "error", "-threads", "1",
		"-i", file, ...args, "pipe:1"], { stdio: ["ignore", "pipe", "pipe"] });
	const ended = once(child, "close");
	let rest = Buffer.alloc(0), said = "";
	child.stderr.on("data", (data) => {
		said += data;
	});
	for await (const data of child.stdout) {
		rest = rest.length ? Buffer.concat([rest, data]) : data;
		let at = 0;
		for (; rest.length - at >= size; at += size)
			piece(rest.subarray(at, at + size));
		rest = rest.subarray(at);
	}
	const [code] = await ended;
	if (code !== 0) throw new Error(`ffmpeg on ${file}: ${said || code}`);
	return said.trim();
}

// The mean of the middle of a rectangle, in one plane of bytes.
function mean(picture, width, x, y, w, h) {
	let total = 0, n = 0;
	const left = Math.round(x + w * 0.3), right = Math.round(x + w * 0.7);
	const top = Math.round(y + h * 0.3), bottom = Math.round(y + h * 0.7);
	for (let row = top; row <= bottom; row++) {
		for (let column = left; column <= right; column++, n++)
			total += picture[row * width + column];
	}
	return total / n;
}

// The counter in the picture of that rectangle; null: not to be read.
export function counterAt(picture, width, { x, y, w, h }) {
	const sx = w / WIDTH, sy = h / HEIGHT;
	let bits = 0;
	for (let i = 0; i < 2 * COLUMNS; i++) {
		const light = mean(picture, width,
			x + i % COLUMNS * BLOCK_W * sx,
			y + Math.floor(i / COLUMNS) * BLOCK_H * sy, BLOCK_W * sx,
			BLOCK_H * sy);
		if (light > DARK && light < LIGHT) return null;
		bits = bits << 1 | (light >= LIGHT ? 1 : 0);
	}
	return sum(bits >> 4) === (bits & 15) ? bits >> 4 : null;
}

// Every frame in order: { pts (seconds), counter, flash }.
export async function frames(file) {
	const { frames: times } = await ffprobe(file, "-select_streams", "v:0",
		"-show_entries", "frame=pts_time");
	const found = [], whole = { x: 0, y: 0, w: WIDTH, h: HEIGHT };
	const said = await decode(file, ["-map", "0:v:0", "-fps_mode",
		"passthrough", "-enc_time_base", "-1", "-vf", `scale=${WIDTH}:${HEIGHT}`, "-f", "rawvideo",
		"-pix_fmt", "gray"], WIDTH * HEIGHT, (picture) => {
		found.push({ counter: counterAt(picture, WIDTH, whole),
			flash: mean(picture, WIDTH, SQUARE.x, SQUARE.y, SQUARE.size,
				SQUARE.size) > LIGHT });
	});
	if (found.length !== times.length)
		throw new Error(`${file}: ${times.length} frames by ffprobe, ` +
			`${found.length} by ffmpeg`);
	found.forEach((frame, i) => {
		frame.pts = Number(times[i].pts_time);
	});
	return { frames: found, said };
}

// The sound on the file's own timeline, its holes silent, mono.
export async function sound(file) {
	const parts = [];
	await decode(file, ["-map", "0:a:0", "-af",
		"aresample=async=1:min_hard_comp=0.01:first_pts=0", "-ac", "1", "-ar",
		String(RATE), "-f", "f32le"], 4, (piece) => {
		parts.push(piece.readFloatLE(0));
	});
	return Float32Array.from(parts);
}

// Goertzel: the amplitude of one pitch in samples[from, from + n).
export function amplitude(samples, hz, from = 0, n = samples.length) {
	const turn = 2 * Math.cos(2 * Math.PI * hz / RATE);
	let a = 0, b = 0;
	for (let i = from; i < from + n; i++)
		[a, b] = [samples[i] + turn * a - b, a];
	return 2 * Math.sqrt(Math.max(0, a * a + b * b - turn * a * b)) / n;
}

// The median amplitude over the seconds in [from, to).
export function tone(samples, hz, from = 0, to = samples.length / RATE) {
	const step = RATE / 4, found = [];
	for (let at = Math.round(from * RATE); at + step <= to * RATE; at += step)
		found.push(amplitude(samples, hz, at, step));
	return median(found);
}

// Of several pitches, those that are really there: ten times as loud as
// between them. wander: how far off a pitch may be, as a part of it.
export function tones(samples, pitches, from, to, wander = 0) {
	const near = (hz) => {
		const found = [tone(samples, hz, from, to)];
		for (let off = 4; off <= hz * wander; off += 4)
			found.push(tone(samples, hz - off, from, to),
				tone(samples, hz + off, from, to));
		return Math.max(...found);
	};
	return pitches.filter((hz) => {
		const beside = Math.max(tone(samples, hz - 60, from, to),
			tone(samples, hz + 60, from, to), 1e-4);
		return near(hz) > 10 * beside;
	});
}

// When a pitch begins, or with `ends` when it is gone, in seconds.
export function edges(samples, hz, ends = false) {
	const window = RATE / 100, hop = RATE / 500, level = [];
	for (let at = 0; at + window <= samples.length; at += hop)
		level.push(amplitude(samples, hz, at, window));
	// A window half filled has half of the amplitude.
	const half = [...level].sort((a, b) => b - a)[20] / 2;
	const found = [];
	for (let i = 1; i < level.length; i++) {
		const before = level[i - 1] >= half, now = level[i] >= half;
		const at = (i * hop + window / 2) / RATE;
		if (before === ends && now !== ends &&
			!(at - found.at(-1) < FLASH_EVERY_S / 2))
			found.push(at);
	}
	return found;
}

// The frames with which flashes begin. The first frame of a file may stand in
// the middle of one.
export const flashes = (all) => all.filter((frame, i) =>
	i > 0 && frame.flash && !all[i - 1].flash);

export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[sorted.length >> 1];
}

// How much later than its sound each flash is, what the page itself was late
// taken off (and those left out with which it was very late): [{ counter, ms }].
// person: of fakemedia.
export function offsets(all, samples, made, person) {
	const late = new Map(made.filter((f) => f.late_s < LATE_S)
		.map((f) => [f.counter, f.late_s]));
	const heard = person.firefox ? edges(samples, person.tone, true) :
		edges(samples, person.beep);
	return flashes(all).filter((f) => late.has(f.counter)).flatMap((f) => {
		const beep = heard.find((b) => Math.abs(b - f.pts) < FLASH_EVERY_S / 3);
		return beep === undefined ? [] : [{ counter: f.counter,
			ms: 1000 * (f.pts - beep - late.get(f.counter)) }];
	});
}

// When flashes begin in the tile of a composed file: seconds. A flash begins
// where it is half as bright as it gets: encoded twice, its first frame need
// not be as bright as the page drew it.
export async function flashesIn(file, tile) {
	const { frames: times } = await ffprobe(file, "-select_streams", "v:0",
		"-show_entries", "frame=pts_time");
	const scale = tile.w / WIDTH, size = Math.round(SQUARE.size * scale / 2);
	const crop = [size, size, tile.x + (SQUARE.x + SQUARE.size / 4) * scale,
		tile.y + (SQUARE.y + SQUARE.size / 4) * scale].map(Math.round);
	const found = [];
	let light = true, i = 0;
	await decode(file, ["-map", "0:v:0", "-fps_mode", "passthrough",
		"-enc_time_base", "-1", "-vf", `crop=${crop.join(":")}:exact=1`, "-f",
		"rawvideo", "-pix_fmt", "gray"], size * size, (picture) => {
		const now = mean(picture, size, 0, 0, size - 1, size - 1) >
			(DARK + LIGHT) / 2;
		if (now && !light) found.push(Number(times[i].pts_time));
		light = now;
		i++;
	});
	return found;
}

// How far later each of `times` is found in `found`: the median, milliseconds.
export function shift(times, found, nearS = 0.3) {
	const all = times.flatMap((time) => {
		const near = found.map((f) => f - time).sort((a, b) =>
			Math.abs(a) - Math.abs(b))[0];
		return Math.abs(near) < nearS ? [1000 * near] : [];
	});
	return { count: all.length, ms: median(all) };
}

// Pictures of a file at these seconds, in its own size: { rgb, width, height }.
export async function pictures(file, seconds) {
	const { video } = await probe(file);
	const { width, height } = video, size = width * height * 3, found = [];
	for (const at of seconds) {
		const before = found.length;
		await decode(file, ["-map", "0:v:0", "-ss", String(at), "-frames:v",
			"1", "-f", "rawvideo", "-pix_fmt", "rgb24"], size, (rgb) =>
			found.push({ rgb: Buffer.from(rgb), width, height }));
		if (found.length !== before + 1)
			throw new Error(`${file} has no picture at ${at} s`);
	}
	return found;
}

// Where in a picture the camera with that colour is shown: the colour fills its
// lower two thirds. channel: which of r, g, b. null: nowhere.
export function tileOf({ rgb, width, height }, channel) {
	const columns = new Uint32Array(width), rows = new Uint32Array(height);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const at = 3 * (y * width + x), own = rgb[at + channel];
			if (own > 110 && own > 2 * rgb[at + (channel + 1) % 3] &&
				own > 2 * rgb[at + (channel + 2) % 3]) {
				columns[x]++;
				rows[y]++;
			}
		}
	}
	const span = (counts) => {
		const enough = Math.max(...counts) / 3;
		return [counts.findIndex((n) => n > enough),
			counts.findLastIndex((n) => n > enough)];
	};
	const [left, right] = span(columns), [, bottom] = span(rows);
	const w = right - left + 1, h = w * HEIGHT / WIDTH;
	if (Math.max(...columns) < 20) return null;
	return { x: left, y: bottom + 1 - h, w, h };
}

export function luma({ rgb, width, height }) {
	const plane = new Uint8Array(width * height);
	for (let i = 0; i < plane.length; i++)
		plane[i] = 0.3 * rgb[3 * i] + 0.59 * rgb[3 * i + 1] +
			0.11 * rgb[3 * i + 2];
	return plane;
}
