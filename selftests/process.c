// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs of the system, and children of the test; lib.h says what each
 * function is for.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib.h"

const char *find_tool(const char *name)
{
	static const char * const dirs[] = {
		"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin",
	};
	static char path[64];
	char target[256];
	unsigned int i;
	ssize_t n;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (access(path, X_OK))
			continue;
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = 0;
			if (strstr(target, "busybox"))
				continue;
		}
		return path;
	}
	return NULL;
}

static int vrun(const char *fmt, va_list ap)
{
	const char *program;
	char command[1024];
	char *argv[64];
	char *save = NULL;
	char *word;
	int argc = 0;
	pid_t pid;
	int status;

	vsnprintf(command, sizeof(command), fmt, ap);
	for (word = strtok_r(command, " ", &save); word && argc < 63;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	program = find_tool(argv[0]);
	if (!program)
		die("no %s on this system", argv[0]);
	/* Not fork(): under KASAN a copy of the page tables takes its time. */
	errno = posix_spawn(&pid, program, NULL, NULL, argv, environ);
	if (errno)
		die("%s", program);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int run_status(const char *fmt, ...)
{
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = vrun(fmt, ap);
	va_end(ap);
	return status;
}

void run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = vrun(fmt, ap);
	va_end(ap);
	if (!status)
		return;
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	die("exit status %d: %s", status, command);
}

void run_batch(const char *tool, const char *lines, ...)
{
	int fd = memfd_create("batch", 0);
	va_list ap;

	va_start(ap, lines);
	if (fd < 0 || vdprintf(fd, lines, ap) < 0)
		die("batch");
	va_end(ap);
	run("%s -batch /proc/self/fd/%d", tool, fd);
	close(fd);
}

const char *said(const char *command)
{
	static char text[1 << 16];
	FILE *f = popen(command, "re");
	size_t len;

	if (!f)
		die("popen");
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = 0;
	pclose(f);
	return text;
}

pid_t spawn(int (*body)(void *arg), void *arg)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	_exit(body(arg));
}

struct reaping {
	pid_t pid;
	int status;
};

static bool reaped(void *arg)
{
	struct reaping *r = arg;

	return waitpid(r->pid, &r->status, WNOHANG) == r->pid;
}

int reap(pid_t pid, int timeout_ms)
{
	struct reaping r = { .pid = pid };

	if (!wait_until(reaped, &r, timeout_ms)) {
		fprintf(stderr, "# child %d did not end in time\n", pid);
		kill(pid, SIGKILL);
		waitpid(pid, &r.status, 0);
		return -1;
	}
	return WIFEXITED(r.status) ? WEXITSTATUS(r.status) : -1;
}
