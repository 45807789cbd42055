// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who speaks to whom; ways.h says what for.
 */
#include <stdio.h>
#include <unistd.h>

#include "ways.h"

int ways(void)
{
	return can_bridge() && ferry() != IPPROTO_TCP ? WAYS : 2;
}

enum ends ends_of(int way)
{
	static const enum ends ends[WAYS] = {
		TCP_TO_TCP, FERRY_TO_FERRY, FERRY_TO_TCP, TCP_TO_FERRY,
	};

	return ends[way];
}

struct addr enter_server(struct hosts *h, enum family fam, int way)
{
	if (!ends_differ(ends_of(way)))
		return loopback(fam, 0);
	hosts_make(h, 1500);
	hosts_bridge(h, ends_of(way) == TCP_TO_FERRY);
	hosts_enter(h, 1);
	return host_addr(1, fam, 0);
}

void enter_client(struct hosts *h, int way)
{
	if (ends_differ(ends_of(way)))
		hosts_enter(h, 0);
}

void ways_pair(enum family fam, int way, int fd[2])
{
	struct hosts h;
	struct addr at = enter_server(&h, fam, way);
	int l = listen_at(&at, ends_proto(ends_of(way), 1), 1);

	enter_client(&h, way);
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
