#include "sfu/sdp/negotiation.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool word_in(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* RFC 8829 section 5.1.2: what is to be taken, whatever is meant by it. */
static bool protocol_is_ours(
	const struct negotiation *n, const struct sdp_media *m)
{
	static const char *const plain[] = { "RTP/AVPF", "RTP/AVP", NULL };
	static const char *const rtp[] = { "UDP/TLS/RTP/SAVPF",
		"UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP",
		"TCP/DTLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", NULL };
	static const char *const sctp[] = { "UDP/DTLS/SCTP", "DTLS/SCTP",
		"TCP/DTLS/SCTP", NULL };

	if (n->plain)
		return kind_is_rtp(m->kind) && word_in(m->protocol, plain);
	if (m->kind == SDP_APPLICATION)
		return word_in(m->protocol, sctp) && m->sctp_port != 0;
	return kind_is_rtp(m->kind) && word_in(m->protocol, rtp);
}

static bool bundle_has(const struct sdp *s, const char *mid)
{
	for (unsigned i = 0; i < s->n_bundle; i++)
		if (strcmp(s->bundle[i], mid) == 0)
			return true;
	return false;
}

static bool has_codec(const struct negotiation *n, const struct sdp_media *m)
{
	struct negotiate_codec c;

	for (unsigned i = 0; i < m->n_codecs; i++)
		if (codec_read(&c, &m->codec[i], m->kind, n->accepted))
			return true;
	return false;
}

static bool media_is_usable(const struct negotiation *n, const struct sdp *s,
	unsigned i, bool *muxless)
{
	const struct sdp_media *m = &s->media[i];

	if (m->port == 0 && !m->bundle_only)
		return false;
	if (i >= n->media_max || !protocol_is_ours(n, m))
		return false;
	if (n->plain)
		return has_codec(n, m);
	if (s->n_bundle && !bundle_has(s, m->mid))
		return false;
	if (m->kind == SDP_APPLICATION)
		return true;
	if (!has_codec(n, m))
		return false;
	*muxless |= !m->rtcp_mux;
	return m->rtcp_mux;
}

/* The first m-line of the group that lives (RFC 8843 section 7.3.1). */
static int master_of(const struct sdp *s, const struct verdict *v)
{
	for (unsigned b = 0; b < s->n_bundle; b++)
		for (unsigned i = 0; i < s->n_media; i++)
			if (v->accept[i] &&
				strcmp(s->media[i].mid, s->bundle[b]) == 0)
				return (int)i;
	for (unsigned i = 0; i < s->n_media; i++)
		if (v->accept[i])
			return (int)i;
	return -1;
}

void transport_judge(
	const struct negotiation *n, const struct sdp *s, struct verdict *ret)
{
	bool data = false, one = false;

	*ret = (struct verdict){ .master = -1 };
	for (unsigned i = 0; i < s->n_media; i++) {
		if (!media_is_usable(n, s, i, &ret->muxless))
			continue;
		/* Without a group each m-line is a transport of its own, and a
		 * peer has one here. */
		if (!s->n_bundle && one && !n->plain)
			continue;
		if (s->media[i].kind == SDP_APPLICATION && data)
			continue;
		data |= s->media[i].kind == SDP_APPLICATION;
		ret->accept[i] = one = true;
	}
	ret->master = master_of(s, ret);
}

static int refuse(char ret_error[SDP_ERROR_MAX], const char *sentence)
{
	snprintf(ret_error, SDP_ERROR_MAX, "%s", sentence);
	return -EINVAL;
}

/* RFC 8122 section 5: pairs of hex digits; how many, the hash says. */
static bool fingerprint_is_sound(const struct sdp_media *m)
{
	static const struct {
		const char *hash;
		size_t bytes;
	} strong[] = { { "sha-256", 32 }, { "sha-384", 48 },
		{ "sha-512", 64 } };
	const char *p = m->fingerprint;
	size_t bytes = 0;

	for (size_t i = 0; i < sizeof(strong) / sizeof(*strong); i++)
		if (strcasecmp(strong[i].hash, m->fingerprint_hash) == 0)
			bytes = strong[i].bytes;
	if (bytes == 0 || strlen(p) != bytes * 3 - 1)
		return false;
	for (size_t i = 0; p[i]; i++)
		if (i % 3 == 2 ? p[i] != ':' : !isxdigit((unsigned char)p[i]))
			return false;
	return true;
}

