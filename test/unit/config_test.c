/*
 * config_test.c
 *	  Which configurations can be built: every limit from both sides, and what
 *	  goes with what.
 */
#include "nn/config.h"

#include "tap.h"

static const Config good = {.items = 10, .item_dim = 4, .features = 1, .feature_values = {3},
	.feature_dim = 2, .units = 5, .layers = 1, .max_length = 6, .tied = true
};

/* Whether it can be built. */
static bool
builds(Config config)
{
	return config_problem(&config) == NULL;
}

/* A field may be from low to high, and neither less nor more. */
#define CHECK_LIMITS(field, low, high) \
	do { \
		Config		c = good; \
		bool		right = true; \
		c.field = (low), right = right && builds(c); \
		c.field = (high), right = right && builds(c); \
		c.field = (low) - 1, right = right && !builds(c); \
		c.field = (high) + 1, right = right && !builds(c); \
		ok(right, "%s: %d to %d", #field, (int) (low), (int) (high)); \
	} while (0)

int
main(void)
{
	Config		c;

	ok(builds(good), "an ordinary one");
	CHECK_LIMITS(items, 1, CONFIG_MAX_VALUES);
	CHECK_LIMITS(item_dim, 1, CONFIG_MAX_DIM);
	CHECK_LIMITS(features, 0, 1);
	CHECK_LIMITS(feature_values[0], 1, CONFIG_MAX_VALUES);
	CHECK_LIMITS(feature_dim, 1, CONFIG_MAX_DIM);
	CHECK_LIMITS(units, 1, CONFIG_MAX_UNITS);
	CHECK_LIMITS(layers, 1, CONFIG_MAX_LAYERS);
	CHECK_LIMITS(max_length, 1, CONFIG_MAX_LENGTH);
	CHECK_LIMITS(scale, 0, (int) CONFIG_MAX_SCALE);
	c = good, c.features = CONFIG_MAX_FEATURES + 1;
	ok(!builds(c), "too many features");
	c = good, c.dropout = 1;
	ok(!builds(c), "dropout of everything");
	c = good, c.dropout = NAN;
	ok(!builds(c), "dropout that is no number");
	c = good, c.embedding_dropout = -0.1f;
	ok(!builds(c), "dropout of less than nothing of the embeddings");
	c = good, c.embedding_dropout = NAN;
	ok(!builds(c), "dropout of embeddings that is no number");
	c = good, c.scale = NAN;
	ok(!builds(c), "scale that is no number");
	c = good, c.tied = false, c.scale = 10;
	ok(!builds(c), "scale with weights of their own");
	c = good, c.tied = false, c.residual = true;
	ok(!builds(c), "residual with weights of their own");
	c = good, c.tied = false, c.copy = true;
	ok(!builds(c), "copying with weights of their own");
	return done_testing();
}
