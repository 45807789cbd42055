// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry: the command-line tool, which does nothing but find its subcommand.
 */
#include <errno.h>
#include <ferry/ferry.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const char usage[] =
	"Usage: ferry COMMAND [OPTION]...\n"
	"\n"
	"Commands:\n"
	"  send    send a file, or standard input, to a peer\n"
	"  recv    wait for a peer and write what it sends to a file\n"
	"  cat     a connection from standard input and to standard output\n"
	"  ss      show sockets and their inside\n"
	"  perf    measure throughput, round trips and connections\n"
	"  stat    show counters and their change\n"
	"  doctor  say why Ferry does not work here\n"
	"  bridge  let Ferry sockets talk to TCP through a device\n"
	"\n"
	"  --version   print the version\n"
	"  --help      print this; after a command, its options\n";

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "send", send_main },
	{ "recv", recv_main },
	{ "cat", cat_main },
	{ "ss", ss_main },
	{ "perf", perf_main },
	{ "stat", stat_main },
	{ "doctor", doctor_main },
	{ "bridge", bridge_main },
};

int complain(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	fprintf(stderr, "ferry: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (err == EPROTONOSUPPORT)
		fprintf(stderr,
			": this kernel has no Ferry; is the module loaded?\n");
	else
		fprintf(stderr, ": %s\n", strerror(err));
	return 1;
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc < 2) {
		fputs(usage, stderr);
		return 2;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return fputs(usage, stdout) < 0;
	if (!strcmp(argv[1], "--version"))
		return printf("ferry %s\n", ferry_version()) < 0;
	fprintf(stderr, "ferry: unknown command '%s'\n\n%s", argv[1], usage);
	return 2;
}
