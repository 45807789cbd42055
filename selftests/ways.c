// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who speaks to whom; ways.h says what for.
 */
#include <stdio.h>
#include <unistd.h>

#include "ways.h"

/*
 * To make a link takes seconds on the debug kernel, and a bridge one more.  So
 * there is one of each for a whole test: host 0 is Ferry's, whoever dials.
 */
static struct hosts hosts;
static bool linked, bridged, all_over_it;

static int server_of(enum ends ends)
{
	return ends != TCP_TO_FERRY;
}

int ways(void)
{
	static bool said;

	if (ferry() == IPPROTO_TCP)
		return 2;
	if (can_bridge())
		return WAYS;
	if (!said)
		fprintf(stderr,
			"# no ferry command here: not between Ferry and TCP\n");
	said = true;
	return 2;
}

enum ends ends_of(int way)
{
	static const enum ends ends[WAYS] = {
		TCP_TO_TCP, FERRY_TO_FERRY, FERRY_TO_TCP, TCP_TO_FERRY,
	};

	return ends[way];
}

void ways_over(const struct hosts *h)
{
	hosts = *h;
	linked = true;
	all_over_it = true;
}

static bool over_link(int way)
{
	return all_over_it || ends_differ(ends_of(way));
}

struct addr enter_server(enum family fam, int way)
{
	enum ends ends = ends_of(way);

	if (!over_link(way))
		return loopback(fam, 0);
	if (!linked)
		hosts_make(&hosts, 1500);
	linked = true;
	if (!bridged && ends_differ(ends)) {
		hosts_bridge(&hosts, 0);
		bridged = true;
	}
	hosts_enter(&hosts, server_of(ends));
	return host_addr(server_of(ends), fam, 0);
}

void enter_client(int way)
{
	if (over_link(way))
		hosts_enter(&hosts, !server_of(ends_of(way)));
}

void ways_pair(enum family fam, int way, int fd[2])
{
	struct addr at = enter_server(fam, way);
	int l = listen_at(&at, ends_proto(ends_of(way), 1), 1);

	enter_client(way);
	fd[0] = dial(&at, ends_proto(ends_of(way), 0));
	if (fd[0] < 0)
		die("%s: connect", ends_name(ends_of(way)));
	fd[1] = accept_one(l);
	close(l);
}

bool same_transcripts(const struct transcript *log)
{
	bool same = true;
	int i;

	for (i = 1; i < ways(); i++) {
		if (same_transcript(&log[0], &log[i]))
			continue;
		fprintf(stderr, "# that was %s\n", ends_name(ends_of(i)));
		same = false;
	}
	return same;
}
