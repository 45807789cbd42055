// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Finding a function in the kernel's own description of its types (BTF).
 *
 * BTF is a header, a list of types and their names.  A type's number is its
 * place in the list, from 1 on; how long its entry is depends on its kind.
 */
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "method.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* What follows a struct btf_type: so many bytes, and so many for each member. */
static const struct {
	bool known;
	int fixed, each;
} tail[] = {
	[BTF_KIND_INT] = { true, sizeof(__u32), 0 },
	[BTF_KIND_PTR] = { true, 0, 0 },
	[BTF_KIND_ARRAY] = { true, sizeof(struct btf_array), 0 },
	[BTF_KIND_STRUCT] = { true, 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION] = { true, 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM] = { true, 0, sizeof(struct btf_enum) },
	[BTF_KIND_FWD] = { true, 0, 0 },
	[BTF_KIND_TYPEDEF] = { true, 0, 0 },
	[BTF_KIND_VOLATILE] = { true, 0, 0 },
	[BTF_KIND_CONST] = { true, 0, 0 },
	[BTF_KIND_RESTRICT] = { true, 0, 0 },
	[BTF_KIND_FUNC] = { true, 0, 0 },
	[BTF_KIND_FUNC_PROTO] = { true, 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR] = { true, sizeof(struct btf_var), 0 },
	[BTF_KIND_DATASEC] = { true, 0, sizeof(struct btf_var_secinfo) },
	[BTF_KIND_FLOAT] = { true, 0, 0 },
	[BTF_KIND_DECL_TAG] = { true, sizeof(struct btf_decl_tag), 0 },
	[BTF_KIND_TYPE_TAG] = { true, 0, 0 },
	[BTF_KIND_ENUM64] = { true, 0, sizeof(struct btf_enum64) },
};

/*
 * Newer kernels have taken the unused bits between these two for longer lists;
 * those are zero on older ones.
 */
static unsigned int kind_of(const struct btf_type *t)
{
	return t->info >> 24 & 0x7f;
}

static unsigned int members_of(const struct btf_type *t)
{
	return t->info & 0xffffff;
}

static char *read_btf(size_t *len)
{
	int fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC);
	char *btf = NULL;
	struct stat st;
	ssize_t n = 1;

	*len = 0;
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st))
		btf = malloc(st.st_size);
	while (btf && *len < (size_t)st.st_size && n > 0) {
		n = read(fd, btf + *len, st.st_size - *len);
		*len += n > 0 ? n : 0;
	}
	close(fd);
	return btf;
}

int btf_function(const char *name)
{
	size_t len;
	char *btf = read_btf(&len);
	const struct btf_header *head = (void *)btf;
	const char *at, *end, *names;
	int id, found = -1;

	if (!btf || len < sizeof(*head) || head->magic != BTF_MAGIC ||
	    (size_t)head->hdr_len + head->str_off + head->str_len > len)
		goto out;
	names = btf + head->hdr_len + head->str_off;
	at = btf + head->hdr_len + head->type_off;
	end = at + head->type_len;
	found = 0;
	for (id = 1; at < end && !found; id++) {
		const struct btf_type *t = (const void *)at;
		unsigned int kind = kind_of(t);

		if (kind >= ARRAY_SIZE(tail) || !tail[kind].known) {
			found = -1;
			break;
		}
		if (kind == BTF_KIND_FUNC && !strcmp(names + t->name_off, name))
			found = id;
		at += sizeof(*t) + tail[kind].fixed +
		      (size_t)members_of(t) * tail[kind].each;
	}
out:
	free(btf);
	return found;
}
