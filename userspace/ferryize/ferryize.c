// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferryize: run a program over Ferry that was written for TCP.
 *
 * It puts a library in front of the program's C library (preload.c), or, where
 * that cannot work, has BPF see to the sockets (keeper.c); and gets out of the
 * way.  Where neither can work it says so, and the program runs over TCP.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <linux/ferry.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "method.h"
#include "preload.h"

static const char usage[] =
	"Usage: ferryize [OPTION]... COMMAND [ARGUMENT]...\n"
	"\n"
	"Run COMMAND, which was written for TCP, over Ferry.\n"
	"\n"
	"  -l, --listen-only      only sockets that listen\n"
	"  -c, --connect-only     only sockets that connect\n"
	"  -m, --method METHOD    preload: a library that is loaded before the\n"
	"                         program's own; bpf: in the kernel, for static\n"
	"                         programs, those in Go and all that is started;\n"
	"                         auto, the default: preload where it can work,\n"
	"                         or else bpf\n"
	"  -p, --port PORT[-PORT] only sockets that listen at, or connect to, these\n"
	"                         ports; may be repeated, or a list with commas\n"
	"  -v, --verbose          say what is changed\n"
	"  -V, --version          print the version\n"
	"  -h, --help             this\n";

const char *because(const char *fmt, ...)
{
	static char text[PATH_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

/* @text is a list of ports and ranges; add it to those in @list. */
static void add_ports(char *list, size_t size, const char *text)
{
	const char *at = text;
	size_t used = strlen(list);
	char *end;
	long first, last;

	for (;;) {
		first = strtol(at, &end, 10);
		last = first;
		if (end != at && *end == '-') {
			at = end + 1;
			last = strtol(at, &end, 10);
		}
		if (end == at || first < 1 || last < first || last > 65535 ||
		    (*end && *end != ',')) {
			fprintf(stderr, "ferryize: not a port: '%s'\n\n%s",
				text, usage);
			exit(2);
		}
		if (!*end)
			break;
		at = end + 1;
	}
	if (used + strlen(text) + 2 > size) {
		fprintf(stderr, "ferryize: too many ports\n");
		exit(2);
	}
	sprintf(list + used, "%s%s", used ? "," : "", text);
}

/*
 * Where the library is: where it was installed, or beside this program, as in
 * the tree it was built in.  NULL if in neither place.
 */
static const char *library(void)
{
	static char path[PATH_MAX + 32];
	char *slash;
	ssize_t n;

	n = readlink("/proc/self/exe", path, PATH_MAX);
	if (n > 0) {
		path[n] = 0;
		slash = strrchr(path, '/');
		strcpy(slash ? slash + 1 : path, "libferryize.so");
		if (!access(path, R_OK))
			return path;
	}
	return access(FERRYIZE_LIBRARY, R_OK) ? NULL : FERRYIZE_LIBRARY;
}

static int have_ferry(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_FERRY);

	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

static void prepend_preload(const char *lib)
{
	const char *others = getenv("LD_PRELOAD");
	char *all;

	if (!others || !*others) {
		setenv("LD_PRELOAD", lib, 1);
		return;
	}
	if (asprintf(&all, "%s:%s", lib, others) < 0) {
		perror("ferryize");
		exit(1);
	}
	setenv("LD_PRELOAD", all, 1);
	free(all);
}

enum method {
	AUTO,
	PRELOAD,
	BPF,
};

struct choice {
	enum method method;
	const char *role;
	char ports[1024];
	bool verbose;
};

static enum method method_called(const char *name)
{
	static const char *const names[] = {
		[AUTO] = "auto", [PRELOAD] = "preload", [BPF] = "bpf",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return i;
	fprintf(stderr, "ferryize: not a method: '%s'\n\n%s", name, usage);
	exit(2);
}

static bool narrow(const struct choice *c)
{
	return c->role || *c->ports;
}

static const char *try_bpf(const struct choice *c)
{
	if (narrow(c))
		return "it chooses when a socket is made, before port and role are known";
	return run_in_cgroup(c->verbose);
}

static void load_library(const struct choice *c, const char *lib)
{
	prepend_preload(lib);
	if (c->verbose) {
		setenv(ENV_VERBOSE, "1", 1);
		fprintf(stderr, "ferryize: method preload: %s\n", lib);
	}
	if (c->role)
		setenv(ENV_ROLE, c->role, 1);
	if (*c->ports)
		setenv(ENV_PORTS, c->ports, 1);
}

/* Do what can be done for @command; false if it must not run then. */
static bool prepare(const struct choice *c, const char *command)
{
	const char *lib = library(), *beyond = beyond_reach(command);
	const char *no_bpf = NULL;

	if (!have_ferry()) {
		fprintf(stderr,
			"ferryize: this kernel has no Ferry (is the module loaded?): %s runs over TCP\n",
			command);
		return true;
	}
	if (c->method == BPF || (c->method == AUTO && (beyond || !lib))) {
		no_bpf = try_bpf(c);
		if (!no_bpf)
			return true;
		if (c->method == BPF) {
			fprintf(stderr, "ferryize: no BPF: %s\n", no_bpf);
			return false;
		}
	}
	if (!lib) {
		fprintf(stderr, "ferryize: there is no %s: %s runs over TCP\n",
			FERRYIZE_LIBRARY, command);
		return true;
	}
	if (beyond)
		fprintf(stderr,
			"ferryize: %s %s%s%s: it runs over TCP; what it starts may not\n",
			command, beyond, no_bpf ? ", and no BPF: " : "",
			no_bpf ? no_bpf : "");
	load_library(c, lib);
	return true;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "listen-only", no_argument, NULL, 'l' },
		{ "connect-only", no_argument, NULL, 'c' },
		{ "method", required_argument, NULL, 'm' },
		{ "port", required_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct choice choice = { .method = AUTO };
	int c;

	/* The command's options are its own. */
	while ((c = getopt_long(argc, argv, "+lcm:p:vVh", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
		case 'c':
			if (choice.role) {
				fprintf(stderr,
					"ferryize: only one of --listen-only and --connect-only\n");
				return 2;
			}
			choice.role = c == 'l' ? "listen" : "connect";
			break;
		case 'm':
			choice.method = method_called(optarg);
			break;
		case 'p':
			add_ports(choice.ports, sizeof(choice.ports), optarg);
			break;
		case 'v':
			choice.verbose = true;
			break;
		case 'V':
			return printf("ferryize %s\n", LIBFERRY_VERSION) < 0;
		case 'h':
			return fputs(usage, stdout) < 0;
		default:
			fprintf(stderr, "\n%s", usage);
			return 2;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "ferryize: which command?\n\n%s", usage);
		return 2;
	}
	if (choice.method == BPF && narrow(&choice)) {
		fprintf(stderr,
			"ferryize: --method=bpf takes every socket: not with --listen-only, --connect-only or --port\n");
		return 2;
	}
	if (!prepare(&choice, argv[optind]))
		return 126;
	execvp(argv[optind], argv + optind);
	fprintf(stderr, "ferryize: %s: %s\n", argv[optind], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
