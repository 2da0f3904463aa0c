/*
 * What the tests of layers within streams share: one publisher, id 1, and its
 * receivers, some behind paths of their own.
 */
#ifndef HEARTH_TESTS_SIM_SVC_STAGE_H
#define HEARTH_TESTS_SIM_SVC_STAGE_H

#include "sfu/conference_private.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

enum { VIEWERS = 4 };

extern struct svc_stage {
	struct sim sim;
	struct sim_seat *source, *viewer[VIEWERS];
	struct link path[VIEWERS];
	bool has_path[VIEWERS];
} st;

/* cmocka's; begin and end for more than one world in a test. */
int svc_setup(void **state);
int svc_teardown(void **state);
void svc_begin(uint64_t seed);
void svc_end(void);

struct client_config svc_usual(uint32_t id);
unsigned svc_top_of(enum client_svc svc); /* its best spatial layer */
/* Of three spatial layers: 150 kbit/s, 550 and 2,200, with all headers; of one:
 * 150 kbit/s in T0, 300 in T1, 600. */
void svc_publish(enum client_svc svc);
void svc_join(unsigned i, bool undescribed);
struct link_config svc_path_of(uint64_t kbps);
void svc_join_by(unsigned i, uint64_t kbps); /* behind such a path */
/* There and back, twice: behind the narrow path and a wide one this spatial
 * layer each is shown, behind the narrow one half of the pictures. Returns the
 * key frames that were made after each settled and before the end of the wide
 * one. */
uint64_t svc_to_and_fro(uint64_t narrow_kbps, unsigned narrow_spatial);

struct client_stream *svc_video(unsigned i); /* fails the test: none */
void svc_view(unsigned i, unsigned lines, bool visible);
/* What it was shown since `from`. */
struct client_svc_judge svc_since(
	unsigned i, const struct client_svc_judge *from);
void svc_tell(const char *what, const struct client_svc_judge *j);
/* It is shown so many pictures a second, all with that layer on top. */
void assert_shown(unsigned i, unsigned seconds, unsigned spatial, unsigned fps);
void assert_faultless(unsigned i);

#endif
