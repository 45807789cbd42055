// SPDX-License-Identifier: GPL-2.0-only
/*
 * What selftests/bench runs in the guest: one measurement of one protocol,
 * printed as lines "NAME VALUE".
 *
 *	measure stream|rtt|crr|idle PROTOCOL [SERVER-NAMESPACE ADDRESS]
 *
 * Without a namespace all happens on loopback.  With one the server half joins
 * it, and the client half reaches it at ADDRESS.  Every measurement warms up
 * first: caches, windows and the emulator's translations are not what is to be
 * measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

#define STREAM_BYTES (48ULL << 20)
#define STREAM_WARM_UP (4ULL << 20)
#define STREAM_CHUNK 65536
#define RTT_ROUNDS 8000
#define RTT_WARM_UP 500
#define MESSAGE 64
#define CRR_ROUNDS 1500
#define CRR_WARM_UP 100
#define IDLE_PAIRS 1000

static int proto;
static struct addr server_at;
static const char *server_namespace;

static void result(const char *name, double value)
{
	printf("%s %.1f\n", name, value);
}

static void enter_server(void)
{
	int fd;

	if (!server_namespace)
		return;
	fd = open(server_namespace, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("enter %s", server_namespace);
	close(fd);
}

static void full(ssize_t did, ssize_t want)
{
	if (did != want)
		die("moved %zd of %zd bytes", did, want);
}

/* A child that has made its listener serves; returns when it listens. */
static pid_t serve(void (*body)(int listener))
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		int l;

		enter_server();
		l = listen_at(&server_at, proto, 1024);
		full(write(ready[1], &server_at, sizeof(server_at)),
		     sizeof(server_at));
		close(ready[0]);
		body(l);
		_exit(0);
	}
	close(ready[1]);
	full(read(ready[0], &server_at, sizeof(server_at)), sizeof(server_at));
	if (read(ready[0], &c, 0))
		die("read");
	close(ready[0]);
	return pid;
}

static int must_dial(void)
{
	int fd = dial(&server_at, proto);

	if (fd < 0)
		die("connect to %s", addr_text(&server_at));
	return fd;
}

static void finish(pid_t server)
{
	int status;

	if (waitpid(server, &status, 0) != server || status)
		die("the server failed");
}

static char buf[STREAM_CHUNK];

static void stream_server(int l)
{
	int fd = accept(l, NULL, NULL);
	unsigned long long got = 0;
	ssize_t n;

	while (got < STREAM_WARM_UP + STREAM_BYTES) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n <= 0)
			die("recv");
		/* Tell the client when the measured part begins and ends. */
		if (got < STREAM_WARM_UP && got + n >= STREAM_WARM_UP)
			full(send(fd, "w", 1, 0), 1);
		got += n;
	}
	full(send(fd, "d", 1, 0), 1);
	if (recv(fd, buf, 1, 0))
		die("no end of data");
}

static void stream(void)
{
	pid_t server = serve(stream_server);
	int fd = must_dial();
	unsigned long long sent;
	double start;

	for (sent = 0; sent < STREAM_WARM_UP; sent += sizeof(buf))
		full(send(fd, buf, sizeof(buf), 0), sizeof(buf));
	full(recv(fd, buf, 1, 0), 1);
	start = now_s();
	for (sent = 0; sent < STREAM_BYTES; sent += sizeof(buf))
		full(send(fd, buf, sizeof(buf), 0), sizeof(buf));
	full(recv(fd, buf, 1, 0), 1);
	result("mbit_per_s", STREAM_BYTES * 8 / 1e6 / (now_s() - start));
	close(fd);
	finish(server);
}

static void rtt_server(int l)
{
	int fd = accept(l, NULL, NULL);
	int i;

	set_int(fd, SOL_TCP, TCP_NODELAY, 1);
	for (i = 0; i < RTT_WARM_UP + RTT_ROUNDS; i++) {
		full(recv(fd, buf, MESSAGE, MSG_WAITALL), MESSAGE);
		full(send(fd, buf, MESSAGE, 0), MESSAGE);
	}
}

