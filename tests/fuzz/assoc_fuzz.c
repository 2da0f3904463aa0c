/*
 * Packets into channels that are up, with the right ports, tag and checksum:
 * what a participant with bad intent can send. Input: (length, bytes) of the
 * chunks of one packet each.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "dtls/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
	struct assoc_out out; /* first */
	struct channels *c;
	uint8_t packet[16][2048];
	size_t len[16];
	unsigned n;
	uint32_t tag; /* the peer's, in what this end sends */
};

static struct end end[2];

static uint32_t crc_of(const uint8_t *buf, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= buf[i];
		for (unsigned k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

static void on_send(struct assoc_out *out, const uint8_t *buf, size_t len)
{
	struct end *e = (struct end *)out;

	memcpy(&e->tag, buf + 4, 4);
	if (e->n == 16 || len > sizeof(e->packet[0]))
		return;
	memcpy(e->packet[e->n], buf, len);
	e->len[e->n++] = len;
}

static void drain(struct channels *c)
{
	static const uint8_t answer[3] = "ok";
	struct channel_event ev;

	while (channels_next(c, &ev))
		if (ev.type == CHANNEL_EV_MESSAGE && ev.len > 0 &&
			ev.data[0] == 'c')
			channels_close(c, ev.channel);
		else if (ev.type != CHANNEL_EV_DOWN)
			channels_send(c, ev.channel, true, answer, 3);
}

static void exchange(void)
{
	for (unsigned turn = 0; turn < 8; turn++)
		for (unsigned i = 0; i < 2; i++) {
			for (unsigned k = 0; k < end[i].n; k++)
				channels_input(end[1 - i].c, end[i].packet[k],
					end[i].len[k]);
			end[i].n = 0;
			drain(end[1 - i].c);
		}
}

static void inject(const uint8_t *chunks, size_t len)
{
	uint8_t packet[2048] = { 0x13, 0x88, 0x13, 0x88 };
	uint32_t crc;

	memcpy(packet + 4, &end[0].tag, 4);
	memcpy(packet + 12, chunks, len);
	if (len > 0 && chunks[0] == 1)
		memset(packet + 4, 0, 4); /* an INIT has tag 0 */
	crc = crc_of(packet, len + 12);
	memcpy(packet + 8, &crc, 4);
	channels_input(end[1].c, packet, len + 12);
	drain(end[1].c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct assoc_reliability how = { .kind = ASSOC_RELIABLE };
	static uint64_t now_us;

	for (unsigned i = 0; i < 2; i++) {
		end[i].out.send = on_send;
		end[i].n = 0;
		if (channels_new(&end[i].c, &end[i].out, i == 0, 5000, 5000,
			    65536) != 0)
			abort();
	}
	exchange();
	channels_open(end[0].c, "a", "", &how);
	channels_open(end[1].c, "b", "", &how);
	exchange();
	while (size >= 2) {
		size_t n = (size_t)(data[0] & 7) << 8 | data[1];

		if (data[0] & 8)
			assoc_global_tick(now_us += 100000);
		data += 2;
		size -= 2;
		n = n < size ? n : size;
		inject(data, n < 2036 ? n : 2036);
		data += n;
		size -= n;
	}
	exchange();
	for (unsigned i = 0; i < 2; i++)
		end[i].c = channels_free(end[i].c);
	/* usrsctp's timers let go of what they still hold. */
	assoc_global_tick(now_us += 60000000);
	return 0;
}
