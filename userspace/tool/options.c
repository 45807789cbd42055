// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The options that the subcommands share.
 */
#include <ferry/ferry.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tool.h"

const char *protocol_name(int protocol)
{
	return protocol == FERRY_PROTOCOL_TCP ? "tcp" : "ferry";
}

static void fail(const char *usage, const char *message, const char *what)
{
	fprintf(stderr, "ferry: %s '%s'\n\n%s", message, what, usage);
	exit(2);
}

int protocol_number(const char *s)
{
	if (!strcmp(s, "ferry") || !strcmp(s, "253"))
		return FERRY_PROTOCOL_FERRY;
	if (!strcmp(s, "tcp"))
		return FERRY_PROTOCOL_TCP;
	if (!strcmp(s, "254"))
		return 254;
	return -1;
}

void options_read(struct options *o, int argc, char **argv, int min, int max,
		  const char *usage)
{
	static const struct option list[] = {
		{ "protocol", required_argument, NULL, 'p' },
		{ "timeout", required_argument, NULL, 't' },
		{ "bind", required_argument, NULL, 'b' },
		{ "congestion", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "listen", no_argument, NULL, 'l' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "redraw", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	char *end;
	double seconds;
	int c;

	*o = (struct options){
		.protocol = FERRY_PROTOCOL_FERRY,
		.progress = true,
		.timeout_ms = -1,
	};
	while ((c = getopt_long(argc, argv, "p:t:b:c:ljqrh", list, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->protocol = protocol_number(optarg);
			if (o->protocol < 0)
				fail(usage, "unknown protocol", optarg);
			break;
		case 't':
			seconds = strtod(optarg, &end);
			if (end == optarg || *end ||
			    !(seconds >= 0 && seconds < 1000000))
				fail(usage, "not a time in seconds", optarg);
			o->timeout_ms = seconds * 1000;
			break;
		case 'b':
			o->bind = optarg;
			break;
		case 'c':
			o->congestion = optarg;
			break;
		case 'l':
			o->listen = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'q':
			o->progress = false;
			break;
		case 'r':
			o->redraw = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fprintf(stderr, "\n%s", usage);
			exit(2);
		}
	}
	for (o->nargs = 0; optind < argc && o->nargs < max; optind++)
		o->args[o->nargs++] = argv[optind];
	if (optind < argc)
		fail(usage, "one argument too many:", argv[optind]);
	if (o->nargs < min) {
		fprintf(stderr, "ferry: an argument is missing\n\n%s", usage);
		exit(2);
	}
}

int options_congestion(const struct options *o, int fd)
{
	if (o->congestion &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, o->congestion,
		       strlen(o->congestion)))
		return complain("congestion control %s", o->congestion);
	return 0;
}
