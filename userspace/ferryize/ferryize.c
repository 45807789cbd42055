// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferryize: run a program over Ferry that was written for TCP.
 *
 * It puts a library in front of the program's C library (preload.c) and gets
 * out of the way.  Where that cannot work it says so, and the program runs over
 * TCP.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/elf.h>
#include <linux/ferry.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload.h"

static const char usage[] =
	"Usage: ferryize [OPTION]... COMMAND [ARGUMENT]...\n"
	"\n"
	"Run COMMAND, which was written for TCP, over Ferry.\n"
	"\n"
	"  -l, --listen-only      only sockets that listen\n"
	"  -c, --connect-only     only sockets that connect\n"
	"  -p, --port PORT[-PORT] only sockets that listen at, or connect to, these\n"
	"                         ports; may be repeated, or a list with commas\n"
	"  -v, --verbose          say what is changed\n"
	"  -V, --version          print the version\n"
	"  -h, --help             this\n";

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

/* The file that execvp() would take. */
static int open_command(const char *name)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];
	int fd, n;

	if (strchr(name, '/'))
		return open(name, O_RDONLY | O_CLOEXEC);
	while (path && *path) {
		n = strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/%s", n, path, name);
		fd = access(file, X_OK) ? -1 : open(file, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		path += n + (path[n] == ':');
	}
	return -1;
}

/* Why no library can be put in front of a program, or NULL. */
static const char *beyond_reach(const char *name)
{
	const char *why = NULL;
	struct stat st;
	struct elf64_hdr head;
	struct elf64_phdr part;
	int fd = open_command(name), i;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && st.st_mode & (S_ISUID | S_ISGID) && geteuid())
		why = "runs with rights of its own";
	if (!why && pread(fd, &head, sizeof(head), 0) == sizeof(head) &&
	    !memcmp(head.e_ident, ELFMAG, SELFMAG) &&
	    head.e_ident[EI_CLASS] == ELFCLASS64) {
		why = "is statically linked";
		for (i = 0; i < head.e_phnum; i++) {
			if (pread(fd, &part, sizeof(part), head.e_phoff +
				  i * sizeof(part)) == sizeof(part) &&
			    part.p_type == PT_INTERP)
				why = NULL;
		}
	}
	close(fd);
	return why;
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

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "listen-only", no_argument, NULL, 'l' },
		{ "connect-only", no_argument, NULL, 'c' },
		{ "port", required_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *role = NULL, *lib, *why;
	char ports[1024] = "";
	int c, verbose = 0;

	/* The command's options are its own. */
	while ((c = getopt_long(argc, argv, "+lcp:vVh", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
		case 'c':
			if (role) {
				fprintf(stderr,
					"ferryize: only one of --listen-only and --connect-only\n");
				return 2;
			}
			role = c == 'l' ? "listen" : "connect";
			break;
		case 'p':
			add_ports(ports, sizeof(ports), optarg);
			break;
		case 'v':
			verbose = 1;
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

	lib = library();
	why = beyond_reach(argv[optind]);
	if (!have_ferry()) {
		fprintf(stderr,
			"ferryize: this kernel has no Ferry (is the module loaded?): %s runs over TCP\n",
			argv[optind]);
	} else if (!lib) {
		fprintf(stderr, "ferryize: there is no %s: %s runs over TCP\n",
			FERRYIZE_LIBRARY, argv[optind]);
	} else {
		if (why)
			fprintf(stderr,
				"ferryize: %s %s: it runs over TCP; what it starts may not\n",
				argv[optind], why);
		prepend_preload(lib);
		if (verbose)
			setenv(ENV_VERBOSE, "1", 1);
		if (role)
			setenv(ENV_ROLE, role, 1);
		if (*ports)
			setenv(ENV_PORTS, ports, 1);
	}
	execvp(argv[optind], argv + optind);
	fprintf(stderr, "ferryize: %s: %s\n", argv[optind], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
