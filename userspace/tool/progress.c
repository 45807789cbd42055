// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How far a transfer has come, for a person to watch.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define WIDTH 30
#define REDRAW_NS 100000000ULL

__u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static double mbit_per_s(const struct progress *p, __u64 done)
{
	__u64 ns = now_ns() - p->start_ns;

	return ns ? done * 8000.0 / ns : 0;
}

static void draw(const struct progress *p, __u64 done)
{
	double part = p->total ? (double)done / p->total : 0;
	char bar[WIDTH + 1];
	int i;

	if (p->total) {
		for (i = 0; i < WIDTH; i++)
			bar[i] = i < part * WIDTH ? '#' : '.';
		bar[WIDTH] = 0;
		fprintf(stderr, "%s%-6s [%s] %3.0f%%",
			p->terminal ? "\r" : "", p->what, bar, part * 100);
	} else {
		fprintf(stderr, "%s%-6s %12llu bytes", p->terminal ? "\r" : "",
			p->what, (unsigned long long)done);
	}
	fprintf(stderr, " %8.2f Mbit/s%s", mbit_per_s(p, done),
		p->terminal ? "  " : "\n");
}

void progress_start(struct progress *p, const struct options *o, __u64 total)
{
	*p = (struct progress){
		.what = protocol_name(o->protocol),
		.total = total,
		.start_ns = now_ns(),
		.on = o->progress,
		.terminal = o->redraw || isatty(STDERR_FILENO),
	};
}

void progress_show(struct progress *p, __u64 done)
{
	int tenth;

	if (!p->on)
		return;
	if (p->terminal) {
		__u64 now = now_ns();

		if (now - p->drawn_ns < REDRAW_NS)
			return;
		p->drawn_ns = now;
		draw(p, done);
	} else if (p->total) {
		/* The last tenth is for progress_end(). */
		tenth = done * 10 / p->total;
		if (tenth <= p->tenth || tenth == 10)
			return;
		p->tenth = tenth;
		draw(p, done);
	}
}

void progress_end(struct progress *p, __u64 done)
{
	if (!p->on)
		return;
	draw(p, done);
	if (p->terminal)
		fputc('\n', stderr);
}
