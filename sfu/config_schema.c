#include "sfu/config_schema.h"

#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct config, member)
#define TEXT(section, name, form, fallback, help)                              \
	{                                                                      \
#section, #name, CONFIG_TEXT, form, AT(section.name), 0, 0,    \
			fallback, help                                         \
	}
#define LIST(section, name, form, fallback, help)                              \
	{                                                                      \
#section, #name, CONFIG_LIST_OF, form, AT(section.name), 0, 0, \
			fallback, help                                         \
	}
#define UINT(section, name, min, max, fallback, help)                          \
	{                                                                      \
#section, #name, CONFIG_UINT, FORM_ANY, AT(section.name), min, \
			max, fallback, help                                    \
	}
#define U64(section, name, min, max, fallback, help)                           \
	{                                                                      \
#section, #name, CONFIG_U64, FORM_ANY, AT(section.name), min,  \
			max, fallback, help                                    \
	}
#define BOOL(section, name, fallback, help)                                    \
	{                                                                      \
#section, #name, CONFIG_BOOL, FORM_ANY, AT(section.name), 0,   \
			0, fallback, help                                      \
	}

/* clang-format off */
const struct config_key config_schema[CONFIG_KEYS] = {
	TEXT(matrix, homeserver, FORM_URL, "",
		"URL of the homeserver the bot logs in to. Required."),
	TEXT(matrix, user, FORM_ANY, "",
		"The bot's user id or its local part. Required."),
	TEXT(matrix, password, FORM_ANY, "",
		"Its password. One of password, password_file, token and "
		"token_file is required."),
	TEXT(matrix, password_file, FORM_PATH, "",
		"File holding the password; others must not be able to read "
		"it. Better than password: this file may be shown around."),
	TEXT(matrix, token, FORM_ANY, "",
		"An access token instead of a password."),
	TEXT(matrix, token_file, FORM_PATH, "",
		"File holding the access token; others must not be able to "
		"read it."),
	TEXT(matrix, device_id, FORM_ANY, "",
		"Device to log in as. Empty: the homeserver chooses one, which "
		"is kept in state_dir."),
	TEXT(matrix, device_name, FORM_ANY, "hearth",
		"Name of the device in the account's session list."),
	LIST(matrix, allow, FORM_ANY, "",
		"Who may invite the bot: globs over user ids, for instance "
		"@*:example.org. Empty: everybody of the bot's own server."),
	BOOL(matrix, leave_when_empty, "true",
		"Leave a room with its last human, so that dead rooms cost "
		"nothing."),
	TEXT(matrix, join_url, FORM_URL, "",
		"Where people reach the web client; told in the greeting. "
		"Empty: the address of the http section."),
	UINT(media, port, 0, 65535, "7882",
		"UDP port for media; worker i uses port + i. Open it in the "
		"firewall. 0: the system chooses, for tests."),
	LIST(media, listen, FORM_ADDRESS, "0.0.0.0 ::",
		"Addresses the media port is opened on."),
	LIST(media, advertise, FORM_ADDRESS, "",
		"Addresses told to participants; set the public one behind "
		"NAT. Empty: the host's own addresses."),
	UINT(media, workers, 0, 64, "1",
		"Worker processes for media, about one per core. 0: all in one "
		"process; then what is written to disk holds packets up."),
	UINT(media, split_load, 0, 100, "60",
		"Percent of a core that a worker may use before who joins a "
		"conference there goes to another worker, which is linked to "
		"it. 0: each joins where there is least to do; 100: a "
		"conference stays with one worker."),
	UINT(media, split_participants, 0, 1000, "0",
		"Participants of one conference at one worker; more go to "
		"another. For when load comes after the joins. 0: only "
		"split_load counts."),
	UINT(media, last_n, 0, 1000, "0",
		"Pictures that one person is sent at most: of who speaks, of "
		"what is shown largest, of who spoke last. 0: all."),
	UINT(media, audio_n, 0, 1000, "0",
		"Voices that one person is sent at most: the loudest. 0: all."),
	TEXT(http, listen, FORM_ADDRESS, "127.0.0.1",
		"Address of the web server. It speaks no TLS: keep it on "
		"loopback behind a reverse proxy."),
	UINT(http, port, 0, 65535, "7880",
		"TCP port of the web server. 0: the system chooses, for "
		"tests."),
	TEXT(http, web_root, FORM_PATH, "/usr/share/hearth/web",
		"Directory of the built web client. Empty: none is served."),
	UINT(limits, participants, 2, 1000, "100",
		"Participants per conference."),
	UINT(limits, tracks, 1, 64, "8",
		"Tracks one participant may publish."),
	UINT(limits, media_lines, 4, 4096, "512",
		"Media lines per participant's session description: bounds "
		"what one may receive at once."),
	U64(limits, video_max_bps, 100000, 100000000, "2500000",
		"Bits per second asked of each video publisher. Every receiver "
		"gets it, so the uplink pays it once per receiver."),
	U64(limits, channel_queue_bytes, 65536, 1073741824, "16777216",
		"Bytes of data messages waiting for one slow receiver; it "
		"loses messages beyond that, nobody else does."),
	U64(limits, resend_bps, 10000, 100000000, "1000000",
		"Bits per second of lost packets sent again per subscription, "
		"so that no receiver can ask for more than that."),
	UINT(limits, conferences, 1, 100000, "1000",
		"Conferences at the same time."),
	UINT(limits, calls_per_minute, 1, 10000, "60",
		"New calls per room and minute; more are refused."),
	TEXT(recording, directory, FORM_PATH, "",
		"Directory for recordings, readable by us alone. Empty: "
		"recordings below state_dir. An hour of one camera is up to "
		"1.2 GB."),
	TEXT(recording, who, FORM_WHO, "moderators",
		"Who may record: moderators (whoever may kick), members, "
		"nobody, or the power level that is needed, 0..100."),
	TEXT(recording, compose, FORM_COMPOSE, "grid",
		"The file to watch that is made after the call: grid, speaker, "
		"or none for the tracks alone."),
	BOOL(recording, deliver, "true",
		"Post that file into the room; without it people ask for it "
		"with `record list`."),
	UINT(recording, jobs, 1, 16, "1",
		"Compositions at the same time, each up to two cores. More "
		"wait; calls are served first in any case."),
	UINT(recording, at_once, 1, 256, "16",
		"Recordings at the same time; more are refused."),
	UINT(recording, keep_days, 0, 36500, "30",
		"Days after which a recording is deleted. 0: kept for ever."),
	UINT(recording, keyframe_s, 0, 3600, "10",
		"Seconds between key frames asked of publishers while they are "
		"recorded, so that one can seek. 0: never asked for."),
	TEXT(recording, program, FORM_PATH, "",
		"Program run at each event of a recording, with the manifest's "
		"path in its environment. Empty: none."),
	LIST(recording, webhooks, FORM_URL, "",
		"URLs that are sent each event of a recording, signed with "
		"webhook_secret."),
	TEXT(recording, webhook_secret, FORM_ANY, "",
		"What webhooks are signed with, so that receivers know us. "
		"Required with webhooks, here or in webhook_secret_file."),
	TEXT(recording, webhook_secret_file, FORM_PATH, "",
		"File holding that secret; others must not be able to read "
		"it."),
	TEXT(recording, recorder, FORM_PATH, "",
		"The recorder program. Empty: hearth-record beside hearth."),
	TEXT(feed, socket, FORM_PATH, "",
		"Unix socket on which local programs take part in calls "
		"(feed/README.md). Empty: none."),
	TEXT(feed, tokens_file, FORM_PATH, "",
		"File with a line `name token listen` or `name token publish` "
		"for each such program; others must not be able to read it. "
		"Required with socket."),
	{ "log", "level", CONFIG_TEXT, FORM_LEVEL, AT(log.level), 0, 0, "info",
		"error, warn, info or debug." },
	BOOL(log, pii, "false",
		"Write user ids and addresses in full instead of as salted "
		"hashes. For looking into one problem, not for always."),
	{ "", "state_dir", CONFIG_TEXT, FORM_PATH, AT(state_dir), 0, 0,
		"/var/lib/hearth",
		"Directory for what must survive a restart: sync position, "
		"device, transaction counter. Created if missing." },
};
/* clang-format on */

