/* Manifests as record/README.md has them. */
#ifndef HEARTH_TESTS_MANIFESTS_H
#define HEARTH_TESTS_MANIFESTS_H

#define MANIFEST_HEAD(id, bytes_, files_)                                      \
	"{\"version\":1,\"id\":\"" id "\",\"state\":\"composed\",\"room\":"    \
	"\"!r:s\",\"about\":{\"started_by\":\"@a:s\"},\"started_ms\":"         \
	"1795000000000,\"ended_ms\":1795000720000,\"duration_ms\":720000,"     \
	"\"stopped_because\":\"command\",\"participants\":[{\"number\":1,"     \
	"\"label\":\"@a:s DEV\",\"user_id\":\"@a:s\",\"name\":\"Ann\"}],"      \
	"\"files\":[" files_ "]"
#define MANIFEST_TRACK                                                         \
	"{\"name\":\"p1-camera-1.webm\",\"bytes\":5,\"tracks\":[{\"kind\":"    \
	"\"audio\"},{\"kind\":\"video\"}]}"
#define MANIFEST(id, bytes_)                                                   \
	MANIFEST_HEAD(id, bytes_, MANIFEST_TRACK)                              \
	",\"composed\":{\"name\":\"composed.mp4\",\"mimetype\":\"video/mp4\"," \
	"\"bytes\":" bytes_ ",\"width\":1280,\"height\":720,\"duration_ms\":"  \
	"720000,\"thumbnail\":{\"name\":\"thumbnail.jpg\",\"width\":640,"      \
	"\"height\":360,\"bytes\":3}}}"
#define MANIFEST_BARE(id)  MANIFEST_HEAD(id, "0", MANIFEST_TRACK) "}"
#define MANIFEST_EMPTY(id) MANIFEST_HEAD(id, "0", "") "}"

#endif
