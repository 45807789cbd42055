// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Whether the library can get in front of a program's socket calls, which it
 * can where the program comes to them through the C library that it shares with
 * others.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "method.h"

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

/*
 * Whether a part of an ELF file holds the note that Go's linker writes.  What Go
 * compiles does its system calls itself, even if it uses the C library for the
 * sake of other libraries.
 */
static bool has_go_note(int fd, const struct elf64_phdr *part)
{
	char notes[4096];
	struct elf64_note head;
	size_t len, at = 0;
	ssize_t n;

	len = part->p_filesz < sizeof(notes) ? part->p_filesz : sizeof(notes);
	n = pread(fd, notes, len, part->p_offset);
	while (n > 0 && at + sizeof(head) + 4 <= (size_t)n) {
		memcpy(&head, notes + at, sizeof(head));
		if (head.n_namesz == 4 &&
		    !memcmp(notes + at + sizeof(head), "Go\0", 4))
			return true;
		at += sizeof(head) + (((size_t)head.n_namesz + 3) & ~3) +
		      (((size_t)head.n_descsz + 3) & ~3);
	}
	return false;
}

static const char *look_into(int fd)
{
	const char *why = "is statically linked";
	struct elf64_hdr head;
	struct elf64_phdr part;
	int i;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) ||
	    head.e_ident[EI_CLASS] != ELFCLASS64)
		return NULL;
	for (i = 0; i < head.e_phnum; i++) {
		if (pread(fd, &part, sizeof(part), head.e_phoff +
			  i * sizeof(part)) != sizeof(part))
			break;
		if (part.p_type == PT_NOTE && has_go_note(fd, &part))
			return "is written in Go";
		if (part.p_type == PT_INTERP)
			why = NULL;
	}
	return why;
}

const char *beyond_reach(const char *name)
{
	int fd = open_command(name);
	const char *why;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && st.st_mode & (S_ISUID | S_ISGID) && geteuid())
		why = "runs with rights of its own";
	else
		why = look_into(fd);
	close(fd);
	return why;
}
