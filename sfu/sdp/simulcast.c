/* a=simulcast (RFC 8853) and the a=rid it names (RFC 8851). */
#include <string.h>

#include "sfu/sdp/negotiation.h"

/* The list behind "send" in "send q;h;f recv x", or NULL. */
static const char *send_list(const char *value)
{
	value += strspn(value, " \t");
	while (*value) {
		size_t len = strcspn(value, " \t");
		bool send = len == 4 && strncmp(value, "send", 4) == 0;

		value += len;
		value += strspn(value, " \t");
		if (send)
			return value;
		value += strcspn(value, " \t");
		value += strspn(value, " \t");
	}
	return NULL;
}

/* rid-id of RFC 8851 section 10: letters, digits, "-" and "_". */
static bool id_is_valid(const char *id, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_";

	return len > 0 && len <= NEGOTIATE_RID_MAX &&
	       strspn(id, allowed) >= len;
}

static bool id_is(const char *known, const char *id, size_t len)
{
	return strlen(known) == len && strncmp(known, id, len) == 0;
}

static bool rid_is_sent(const struct sdp_media *m, const char *id, size_t len)
{
	for (unsigned i = 0; i < m->n_rids; i++)
		if (m->rid[i].send && id_is(m->rid[i].id, id, len))
			return true;
	return false;
}

static void rid_add(struct transceiver *t, const struct sdp_media *m,
	const char *id, size_t len)
{
	if (t->n_recv_rids == NEGOTIATE_RIDS || !id_is_valid(id, len) ||
		!rid_is_sent(m, id, len))
		return;
	for (unsigned i = 0; i < t->n_recv_rids; i++)
		if (id_is(t->recv_rid[i], id, len))
			return;
	memcpy(t->recv_rid[t->n_recv_rids], id, len);
	t->recv_rid[t->n_recv_rids++][len] = '\0';
}

void simulcast_read(
	struct transceiver *t, const struct sdp_media *m, bool agreed)
{
	const char *p;

	t->n_recv_rids = 0;
	if (!agreed || !m->simulcast)
		return;
	p = send_list(m->simulcast);
	/* Layers are parted by ";". Of alternatives, parted by ",", the first
	 * is liked best; "~" says that a layer is paused for now. */
	while (p && *p && !strchr(" \t", *p)) {
		size_t len = strcspn(p, "; \t");
		const char *id = p + (*p == '~');
		size_t first = strcspn(id, ",; \t");

		rid_add(t, m, id, first);
		p += len;
		p += *p == ';';
	}
}