static bool ice_is_sound(const struct sdp_media *m)
{
	size_t ufrag = strlen(m->ufrag), pwd = strlen(m->pwd);

	/* RFC 8839 section 5.4 */
	return ufrag >= 4 && ufrag <= 256 && pwd >= 22 && pwd <= 256;
}

/* Who is who in DTLS (RFC 8842 section 5). An answer without a=setup means
 * passive (RFC 4145 section 4). */
static int role_choose(const struct negotiation *n, enum sdp_setup theirs,
	bool answer, bool new_dtls, enum sdp_setup *ret)
{
	enum sdp_setup role = theirs == SDP_ACTIVE ? SDP_PASSIVE : SDP_ACTIVE;

	if (answer && theirs == SDP_ACTPASS)
		return -EINVAL;
	if (n->role != SDP_SETUP_NONE && !new_dtls) {
		if ((theirs == SDP_ACTIVE || theirs == SDP_PASSIVE) &&
			role != n->role)
			return -EINVAL;
		role = n->role;
	}
	*ret = role;
	return 0;
}

static void data_read(const struct sdp *s, const struct verdict *v,
	struct negotiate_remote *ret)
{
	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];

		if (!v->accept[i])
			continue;
		ret->n_candidates += m->n_candidates;
		if (m->kind != SDP_APPLICATION)
			continue;
		ret->has_data = true;
		ret->sctp_port = m->sctp_port;
		/* Absent means 64K, and 0 no limit (RFC 8841 section 6). */
		ret->max_message_size =
			m->max_message_size_given ? m->max_message_size : 65536;
	}
}

/* Nothing lives. An answer that says so is still owed, and where the transport
 * stood already it goes on standing. */
static int transport_none(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, struct negotiate_remote *ret,
	enum sdp_setup *ret_role, char ret_error[SDP_ERROR_MAX])
{
	if (s->n_media == 0)
		return refuse(ret_error, "The SDP has no m-line.");
	if (v->muxless)
		return refuse(ret_error, "No m-line has a=rtcp-mux.");
	*ret = n->remote;
	ret->ice_restart = ret->fingerprint_changed = ret->has_data = false;
	ret->n_candidates = 0;
	*ret_role = n->role;
	return 0;
}

int transport_read(const struct negotiation *n, const struct sdp *s,
	const struct verdict *v, bool answer, struct negotiate_remote *ret,
	enum sdp_setup *ret_role, char ret_error[SDP_ERROR_MAX])
{
	struct negotiate_remote r = { 0 };
	const struct sdp_media *m;
	bool known = n->have_remote && n->remote.ufrag[0];

	if (v->master < 0 || n->plain)
		return transport_none(n, s, v, ret, ret_role, ret_error);
	m = &s->media[v->master];
	if (m->ice_lite)
		return refuse(ret_error,
			"The peer is ICE-lite, and so are we: nobody checks.");
	if (!ice_is_sound(m))
		return refuse(ret_error, "The ICE user name or password is "
					 "missing or malformed.");
	if (!fingerprint_is_sound(m))
		return refuse(ret_error, "There is no SHA-256 (or stronger) "
					 "certificate fingerprint.");
	snprintf(r.ufrag, sizeof(r.ufrag), "%s", m->ufrag);
	snprintf(r.pwd, sizeof(r.pwd), "%s", m->pwd);
	snprintf(r.fingerprint_hash, sizeof(r.fingerprint_hash), "%s",
		m->fingerprint_hash);
	snprintf(r.fingerprint, sizeof(r.fingerprint), "%s", m->fingerprint);
	r.setup = m->setup;
	r.ice_restart = known && (strcmp(r.ufrag, n->remote.ufrag) != 0 ||
					 strcmp(r.pwd, n->remote.pwd) != 0);
	r.fingerprint_changed =
		known &&
		(strcasecmp(r.fingerprint_hash, n->remote.fingerprint_hash) !=
				0 ||
			strcasecmp(r.fingerprint, n->remote.fingerprint) != 0);
	if (role_choose(n, m->setup, answer, r.fingerprint_changed, ret_role) <
		0)
		return refuse(
			ret_error, "a=setup does not fit the DTLS roles.");
	data_read(s, v, &r);
	*ret = r;
	return 0;
}
