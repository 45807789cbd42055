// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A cgroup for the command and whatever it starts: no process leaves it by
 * accident, and the kernel tells when the last one has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "method.h"

/* Where the cgroups of version 2 are; they can be elsewhere beside version 1. */
static bool find_mount(char *path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *m = NULL;

	if (!mounts)
		return false;
	while ((m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			break;
	if (m)
		snprintf(path, size, "%s", m->mnt_dir);
	endmntent(mounts);
	return m;
}

/* Append our own place in there to @path: "/a/b", or nothing. */
static bool find_self(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX];
	bool found = false;
	size_t len = strlen(path);

	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "0::/", 4))
			continue;
		if (!line[4])
			line[3] = 0;
		found = (size_t)snprintf(path + len, size - len, "%s",
					 line + 3) < size - len;
	}
	if (f)
		fclose(f);
	return found;
}

const char *cgroup_make(struct cgroup *g)
{
	char own[PATH_MAX / 2];
	int err;

	if (!find_mount(own, sizeof(own)) || !find_self(own, sizeof(own)))
		return "there are no cgroups here (no cgroup2 is mounted)";
	snprintf(g->path, sizeof(g->path), "%s/ferryize.XXXXXX", own);
	if (!mkdtemp(g->path))
		return because("cannot make a cgroup in %s: %s", own,
			       strerror(errno));
	g->dir = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g->events = openat(g->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (g->events < 0) {
		err = errno;
		cgroup_remove(g);
		return because("cannot use the cgroup %s: %s", g->path,
			       strerror(err));
	}
	return NULL;
}

const char *cgroup_enter(const struct cgroup *g)
{
	int fd = openat(g->dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	bool there = fd >= 0 && write(fd, "0", 1) == 1;
	int err = errno;

	if (fd >= 0)
		close(fd);
	return there ? NULL : because("cannot enter the cgroup %s: %s",
				      g->path, strerror(err));
}

bool cgroup_populated(const struct cgroup *g)
{
	char text[128];
	ssize_t n = pread(g->events, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return strstr(text, "populated 1");
}

static int remove_one(const char *path, const struct stat *st, int what,
		      struct FTW *place)
{
	(void)st;
	(void)place;
	if (what == FTW_DP)
		rmdir(path);
	return 0;
}

void cgroup_remove(const struct cgroup *g)
{
	nftw(g->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
