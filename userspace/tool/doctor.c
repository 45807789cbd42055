// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry doctor: why Ferry does not work here, from the ground up: the module, a
 * connection within this host, the settings, and, if one is named, a peer.
 *
 * A check that fails says what to do about it.  What cannot work without it is
 * not looked at.
 */
#include <errno.h>
#include <ferry/ferry.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "json.h"
#include "sockdiag.h"
#include "tool.h"

#define TIMEOUT_MS 3000

static const char usage[] =
	"Usage: ferry doctor [OPTION]... [HOST PORT]\n"
	"\n"
	"Look whether Ferry works here, and with HOST, where nobody has to listen at\n"
	"PORT; say what is wrong. The status is 0 if nothing is.\n"
	"\n"
	"  -j, --json   an array of checks\n"
	"  -h, --help   this\n";

enum verdict {
	GOOD,
	NOTE,		/* works, but not as well as it could */
	BAD,
};

struct doctor {
	bool json;
	bool sick;
};

static void tell(struct doctor *d, enum verdict verdict, const char *what,
		 const char *fmt, ...)
{
	static const char *const words[] = { "ok", "note", "bad" };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (verdict == BAD)
		d->sick = true;
	if (d->json) {
		json_open(NULL, '{');
		json_text("check", what);
		json_text("verdict", words[verdict]);
		json_text("text", text);
		json_close('}');
	} else {
		printf("%-4s %-10s %s\n", words[verdict], what, text);
	}
}

/* Whether a line of a file has @word in it. */
static bool mentions(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char line[4096];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, word);
	if (f)
		fclose(f);
	return found;
}

/* There is no such protocol: how far has the module come? */
static void look_for_module(struct doctor *d)
{
	struct utsname name;
	char path[512];

	uname(&name);
	if (mentions("/proc/modules", "ferry ")) {
		tell(d, BAD, "module",
		     "it is loaded for another protocol number: see /sys/module/ferry/parameters/protocol");
		return;
	}
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep",
		 name.release);
	if (mentions(path, "/ferry.ko")) {
		tell(d, BAD, "module",
		     "it is installed, but does not load: 'modprobe ferry' and 'dmesg' say why");
		return;
	}
	snprintf(path, sizeof(path), "/lib/modules/%s/build/Makefile",
		 name.release);
	if (access(path, R_OK))
		tell(d, BAD, "headers",
		     "those of kernel %s are not there: install linux-headers-%s",
		     name.release, name.release);
	tell(d, BAD, "module",
	     "there is none for kernel %s: 'make install', or 'dkms install'",
	     name.release);
}

static bool check_socket(struct doctor *d)
{
	int fd = socket(AF_INET, SOCK_STREAM, FERRY_PROTOCOL_FERRY);

	if (fd < 0) {
		if (errno == EPROTONOSUPPORT)
			look_for_module(d);
		else
			tell(d, BAD, "socket", "%s", strerror(errno));
		return false;
	}
	close(fd);
	tell(d, GOOD, "module", "this kernel has Ferry");
	return true;
}

/* A connection within the host, on which a word goes and comes. */
static void check_loopback(struct doctor *d, const char *host)
{
	int l = ferry_listen(host, "0", 1);
	char port[16], word[5] = "ferry";
	int fd, peer;

	if (l < 0) {
		tell(d, errno == EADDRNOTAVAIL || errno == ENOENT ? NOTE : BAD,
		     host, "cannot listen: %s", strerror(errno));
		return;
	}
	snprintf(port, sizeof(port), "%d", ferry_local_port(l));
	fd = ferry_connect(host, port, TIMEOUT_MS);
	if (fd < 0) {
		if (errno == ETIMEDOUT)
			tell(d, BAD, host,
			     "no answer: is protocol 253 filtered? see 'nft list ruleset'");
		else
			tell(d, BAD, host, "cannot connect: %s",
			     strerror(errno));
		close(l);
		return;
	}
	peer = ferry_accept(l);
	if (peer < 0 || ferry_write_all(fd, word, 5) ||
	    ferry_read_exactly(peer, word, 5) != 5)
		tell(d, BAD, host, "connected, but nothing comes: %s",
		     strerror(errno));
	else
		tell(d, GOOD, host, "a connection within this host works");
	close(peer);
	close(fd);
	close(l);
}

/* What makes connections slower than they need be. */
static void check_settings(struct doctor *d)
{
	static const char *const names[] = {
		"window_scaling", "sack", "timestamps",
	};
	unsigned int i;
	char path[64];

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ferry/%s",
			 names[i]);
		if (mentions(path, "0"))
			tell(d, NOTE, "sysctl",
			     "net.ferry.%s is 0: long or lossy paths will be slow",
			     names[i]);
	}
}

static void count(const struct sockdiag_sock *s, void *arg)
{
	(void)s;
	++*(unsigned int *)arg;
}

static void check_diag(struct doctor *d)
{
	struct sockdiag_query q = {
		.family = AF_INET,
		.protocol = FERRY_PROTOCOL_FERRY,
		.states = ~0U,
	};
	unsigned int n = 0;

	if (sockdiag_dump(&q, count, &n))
		tell(d, NOTE, "sock_diag",
		     "'ferry ss' cannot work: %s; is ferry_diag.ko installed?",
		     strerror(errno));
	else
		tell(d, GOOD, "sock_diag", "'ferry ss' works");
}

static void check_peer(struct doctor *d, const char *host, const char *port)
{
	int fd = ferry_connect(host, port, TIMEOUT_MS);

	if (fd >= 0) {
		tell(d, GOOD, host, "answers at port %s", port);
		close(fd);
	} else if (errno == ECONNREFUSED) {
		tell(d, GOOD, host, "speaks Ferry; nobody listens at port %s",
		     port);
	} else if (errno == ETIMEDOUT) {
		tell(d, BAD, host,
		     "no answer: it is down, or protocol 253 is dropped on the way (see ferry bridge)");
	} else if (errno == ENOPROTOOPT) {
		tell(d, BAD, host, "its kernel has no Ferry");
	} else {
		tell(d, BAD, host, "%s", strerror(errno));
	}
}

int doctor_main(int argc, char **argv)
{
	struct doctor d = { 0 };
	struct options o;

	options_read(&o, argc, argv, 0, 2, usage);
	if (o.nargs == 1) {
		fprintf(stderr, "ferry: which port of %s?\n\n%s", o.args[0],
			usage);
		return 2;
	}
	d.json = o.json;
	if (d.json)
		json_open(NULL, '[');
	if (check_socket(&d)) {
		check_loopback(&d, "127.0.0.1");
		check_loopback(&d, "::1");
		check_settings(&d);
		check_diag(&d);
		if (o.nargs)
			check_peer(&d, o.args[0], o.args[1]);
	}
	if (d.json) {
		json_close(']');
		json_end();
	}
	return d.sick;
}