static void rtt(void)
{
	pid_t server = serve(rtt_server);
	int fd = must_dial();
	double start = 0;
	int i;

	set_int(fd, SOL_TCP, TCP_NODELAY, 1);
	for (i = 0; i < RTT_WARM_UP + RTT_ROUNDS; i++) {
		if (i == RTT_WARM_UP)
			start = now_s();
		full(send(fd, buf, MESSAGE, 0), MESSAGE);
		full(recv(fd, buf, MESSAGE, MSG_WAITALL), MESSAGE);
	}
	result("round_trip_us", (now_s() - start) * 1e6 / RTT_ROUNDS);
	close(fd);
	finish(server);
}

static void crr_server(int l)
{
	int i;

	for (i = 0; i < CRR_WARM_UP + CRR_ROUNDS; i++) {
		int fd = accept(l, NULL, NULL);

		full(recv(fd, buf, MESSAGE, MSG_WAITALL), MESSAGE);
		full(send(fd, buf, MESSAGE, 0), MESSAGE);
		if (recv(fd, buf, 1, 0))
			die("no end of data");
		close(fd);
	}
}

static void crr(void)
{
	pid_t server = serve(crr_server);
	double start = 0;
	int i;

	for (i = 0; i < CRR_WARM_UP + CRR_ROUNDS; i++) {
		int fd;

		if (i == CRR_WARM_UP)
			start = now_s();
		fd = must_dial();
		full(send(fd, buf, MESSAGE, 0), MESSAGE);
		full(recv(fd, buf, MESSAGE, MSG_WAITALL), MESSAGE);
		close(fd);
	}
	result("per_second", CRR_ROUNDS / (now_s() - start));
	finish(server);
}

/*
 * Slab memory in use, in bytes: objects, not pages, so that neither a page
 * that was half full before nor one that stays half full counts.
 */
static double slab_bytes(void)
{
	static char line[512];
	FILE *f = fopen("/proc/slabinfo", "r");
	double sum = 0;

	if (!f)
		die("/proc/slabinfo");
	while (fgets(line, sizeof(line), f)) {
		unsigned long active, size;

		if (sscanf(line, "%*s %lu %*u %lu", &active, &size) == 2)
			sum += (double)active * size;
	}
	fclose(f);
	return sum;
}

/* Bring what is on its way to being freed to its end. */
static void settle(void)
{
	struct timespec ts = { .tv_sec = 2 };

	nanosleep(&ts, NULL);
}

static void idle_server(int l)
{
	static int fd[IDLE_PAIRS];
	int i;

	for (i = 0; i < IDLE_PAIRS; i++) {
		fd[i] = accept(l, NULL, NULL);
		if (fd[i] < 0)
			die("accept");
		full(recv(fd[i], buf, 1, 0), 1);
		full(send(fd[i], buf, 1, 0), 1);
	}
	/* Until the client closes the first. */
	if (recv(fd[0], buf, 1, 0))
		die("no end of data");
}

static void idle(void)
{
	static int fd[IDLE_PAIRS];
	pid_t server = serve(idle_server);
	double before;
	int i;

	settle();
	before = slab_bytes();
	for (i = 0; i < IDLE_PAIRS; i++) {
		fd[i] = must_dial();
		full(send(fd[i], buf, 1, 0), 1);
		full(recv(fd[i], buf, 1, 0), 1);
	}
	settle();
	result("bytes_per_pair", (slab_bytes() - before) / IDLE_PAIRS);
	for (i = 0; i < IDLE_PAIRS; i++)
		close(fd[i]);
	finish(server);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*body)(void);
	} all[] = {
		{ "stream", stream }, { "rtt", rtt },
		{ "crr", crr },	{ "idle", idle },
	};
	struct rlimit files = { 4096, 4096 };
	unsigned int i;

	if (argc != 3 && argc != 5)
		die("usage: measure WHAT PROTOCOL [NAMESPACE ADDRESS]");
	setrlimit(RLIMIT_NOFILE, &files);
	proto = atoi(argv[2]);
	server_namespace = argc > 3 ? argv[3] : NULL;
	server_at = addr_of(argc > 3 ? argv[4] : "127.0.0.1", 0);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(argv[1], all[i].name))
			continue;
		all[i].body();
		return 0;
	}
	die("nothing to measure is called %s", argv[1]);
}
