// SPDX-License-Identifier: GPL-2.0-only
/*
 * What selftests/bench-wan runs in the guest: transfers over long, thin and bad
 * links, one line of results for each.
 *
 *	wan flow|fair SECONDS MEGABYTES BUFFERS CELLS
 *
 * "flow" is one connection at a time, of Ferry's and then of TCP's, which ends
 * after so many seconds, or megabytes if they come first; its cells, separated
 * by commas, are ALGORITHM/RTT/LINK.  "fair" is two at once over a link without
 * losses, for the whole time; its cells are ALGORITHM/RTT/PROTOCOL+PROTOCOL.
 *
 * The path is that of path.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib.h"
#include "path.h"

#define RATE_MBIT 100
#define CELLS_MAX 256

static struct path_limits limits;

/* Cut @list at each @delimiter into at most @most words. */
static int split(char *list, const char *delimiter, char **words, int most)
{
	char *save = NULL;
	char *word;
	int n = 0;

	for (word = strtok_r(list, delimiter, &save); word;
	     word = strtok_r(NULL, delimiter, &save)) {
		if (n == most)
			die("more than %d in a list", most);
		words[n++] = word;
	}
	return n;
}

static bool both_have(const char *algorithm, char * const *protocols)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (path_has(algorithm, path_proto(protocols[i])))
			continue;
		printf("missing %s %s\n", algorithm, protocols[i]);
		return false;
	}
	return true;
}

static void one_flow(int rtt, const char *link, const char *algorithm,
		     const char *protocol)
{
	struct path_flow f = {
		.proto = path_proto(protocol), .algorithm = algorithm,
	};
	double mbit;

	path_run(&f, 1, rtt, link, &limits, &mbit);
	printf("flow %d %s %s %s %.6f %u\n", rtt, link, algorithm, protocol,
	       mbit, f.retransmitted);
	fflush(stdout);
}

/* They start within one round trip, in an order that the seed decides. */
static void two_flows(int rtt, const char *algorithm, const char *first,
		      const char *second)
{
	struct path_flow f[2] = {
		{ .proto = path_proto(first), .algorithm = algorithm },
		{ .proto = path_proto(second), .algorithm = algorithm },
	};
	double mbit[2];
	__u16 random[2];
	int i;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		die("getrandom");
	for (i = 0; i < 2; i++)
		f[i].start_after = rtt / 1000.0 * random[i] / 65536;
	path_run(f, 2, rtt, "0", &limits, mbit);
	printf("fair %d %s %s+%s %.6f %.6f\n", rtt, algorithm, first, second,
	       mbit[0], mbit[1]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char *both[2] = { "ferry", "tcp" };
	char *cells[CELLS_MAX];
	/* The algorithm, the round trip, and the link or the pair. */
	char *cell[CELLS_MAX][3];
	int n_cells, c, p;
	bool fair;

	if (argc != 6)
		die("usage: see the top of wan.c");
	fair = !strcmp(argv[1], "fair");
	limits.seconds = atof(argv[2]);
	limits.bytes = fair ? ~0ULL : strtoull(argv[3], NULL, 0) << 20;
	limits.buffers = atoi(argv[4]);
	n_cells = split(argv[5], ",", cells, CELLS_MAX);
	for (c = 0; c < n_cells; c++) {
		if (split(cells[c], "/", cell[c], 3) != 3)
			die("a cell is ALGORITHM/RTT/LINK or ALGORITHM/RTT/PAIR");
		if (!fair && !path_knows(cell[c][2]))
			die("no kind of link is called '%s'", cell[c][2]);
	}
	path_make(RATE_MBIT);
	path_allow_ferry_buffers();
	for (c = 0; c < n_cells; c++) {
		const char *algorithm = cell[c][0];
		int rtt = atoi(cell[c][1]);

		if (fair && split(cell[c][2], "+", both, 2) != 2)
			die("a pair is PROTOCOL+PROTOCOL");
		if (!both_have(algorithm, both))
			continue;
		if (fair) {
			two_flows(rtt, algorithm, both[0], both[1]);
			continue;
		}
		/* Both meet the same losses. */
		if (getrandom(&limits.dice, sizeof(limits.dice), 0) !=
		    sizeof(limits.dice))
			die("getrandom");
		for (p = 0; p < 2; p++)
			one_flow(rtt, cell[c][2], algorithm, both[p]);
	}
	return 0;
}