int config_schema_find(const char *section, const char *name)
{
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (strcmp(config_schema[i].section, section) == 0 &&
			strcmp(config_schema[i].name, name) == 0)
			return i;
	return -1;
}

bool config_schema_is_section(const char *name)
{
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (*name && strcmp(config_schema[i].section, name) == 0)
			return true;
	return false;
}

const char *config_key_text(const struct config_key *key, char ret[64])
{
	snprintf(ret, 64, "%s%s%s", key->section, *key->section ? "." : "",
		key->name);
	return ret;
}

static void help_range(const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_UINT:
	case CONFIG_U64:
		printf("  number %llu..%llu", (unsigned long long)key->min,
			(unsigned long long)key->max);
		break;
	case CONFIG_BOOL:
		printf("  true or false");
		break;
	case CONFIG_LIST_OF:
		printf("  list of at most %d %s", CONFIG_LIST,
			key->form == FORM_ADDRESS ? "IP addresses"
			: key->form == FORM_URL   ? "URLs"
						  : "texts");
		break;
	case CONFIG_TEXT:
		printf("  %s", key->form == FORM_URL       ? "URL"
			       : key->form == FORM_ADDRESS ? "IP address"
			       : key->form == FORM_PATH    ? "path"
							   : "text");
		break;
	}
	printf(", default %s\n", *key->fallback ? key->fallback : "empty");
}

/* Breaks at 76 columns. */
static void help_text(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > 72) {
			putchar('\n');
			column = 0;
		}
		printf("%s%.*s", column ? " " : "    ", (int)len, text);
		column += len + 1;
		text += len + strspn(text + len, " ");
	}
	putchar('\n');
}

void config_help(void)
{
	char name[64];

	for (int i = 0; i < CONFIG_KEYS; i++) {
		printf("%s\n", config_key_text(&config_schema[i], name));
		help_range(&config_schema[i]);
		help_text(config_schema[i].help);
	}
}
