// SPDX-License-Identifier: GPL-2.0-only
/*
 * What selftests/bench-wan runs in the guest: transfers over long, thin and bad
 * links, one line of results for each.
 *
 *	wan flow|fair SECONDS MEGABYTES BUFFERS RTTS LINKS ALGORITHMS PROTOCOLS
 *
 * "flow" is one connection at a time, which ends after so many seconds, or
 * megabytes if they come first; "fair" is two at once over a link without
 * losses, for the whole time.  The last four are lists, separated by commas.
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
#define LIST_MAX 16

static struct path_limits limits;

/* Cut a list at its commas. */
static int split(char *list, char **words)
{
	char *save = NULL;
	char *word;
	int n = 0;

	for (word = strtok_r(list, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		if (n == LIST_MAX)
			die("more than %d in a list", LIST_MAX);
		words[n++] = word;
	}
	return n;
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
	char *rtts[LIST_MAX], *links[LIST_MAX], *algorithms[LIST_MAX];
	char *protocols[LIST_MAX];
	int n_rtts, n_links, n_algorithms, n_protocols, r, l, a, p, q;
	bool fair;

	if (argc != 9)
		die("usage: see the top of wan.c");
	fair = !strcmp(argv[1], "fair");
	limits.seconds = atof(argv[2]);
	limits.bytes = fair ? ~0ULL : strtoull(argv[3], NULL, 0) << 20;
	limits.buffers = atoi(argv[4]);
	n_rtts = split(argv[5], rtts);
	n_links = split(argv[6], links);
	n_algorithms = split(argv[7], algorithms);
	n_protocols = split(argv[8], protocols);
	for (l = 0; l < n_links; l++)
		if (!path_knows(links[l]))
			die("no kind of link is called '%s'", links[l]);
	path_make(RATE_MBIT);
	path_allow_ferry_buffers();
	for (a = 0; a < n_algorithms; a++) {
		for (p = 0; p < n_protocols; p++) {
			if (path_has(algorithms[a],
				     path_proto(protocols[p])))
				continue;
			printf("missing %s %s\n", algorithms[a], protocols[p]);
			break;
		}
		if (p < n_protocols)
			continue;
		for (r = 0; r < n_rtts; r++) {
			for (p = 0; p < n_protocols; p++) {
				for (q = p; fair && q < n_protocols; q++)
					two_flows(atoi(rtts[r]), algorithms[a],
						  protocols[p], protocols[q]);
				for (l = 0; !fair && l < n_links; l++)
					one_flow(atoi(rtts[r]), links[l],
						 algorithms[a], protocols[p]);
			}
		}
	}
	return 0;
}
