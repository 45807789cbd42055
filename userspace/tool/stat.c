// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry stat: the counters of this network namespace, and how they change.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "tool.h"

#define PATH "/proc/net/ferry_stat"
#define COUNTERS_MAX 512

static const char usage[] =
	"Usage: ferry stat [OPTION]... [NAME]...\n"
	"\n"
	"Show Ferry's counters that are not 0, or those that contain a NAME.\n"
	"\n"
	"  -a, --all                also those that are 0\n"
	"  -i, --interval SECONDS   show what each has grown by, again and again\n"
	"  -c, --count N            that often; default: 1 without an interval, else\n"
	"                           until interrupted\n"
	"  -j, --json               an object with a number for each name, in a line\n"
	"  -h, --help               this\n";

struct counters {
	unsigned int n;
	struct counter {
		char name[32];
		unsigned long long value;
	} of[COUNTERS_MAX];
};

static int read_counters(struct counters *all)
{
	FILE *f = fopen(PATH, "re");
	struct counter *c = all->of;

	if (!f) {
		if (errno == ENOENT)
			errno = EPROTONOSUPPORT;
		return complain(PATH);
	}
	while (c < all->of + COUNTERS_MAX &&
	       fscanf(f, "%31s %llu", c->name, &c->value) == 2)
		c++;
	all->n = c - all->of;
	fclose(f);
	return 0;
}

static bool chosen(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcasestr(name, *names))
			return true;
	return false;
}

/* Counters only grow, and keep their places while the module is loaded. */
static void show(const struct counters *now, const struct counters *before,
		 char **names, bool zeros, bool json)
{
	unsigned int i;

	if (json)
		json_open(NULL, '{');
	for (i = 0; i < now->n; i++) {
		unsigned long long value = now->of[i].value;

		if (before && i < before->n)
			value -= before->of[i].value;
		if ((!value && !zeros) || !chosen(now->of[i].name, names))
			continue;
		if (json)
			json_number(now->of[i].name, value);
		else
			printf("%-28s %llu\n", now->of[i].name, value);
	}
	if (json) {
		json_close('}');
		json_end();
	}
	fflush(stdout);
}

static bool read_real(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && *value > 0 && *value < 1e6;
}

int stat_main(int argc, char **argv)
{
	static const struct option list[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	static struct counters now, before;
	bool zeros = false, json = false;
	double interval = 0, count = 0;
	struct timespec pause;
	int c;

	while ((c = getopt_long(argc, argv, "ai:c:jh", list, NULL)) != -1) {
		switch (c) {
		case 'a':
			zeros = true;
			break;
		case 'i':
		case 'c':
			if (read_real(optarg, c == 'i' ? &interval : &count))
				break;
			fprintf(stderr, "ferry: not a number above 0: '%s'\n\n%s",
				optarg, usage);
			return 2;
		case 'j':
			json = true;
			break;
		case 'h':
			return fputs(usage, stdout) < 0;
		default:
			fprintf(stderr, "\n%s", usage);
			return 2;
		}
	}
	if (read_counters(&now))
		return 1;
	if (!interval) {
		show(&now, NULL, argv + optind, zeros, json);
		return 0;
	}
	pause.tv_sec = interval;
	pause.tv_nsec = (interval - pause.tv_sec) * 1e9;
	for (c = 0; !count || c < count; c++) {
		before = now;
		nanosleep(&pause, NULL);
		if (read_counters(&now))
			return 1;
		if (c && !json)
			putchar('\n');
		show(&now, &before, argv + optind, zeros, json);
	}
	return 0;
}
