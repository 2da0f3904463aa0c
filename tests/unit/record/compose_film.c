#include "compose_film.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS = 100 };

/* Cuts the copy of a line in place. */
static void cut(char *line, char *ret[WORDS + 1])
{
	unsigned n = 0;
	bool quoted = false, inside = false;
	char *to = line;

	for (char *from = line; *from; from++) {
		if (*from == '\'') {
			quoted = !quoted;
			continue;
		}
		if (*from == ' ' && !quoted) {
			if (inside)
				*to++ = '\0';
			inside = false;
			continue;
		}
		if (!inside) {
			assert_true(n < WORDS);
			ret[n++] = to;
		}
		inside = true;
		*to++ = *from;
	}
	*to = '\0';
	ret[n] = NULL;
}

pid_t film_start(const char *dir, const char *line, int *ret_fd)
{
	char *copy = strdup(line), *argv[WORDS + 1];
	int out[2];
	pid_t pid;

	assert_non_null(copy);
	cut(copy, argv);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(dir) == 0 && dup2(out[1], 1) == 1)
			execvp(argv[0], argv);
		_exit(126);
	}
	close(out[1]);
	free(copy);
	*ret_fd = out[0];
	return pid;
}

int film_run(const char *dir, const char *line, char **ret_out, size_t *ret_len)
{
	size_t len = 0, room = 1 << 16;
	char *text = malloc(room);
	int fd, status;
	pid_t pid = film_start(dir, line, &fd);
	ssize_t n;

	assert_non_null(text);
	while ((n = read(fd, text + len, room - len - 1)) > 0) {
		len += (size_t)n;
		if (room - len < 4096) {
			text = realloc(text, room *= 2);
			assert_non_null(text);
		}
	}
	text[len] = '\0';
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (ret_out)
		*ret_out = text;
	else
		free(text);
	if (ret_len)
		*ret_len = len;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void film_make(const char *dir, const char *name, const char *video,
	const char *sound, double seconds)
{
	char line[2048], v[512] = "", a[512] = "";

	if (video)
		snprintf(v, sizeof(v), "-f lavfi -t %.3f -i '%s'", seconds,
			video);
	if (sound)
		snprintf(a, sizeof(a), "-f lavfi -t %.3f -i '%s'", seconds,
			sound);
	snprintf(line, sizeof(line),
		"ffmpeg -nostdin -v error -y %s %s -pix_fmt yuv420p -c:v "
		"libvpx "
		"-auto-alt-ref 0 -deadline realtime -cpu-used 8 -g 300 "
		"-b:v 600k -c:a libopus %s",
		v, a, name);
	assert_int_equal(film_run(dir, line, NULL, NULL), 0);
}

void film_touch(
	const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

void film_manifest(const char *dir, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/manifest.json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	for (; *text; text++)
		fputc(*text == '\'' ? '"' : *text, f);
	assert_int_equal(fclose(f), 0);
}

cJSON *film_manifest_read(const char *dir)
{
	char *text;
	cJSON *root;

	assert_int_equal(film_run(dir, "cat manifest.json", &text, NULL), 0);
	root = cJSON_Parse(text);
	assert_non_null(root);
	free(text);
	return root;
}

bool film_exists(const char *dir, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) == 0;
}

int film_compose(const char *dir, const char *options, cJSON **ret_lines)
{
	char line[1024], *text, *save = NULL;
	cJSON *lines = cJSON_CreateArray();
	int code;

	snprintf(
		line, sizeof(line), "%s compose %s %s", RECORDER, dir, options);
	code = film_run("/", line, &text, NULL);
	for (char *at = strtok_r(text, "\n", &save); at;
		at = strtok_r(NULL, "\n", &save)) {
		cJSON *one = cJSON_Parse(at);

		if (!one)
			fail_msg("no JSON: %s", at);
		cJSON_AddItemToArray(lines, one);
	}
	free(text);
	*ret_lines = lines;
	return code;
}

const char *film_last(const cJSON *lines, const char *key)
{
	const cJSON *last =
		cJSON_GetArrayItem(lines, cJSON_GetArraySize(lines) - 1);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(last, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

uint32_t film_pixel(const char *dir, double at_s, unsigned x, unsigned y)
{
	char line[256], *out;
	uint32_t rgb;
	size_t len;

	snprintf(line, sizeof(line),
		"ffmpeg -nostdin -v error -ss %.3f -i composed.mp4 -frames:v 1 "
		"-vf crop=2:2:%u:%u,scale=1:1 -pix_fmt rgb24 -f rawvideo -",
		at_s, x & ~1u, y & ~1u);
	assert_int_equal(film_run(dir, line, &out, &len), 0);
	assert_int_equal(len, 3);
	rgb = (uint32_t)(uint8_t)out[0] << 16 | (uint32_t)(uint8_t)out[1] << 8 |
	      (uint8_t)out[2];
	free(out);
	return rgb;
}

bool film_like(uint32_t a, uint32_t b)
{
	for (unsigned shift = 0; shift < 24; shift += 8)
		if (abs((int)(a >> shift & 0xff) - (int)(b >> shift & 0xff)) >
			24)
			return false;
	return true;
}

uint8_t *film_frames(const char *dir, size_t *ret_n)
{
	char *out;
	size_t len;

	assert_int_equal(film_run(dir,
				 "ffmpeg -nostdin -v error -i composed.mp4 -vf "
				 "scale=320:180 -vsync 0 -pix_fmt gray "
				 "-f rawvideo -",
				 &out, &len),
		0);
	*ret_n = len / (FILM_W * FILM_H);
	return (uint8_t *)out;
}

int16_t *film_sound(const char *dir, const char *name, size_t *ret_n)
{
	char line[256], *out;
	size_t len;

	snprintf(line, sizeof(line),
		"ffmpeg -nostdin -v error -i %s -vn -ac 1 -ar 48000 -f s16le -",
		name);
	assert_int_equal(film_run(dir, line, &out, &len), 0);
	*ret_n = len / 2;
	return (int16_t *)(void *)out;
}

unsigned film_beeps(const char *dir, const char *name, int *ret_ms, unsigned n)
{
	size_t len, quiet = 4800;
	int16_t *sound = film_sound(dir, name, &len);
	unsigned beeps = 0;

	for (size_t i = 0; i < len; i++) {
		if (abs(sound[i]) < 3000) {
			quiet++;
			continue;
		}
		if (quiet > 2400 && beeps < n)
			ret_ms[beeps++] = (int)(i / 48);
		quiet = 0;
	}
	free(sound);
	return beeps;
}
