// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two connections with the same algorithm share a bottleneck for a minute: two
 * of Ferry's, or one of Ferry's beside one of TCP's.  Meant for a machine whose
 * time is virtual (selftests/vm/run --kernel uml --reproducible), where the
 * minute takes a moment, and the same seed gives the same numbers.
 *
 * selftests/bench-wan measures the same at 100 Mbit/s with more seeds.
 */
#include <sys/random.h>

#include "ktest.h"
#include "lib.h"
#include "path.h"

#define RATE_MBIT 20
#define RTT_MS 50
/* Jain's index: 1 if both get the same, 0.5 if one of them gets everything. */
#define FAIR 0.95

FIXTURE(fairness) {};

FIXTURE_VARIANT(fairness) {
	const char *algorithm;
	const char *beside;
};

FIXTURE_VARIANT_ADD(fairness, reno_beside_ferry) {
	.algorithm = "reno", .beside = "ferry",
};

FIXTURE_VARIANT_ADD(fairness, reno_beside_tcp) {
	.algorithm = "reno", .beside = "tcp",
};

FIXTURE_VARIANT_ADD(fairness, cubic_beside_ferry) {
	.algorithm = "cubic", .beside = "ferry",
};

FIXTURE_VARIANT_ADD(fairness, cubic_beside_tcp) {
	.algorithm = "cubic", .beside = "tcp",
};

FIXTURE_VARIANT_ADD(fairness, bbr_beside_ferry) {
	.algorithm = "bbr", .beside = "ferry",
};

FIXTURE_VARIANT_ADD(fairness, bbr_beside_tcp) {
	.algorithm = "bbr", .beside = "tcp",
};

FIXTURE_SETUP(fairness)
{
	path_make(RATE_MBIT);
	path_allow_ferry_buffers();
}

FIXTURE_TEARDOWN(fairness) {}

TEST_F(fairness, a_minute_is_shared)
{
	static const struct path_limits minute = {
		.seconds = 60, .bytes = ~0ULL,
	};
	struct path_flow f[2] = {
		{ .proto = ferry(), .algorithm = variant->algorithm },
		{ .proto = path_proto(variant->beside),
		  .algorithm = variant->algorithm },
	};
	double mbit[2], sum, jain;
	__u16 late;

	/* The second one begins within a round trip of the first. */
	if (getrandom(&late, sizeof(late), 0) != sizeof(late))
		die("getrandom");
	f[1].start_after = RTT_MS / 1000.0 * late / 65536;
	path_run(f, 2, RTT_MS, "0", &minute, mbit);
	sum = mbit[0] + mbit[1];
	jain = sum * sum / (2 * (mbit[0] * mbit[0] + mbit[1] * mbit[1]));
	EXPECT_GE(jain, FAIR) {
		TH_LOG("%.3f and %.3f Mbit/s, index %.3f", mbit[0], mbit[1],
		       jain);
	}
	/* And the link is used. */
	EXPECT_GE(sum, 0.9 * RATE_MBIT);
}

TEST_HARNESS_MAIN
