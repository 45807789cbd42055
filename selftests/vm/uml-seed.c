// SPDX-License-Identifier: GPL-2.0-only
/*
 * User-mode Linux seeds its random number generator with the host's
 * getrandom(). Preloaded, this one answers from $FERRY_SEED instead, so that
 * a reproducible run depends on nothing but its seed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

/* splitmix64: small, and every seed gives an unrelated sequence. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

ssize_t getrandom(void *buf, size_t len, unsigned int flags)
{
	static uint64_t state;
	static int seeded;
	unsigned char *p = buf;
	size_t i;

	(void)flags;
	if (!seeded) {
		const char *seed = getenv("FERRY_SEED");

		state = seed ? strtoull(seed, NULL, 0) : 0;
		seeded = 1;
	}
	for (i = 0; i < len; i++)
		p[i] = next(&state);
	return len;
}
