/*
 * What the bot remembers over a restart, in <state_dir>/matrix.json: whose
 * session it is, its device and token, and the position in the sync stream.
 * Written to a temporary file and renamed, mode 0600.
 */
#ifndef HEARTH_MATRIX_BOT_STORE_H
#define HEARTH_MATRIX_BOT_STORE_H

struct store {
	char *path;              /* NULL: nothing is kept */
	char *homeserver, *user; /* configured: of another account, forgotten */
	char *device_id, *token, *next_batch; /* or NULL */
};

/* Reads the state of this account; a file that is missing, damaged or of
 * another account is an empty state. state_dir is made if need be; NULL or "":
 * nothing is kept. 0, -errno (directory cannot be made), -ENOMEM. store_done
 * frees. */
int store_init(struct store *s, const char *state_dir, const char *homeserver,
	const char *user);
void store_done(struct store *s);

/* Replace a member in memory; value NULL forgets it. 0 or -ENOMEM. */
int store_set_session(
	struct store *s, const char *device_id, const char *token);
int store_set_next_batch(struct store *s, const char *next_batch);
/* 0 or -errno. */
int store_write(const struct store *s);

#endif
