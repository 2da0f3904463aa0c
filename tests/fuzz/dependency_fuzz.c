/* A stream of dependency descriptors, each behind a byte of its length: one
 * state, as one incoming stream has it. Each is read as a video layers
 * allocation, too. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rtp/dependency.h"
#include "rtp/layer_rates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void one(struct dependency *d, const uint8_t *p, size_t len)
{
	struct layer_info i = { .start = false };
	uint8_t *copy = malloc(len ? len : 1), target;
	struct layer_rates rates;

	if (!copy)
		abort();
	memcpy(copy, p, len);
	if (dependency_read(d, copy, len, &i)) {
		assert(len >= 3 && i.dependency == d);
		assert(i.spatial < LAYER_SPATIAL_MAX);
		assert(i.temporal < LAYER_TEMPORAL_MAX);
	}
	assert(d->n_targets <= DEPENDENCY_TARGETS);
	assert(d->n_templates <= DEPENDENCY_TEMPLATES);
	target = dependency_target(d, 7, 7);
	if (target != DEPENDENCY_NONE) {
		assert(target < d->n_targets && d->active >> target & 1);
		assert(dependency_covers(d, target, target));
	}
	if (layer_rates_read(&rates, copy, len))
		assert(rates.n <= LAYER_RATES_MAX && rates.n_streams <= 4);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dependency d = { .generation = 0 };

	while (len > 1) {
		size_t n = data[0] < len - 1 ? data[0] : len - 1;

		one(&d, data + 1, n);
		data += n + 1;
		len -= n + 1;
	}
	return 0;
}
