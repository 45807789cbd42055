// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Running a command in a cgroup whose sockets are Ferry's.
 *
 * ferryize becomes the command, as it does with the library: so signals, the
 * terminal and the exit status are the command's own, and whoever waits for the
 * one waits for the other.  What is left to do when the command has gone, and
 * all that it has started, daemons included, falls to another process, the
 * keeper.  It holds the BPF program, which is called for as long as somebody
 * does, and ends when the cgroup is empty.  It is in a session of its own and
 * nobody's child, so that neither the terminal nor the command sees it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "method.h"

/* What others have left open for the command is not the keeper's to hold. */
static void close_all_but(const int *kept, int n)
{
	DIR *all = opendir("/proc/self/fd");
	struct dirent *e;
	int fd, i;

	while (all && (e = readdir(all))) {
		fd = atoi(e->d_name);
		for (i = 0; i < n && kept[i] != fd; i++)
			;
		if (i == n && *e->d_name != '.' && fd != dirfd(all))
			close(fd);
	}
	if (all)
		closedir(all);
}

static void leave_for_background(const struct cgroup *g, const struct hook *h,
				 int started)
{
	const int kept[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO,
			     g->events, h->link, h->ring, started };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	/* Where there is something to tell, stay there to tell it. */
	if (h->ring < 0)
		dup2(null, STDERR_FILENO);
	signal(SIGPIPE, SIG_IGN);
	if (chdir("/"))
		_exit(1);
	close_all_but(kept, ARRAY_SIZE(kept));
}

/* @started ends when ferryize has become the command, or has ended. */
static void keep(const struct cgroup *g, struct hook *h, int started)
{
	struct pollfd events[] = {
		{ .fd = g->events, .events = POLLPRI },
		{ .fd = h->ring, .events = POLLIN },
	};
	char none;

	while (read(started, &none, 1) < 0 && errno == EINTR)
		;
	while (cgroup_populated(g)) {
		poll(events, 2, -1);
		hook_report(h);
	}
	hook_report(h);
	cgroup_remove(g);
}

static bool start_keeper(const struct cgroup *g, struct hook *h)
{
	int started[2], status;
	pid_t pid;

	if (pipe2(started, O_CLOEXEC))
		return false;
	pid = fork();
	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid)
			_exit(pid < 0);
		close(started[1]);
		leave_for_background(g, h, started[0]);
		keep(g, h, started[0]);
		_exit(0);
	}
	close(started[0]);
	/* The other end stays open, until exec() or exit() closes it. */
	return pid > 0 && (waitpid(pid, &status, 0) < 0 || !status);
}

const char *run_in_cgroup(bool verbose)
{
	struct cgroup g;
	struct hook h;
	const char *why;

	why = hook_load(&h, verbose);
	if (!why)
		why = cgroup_make(&g);
	if (why)
		return why;
	why = hook_attach(&h, g.dir);
	if (!why && !start_keeper(&g, &h))
		why = because("cannot start a process: %s", strerror(errno));
	if (why) {
		cgroup_remove(&g);
		return why;
	}
	why = cgroup_enter(&g);
	if (!why && verbose)
		fprintf(stderr, "ferryize: method bpf: what is made in the cgroup %s\n",
			g.path);
	return why;
}
