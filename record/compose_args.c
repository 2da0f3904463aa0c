#include "record/compose_args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/compose_ass.h"

static void add(struct args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct args *a, const char *fmt, ...)
{
	va_list args;

	if (a->n >= ARGS_MAX) {
		a->failed = true;
		return;
	}
	va_start(args, fmt);
	if (vasprintf(&a->v[a->n], fmt, args) < 0)
		a->v[a->n] = NULL;
	va_end(args);
	if (a->v[a->n])
		a->v[++a->n] = NULL;
	else
		a->failed = true;
}

/* Words apart by blanks; none of them contains one. */
static void words(struct args *a, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		add(a, "%.*s", (int)len, text);
		text += len + strspn(text + len, " ");
	}
}

void args_done(struct args *a)
{
	for (unsigned i = 0; i < a->n; i++)
		free(a->v[i]);
	memset(a, 0, sizeof(*a));
}

static void start(struct args *a)
{
	words(a, "ffmpeg -nostdin -hide_banner -nostats -y -loglevel error "
		 "-progress pipe:1 -filter_threads 1 "
		 "-filter_complex_threads 1");
}

/* What strangers' cameras sent is read by these demuxers and decoders only,
 * whatever it claims to be, and no damage in it ends the run. */
static void input(struct args *a, const char *name)
{
	words(a, "-threads 1 -max_error_rate 1 -protocol_whitelist file "
		 "-f matroska -codec_whitelist "
		 "vp8,libvpx,vp9,libvpx-vp9,h264,av1,libdav1d,libaom-av1,"
		 "opus,libopus");
	add(a, "-i");
	add(a, "file:%s", name);
}

static FILE *open_text(char **text, size_t *len)
{
	*text = NULL;
	return open_memstream(text, len);
}

/* Adds what was written as one word. */
static void close_text(struct args *a, FILE *f, char **text)
{
	if (!f || fclose(f) != 0 || !*text)
		a->failed = true;
	else
		add(a, "%s", *text);
	free(*text);
}

/* The picture that is on when the scene begins came before: so decoding starts
 * at the key frame before, and `fps` drops what is early and keeps the last.
 * Sizes change in mid-stream: scale and pad look at each frame, and the graph
 * must not be built anew. */
static void picture_input(struct args *a, const struct plan_scene *scene,
	const struct plan_file *f)
{
	int64_t into_ms = scene->from_ms - f->from_ms;

	words(a, "-reinit_filter 0 -noaccurate_seek -seek_timestamp 1");
	add(a, "-ss");
	add(a, "%.3f", into_ms > 0 ? (double)into_ms / 1000 : 0);
	if (into_ms < 0) {
		add(a, "-itsoffset");
		add(a, "%.3f", (double)-into_ms / 1000);
	}
	input(a, f->name);
}

static void picture_filter(FILE *g, unsigned i, const struct plan_box *b)
{
	fprintf(g,
		"[%u:v:0]scale=w=%u:h=%u:force_original_aspect_ratio=decrease:"
		"force_divisible_by=2:eval=frame:out_color_matrix=bt601:"
		"out_range=tv,setsar=1,pad=%u:%u:-1:-1:color=0x%06x:eval=frame,"
		"fps=%d:start_time=0,format=yuv420p[p%u];"
		"[b%u][p%u]overlay=%u:%u:eof_action=repeat[b%u];",
		i, b->w, b->h, b->w, b->h, ASS_TILE, 1000 / PLAN_FRAME_MS, i, i,
		i, b->x, b->y, i + 1);
}

/* All scenes alike, for they are joined without encoding them again. */
static void picture_output(struct args *a)
{
	words(a, "-an -c:v libx264 -preset veryfast -crf 24 -profile:v high "
		 "-pix_fmt yuv420p -threads 2 -bf 2 -colorspace smpte170m "
		 "-color_primaries smpte170m -color_trc smpte170m "
		 "-color_range tv");
	add(a, "-g");
	add(a, "%d", 5000 / PLAN_FRAME_MS);
	add(a, "-r");
	add(a, "%d", 1000 / PLAN_FRAME_MS);
}

void args_scene(struct args *a, const struct plan_input *in,
	const struct plan_scene *scene, unsigned number)
{
	int64_t frames = (scene->to_ms - scene->from_ms) / PLAN_FRAME_MS;
	unsigned n = 0;
	char *text;
	size_t len;
	FILE *g = open_text(&text, &len);

	start(a);
	if (g)
		fprintf(g,
			"color=c=0x%06x:s=%dx%d:r=%d:d=0.04,format=yuv420p,"
			"ass=f=" ARGS_WORK "/under-%u.ass,loop=-1:1,"
			"setpts=N/%d/TB[b0];",
			ASS_BACKGROUND, PLAN_WIDTH, PLAN_HEIGHT,
			1000 / PLAN_FRAME_MS, number, 1000 / PLAN_FRAME_MS);
	for (unsigned i = 0; i < scene->n; i++) {
		if (scene->tile[i].file < 0)
			continue;
		picture_input(a, scene, &in->files[scene->tile[i].file]);
		if (g)
			picture_filter(g, n, &scene->tile[i].box);
		n++;
	}
	if (g)
		fprintf(g, "[b%u]ass=f=" ARGS_WORK "/over-%u.ass[out]", n,
			number);
	add(a, "-filter_complex");
	close_text(a, g, &text);
	words(a, "-map [out]");
	picture_output(a);
	add(a, "-frames:v");
	add(a, "%lld", (long long)frames);
	words(a, "-f matroska");
	add(a, "file:" ARGS_WORK "/scene-%u.mkv", number);
}

