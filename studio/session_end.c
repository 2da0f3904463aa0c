#include "studio/studio_impl.h"

#include <string.h>
#include <sys/wait.h>
#include "sfu/log.h"

enum { MINUTE_US = 60000000 };

void session_leave(struct session *n)
{
	if (!n->plug)
		return;
	sfu_leave(n->studio->sfu, n->plug->id);
	n->plug->session = NULL;
	n->plug = NULL;
}

/* The recording is whole: the recorder said so. */
static void end_well(struct session *n)
{
	struct studio *s = n->studio;
	int err = keep_refresh(s, n->entry, NULL);

	if (err) {
		/* Whole or not, it says nothing: finishing tells which. */
		log_error("manifest_unreadable", "id=%s error=%s", n->entry->id,
			log_value(strerror(-err)));
		n->entry->state = ENTRY_PARTIAL;
		jobs_add(s, n->entry, JOB_FINISH);
		return;
	}
	keep_settle(s, n->entry);
	s->counters.finished++;
	session_say(n, STUDIO_STOPPED, NULL);
	jobs_follow(s, n->entry);
}

/* The room has heard that it is started again. */
static void tell_of_no_other(struct session *n)
{
	static const char over[] =
		"The recorder could not be started again, and the recording is "
		"over; what was recorded is kept. Start it again if you like.";
	struct studio *s = n->studio;
	const struct entry *before = entries_find(&s->entries, n->continues);

	if (!before)
		return;
	s->counters.troubles++;
	news_add(s, before,
		&(struct story){ .type = STUDIO_TROUBLE, .text = over });
}

/* Nothing was recorded: no trace is left of it but the words why. */
static void end_unborn(struct session *n)
{
	struct studio *s = n->studio;

	session_say(n, STUDIO_FAILED,
		n->failure && *n->failure
			? n->failure
			: "The recorder ended before it could begin. Its "
			  "last words are in the log of hearth.");
	tell_of_no_other(n);
	shelf_bin(&s->shelf, n->entry->id);
	entries_remove(&s->entries, n->entry);
	n->entry = NULL;
}

/* Notes a death; true when there were too many within a minute. */
static bool too_many(struct session *n, uint64_t now_us)
{
	bool many = n->death_us[0] && now_us - n->death_us[0] < MINUTE_US;

	for (unsigned i = 0; i + 1 < DEATHS; i++)
		n->death_us[i] = n->death_us[i + 1];
	n->death_us[DEATHS - 1] = now_us;
	return many;
}

static bool start_again(struct session *old, const cJSON *about)
{
	struct studio *s = old->studio;
	char error[STUDIO_ERROR];
	struct session *n;
	cJSON *copy;
	int err;

	if (s->stopping || too_many(old, process_now_us()))
		return false;
	copy = cJSON_IsObject(about) ? cJSON_Duplicate(about, 1)
				     : cJSON_CreateObject();
	cJSON_DeleteItemFromObjectCaseSensitive(copy, "continues");
	if (!cJSON_AddStringToObject(copy, "continues", old->entry->id)) {
		cJSON_Delete(copy);
		return false;
	}
	err = session_new(&n, s, old->entry->conference, old->entry->room, copy,
		old->death_us, error);
	cJSON_Delete(copy);
	if (err)
		return false;
	memcpy(n->continues, old->entry->id, sizeof(n->continues));
	return true;
}

static void end_badly(struct session *n)
{
	static const char again[] =
		"The recorder ended unexpectedly and is started again: some "
		"seconds are missing, what was recorded is kept.";
	static const char enough[] =
		"The recorder ended unexpectedly and the recording is over; "
		"what was recorded is kept. Start it again if you like.";
	struct studio *s = n->studio;
	cJSON *manifest = NULL;
	bool replaced = false;

	keep_refresh(s, n->entry, &manifest);
	if (!n->stopping)
		replaced = start_again(
			n, cJSON_GetObjectItemCaseSensitive(manifest, "about"));
	cJSON_Delete(manifest);
	if (!n->stopping) {
		s->counters.troubles++;
		session_say(n, STUDIO_TROUBLE, replaced ? again : enough);
	}
	keep_settle(s, n->entry);
	jobs_add(s, n->entry, JOB_FINISH);
}

void session_on_end(void *arg, int status)
{
	struct session *n = arg;
	bool well = n->stopped && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	n->process = NULL;
	n->entry->recording = false;
	log_info("recorder_ended", "id=%s well=%d signal=%d exit=%d",
		n->entry->id, well, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		WIFEXITED(status) ? WEXITSTATUS(status) : 0);
	session_leave(n);
	if (!well)
		n->studio->counters.deaths++;
	if (well)
		end_well(n);
	else if (!n->started)
		end_unborn(n);
	else
		end_badly(n);
	session_free(n);
}
