#include "rtp/packet.h"

#include <errno.h>
#include <string.h>

#include "rtp/bytes.h"

enum {
	ONE_BYTE_PROFILE = 0xbede,
	TWO_BYTE_PROFILE = 0x1000, /* its low four bits are "appbits" */
	EXT_ROOM = RTP_HEADER_MAX - RTP_HEADER_LEN - 4,
};

static void note_ext(
	struct rtp_packet *p, uint8_t id, const uint8_t *data, uint8_t len)
{
	if (p->n_ext == RTP_EXT_MAX)
		return;
	p->ext[p->n_ext].id = id;
	p->ext[p->n_ext].len = len;
	p->ext[p->n_ext].data = data;
	p->n_ext++;
}

static int parse_one_byte(
	struct rtp_packet *p, const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		uint8_t id = *at >> 4;
		uint8_t len = (uint8_t)((*at & 15) + 1);

		if (*at == 0) {
			at++;
			continue;
		}
		/* RFC 8285 4.2: 15 stops, and so does 0 with a length. */
		if (id == 15 || id == 0)
			return 0;
		at++;
		if (end - at < len)
			return -EBADMSG;
		note_ext(p, id, at, len);
		at += len;
	}
	return 0;
}

static int parse_two_byte(
	struct rtp_packet *p, const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		uint8_t id = *at++;
		uint8_t len;

		if (id == 0)
			continue;
		if (at == end)
			return -EBADMSG;
		len = *at++;
		if (end - at < len)
			return -EBADMSG;
		note_ext(p, id, at, len);
		at += len;
	}
	return 0;
}

/* Returns the length of the extension with its four bytes, or an error. */
static int parse_ext(struct rtp_packet *p, const uint8_t *at, size_t room)
{
	uint16_t profile;
	size_t len;
	int err = 0;

	if (room < 4)
		return -EBADMSG;
	profile = get_u16(at);
	len = (size_t)get_u16(at + 2) * 4;
	if (room - 4 < len)
		return -EBADMSG;
	if (profile == ONE_BYTE_PROFILE)
		err = parse_one_byte(p, at + 4, at + 4 + len);
	else if ((profile & 0xfff0) == TWO_BYTE_PROFILE)
		err = parse_two_byte(p, at + 4, at + 4 + len);
	return err ? err : (int)(len + 4);
}

static int parse_padding(
	struct rtp_packet *p, const uint8_t *buf, size_t len, size_t header)
{
	uint8_t n;

	if (len == header)
		return -EBADMSG;
	n = buf[len - 1];
	if (n == 0 || n > len - header)
		return -EBADMSG;
	p->padding = n;
	return 0;
}

int rtp_parse(struct rtp_packet *ret, uint8_t *buf, size_t len)
{
	struct rtp_packet p;
	size_t header;
	int n;

	if (len < RTP_HEADER_LEN || len > RTP_PACKET_MAX || buf[0] >> 6 != 2)
		return -EBADMSG;
	p.n_ext = 0;
	p.padding = 0;
	header = RTP_HEADER_LEN + (size_t)(buf[0] & 15) * 4;
	if (header > len)
		return -EBADMSG;
	if (buf[0] & 0x10) {
		n = parse_ext(&p, buf + header, len - header);
		if (n < 0)
			return n;
		header += (size_t)n;
	}
	if (buf[0] & 0x20 && parse_padding(&p, buf, len, header) < 0)
		return -EBADMSG;

	ret->buf = buf;
	ret->len = len;
	ret->marker = buf[1] >> 7;
	ret->pt = buf[1] & 0x7f;
	ret->seq = get_u16(buf + 2);
	ret->ts = get_u32(buf + 4);
	ret->ssrc = get_u32(buf + 8);
	ret->padding = p.padding;
	ret->n_ext = p.n_ext;
	memcpy(ret->ext, p.ext, p.n_ext * sizeof(p.ext[0]));
	ret->payload = buf + header;
	ret->payload_len = len - header - p.padding;
	return 0;
}

const struct rtp_ext *rtp_ext_find(const struct rtp_packet *p, uint8_t id)
{
	if (id == 0)
		return NULL;
	for (unsigned i = 0; i < p->n_ext; i++)
		if (p->ext[i].id == id)
			return &p->ext[i];
	return NULL;
}

static bool fits_one_byte(const struct rtp_header *h, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct rtp_ext *e = &h->ext[i];

		if (e->id > 14 || e->len < 1 || e->len > 16)
			return false;
	}
	return true;
}

/* Returns how many bytes were written behind the four of the extension. */
static size_t write_elements(
	uint8_t *ret, const struct rtp_header *h, unsigned n, bool one_byte)
{
	size_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct rtp_ext *e = &h->ext[i];
		size_t head = one_byte ? 1 : 2;

		if (e->id == 0 || at + head + e->len > EXT_ROOM)
			continue;
		if (one_byte) {
			ret[at] = (uint8_t)(e->id << 4 | (e->len - 1));
		} else {
			ret[at] = e->id;
			ret[at + 1] = e->len;
		}
		at += head;
		if (e->len)
			memcpy(ret + at, e->data, e->len);
		at += e->len;
	}
	while (at % 4)
		ret[at++] = 0;
	return at;
}

size_t rtp_write_header(uint8_t *ret, const struct rtp_header *h)
{
	unsigned n = h->n_ext < RTP_EXT_MAX ? h->n_ext : RTP_EXT_MAX;
	bool one_byte = fits_one_byte(h, n);
	size_t len;

	ret[0] = 0x80;
	ret[1] = (uint8_t)((h->marker ? 0x80 : 0) | (h->pt & 0x7f));
	put_u16(ret + 2, h->seq);
	put_u32(ret + 4, h->ts);
	put_u32(ret + 8, h->ssrc);
	if (n == 0)
		return RTP_HEADER_LEN;
	len = write_elements(ret + RTP_HEADER_LEN + 4, h, n, one_byte);
	if (len == 0)
		return RTP_HEADER_LEN;
	ret[0] |= 0x10;
	put_u16(ret + 12, one_byte ? ONE_BYTE_PROFILE : TWO_BYTE_PROFILE);
	put_u16(ret + 14, (uint16_t)(len / 4));
	return RTP_HEADER_LEN + 4 + len;
}

int rtp_audio_level(const struct rtp_ext *ext, bool *ret_voice)
{
	if (!ext || ext->len == 0)
		return -1;
	if (ret_voice)
		*ret_voice = ext->data[0] >> 7;
	return ext->data[0] & 0x7f;
}

enum rtp_kind rtp_classify(const uint8_t *buf, size_t len)
{
	if (len == 0)
		return RTP_KIND_UNKNOWN;
	if (buf[0] <= 3)
		return RTP_KIND_STUN;
	if (buf[0] >= 20 && buf[0] <= 63)
		return RTP_KIND_DTLS;
	if (buf[0] < 128 || buf[0] > 191 || len < 2)
		return RTP_KIND_UNKNOWN;
	/* RFC 5761 4: payload types 64..95 do not exist where RTCP is muxed. */
	if (buf[1] >= 192 && buf[1] <= 223)
		return RTP_KIND_RTCP;
	return RTP_KIND_RTP;
}