/* Sums n sounds that all begin with the recording. Groups to be mixed again are
 * stored 12 dB lower, so that none of them is cut off. */
static void mix_filter(FILE *g, unsigned n, const char *gain)
{
	for (unsigned i = 0; i < n; i++)
		fprintf(g, "[s%u]", i);
	fprintf(g, "amix=inputs=%u:duration=longest:normalize=0,volume=%s", n,
		gain);
}

static bool is_last(const char *to)
{
	size_t len = strlen(to);

	return len > 4 && strcmp(to + len - 4, ".m4a") == 0;
}

static void sound_output(
	struct args *a, const struct plan_input *in, const char *to)
{
	int64_t ms = (in->duration_ms + PLAN_FRAME_MS - 1) / PLAN_FRAME_MS *
		     PLAN_FRAME_MS;

	words(a, "-map [out] -vn -threads 2");
	if (is_last(to)) {
		words(a, "-c:a aac -movflags +faststart -f mp4 -b:a");
		add(a, "%d", ARGS_AUDIO_BPS);
	} else {
		words(a, "-c:a flac -f flac");
	}
	add(a, "-t");
	add(a, "%.3f", (double)ms / 1000);
	add(a, "file:%s", to);
}

/* Nobody is louder than full scale when several speak at once. */
static void finish_filter(FILE *g, bool last)
{
	if (last)
		fputs(",alimiter=limit=0.9:attack=5:release=80:level=0", g);
	fputs(",apad[out]", g);
}

/* Times in the file say where its sound belongs: silence goes where nothing
 * came, and a clock that drifts is followed by stretching. The resampler is on
 * from the start (flags=res): where stretching switches it on later, the
 * silence in front is put in a second time. */
static void sound_filter(FILE *g, unsigned i)
{
	fprintf(g,
		"[%u:a:0]aresample=48000:async=1000:min_comp=0.002:"
		"min_hard_comp=0.03:first_pts=0:flags=res,aformat=sample_fmts="
		"fltp:channel_layouts=stereo"
		"[s%u];",
		i, i);
}

unsigned args_sound(struct args *a, const struct plan_input *in, unsigned from,
	const char *to)
{
	unsigned n = 0, i;
	char *text;
	size_t len;
	FILE *g = open_text(&text, &len);

	start(a);
	for (i = from; i < in->n_files && n < ARGS_MIX; i++) {
		if (!in->files[i].audio)
			continue;
		words(a, "-seek_timestamp 1 -itsoffset");
		add(a, "%.3f", (double)in->files[i].from_ms / 1000);
		input(a, in->files[i].name);
		if (g)
			sound_filter(g, n);
		n++;
	}
	if (g) {
		mix_filter(g, n, is_last(to) ? "1" : "0.25");
		finish_filter(g, is_last(to));
	}
	add(a, "-filter_complex");
	close_text(a, g, &text);
	sound_output(a, in, to);
	return i;
}

void args_mix(
	struct args *a, const struct plan_input *in, unsigned n, const char *to)
{
	char *text;
	size_t len;
	FILE *g = open_text(&text, &len);

	start(a);
	for (unsigned i = 0; i < n; i++) {
		words(a, "-f flac -i");
		add(a, "file:" ARGS_WORK "/mix-%u.flac", i);
		if (g)
			fprintf(g,
				"[%u:a:0]aformat=sample_fmts=fltp:"
				"channel_layouts=stereo[s%u];",
				i, i);
	}
	if (g) {
		mix_filter(g, n, "4");
		finish_filter(g, true);
	}
	add(a, "-filter_complex");
	close_text(a, g, &text);
	sound_output(a, in, to);
}

void args_join(struct args *a, const char *sound, const char *to)
{
	start(a);
	words(a, "-f concat -safe 1 -i " ARGS_WORK "/scenes.txt");
	if (sound) {
		add(a, "-i");
		add(a, "file:%s", sound);
	}
	words(a, "-map 0:v:0");
	if (sound)
		words(a, "-map 1:a:0");
	words(a, "-c copy -movflags +faststart -f mp4");
	add(a, "file:%s", to);
}

void args_thumbnail(
	struct args *a, const char *video, int64_t at_ms, const char *to)
{
	start(a);
	add(a, "-ss");
	add(a, "%.3f", (double)at_ms / 1000);
	add(a, "-i");
	add(a, "file:%s", video);
	words(a, "-map 0:v:0 -vf thumbnail=12,scale=640:-2 -frames:v 1 "
		 "-threads 1 -c:v mjpeg -q:v 4 -f image2 -update 1");
	add(a, "file:%s", to);
}

void args_probe(struct args *a, const char *name, char kind)
{
	start(a);
	input(a, name);
	add(a, "-map");
	add(a, "0:%c:0", kind);
	add(a, "-frames:%c", kind);
	words(a, "1 -f null -");
}
