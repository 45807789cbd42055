// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages for what the application writes, used again.
 *
 * The kernel gives every task a page of 32 KB to copy into (sk_page_frag()),
 * and uses it again from the start if nobody else refers to it when more is
 * written.  But a write of more than that has filled one page and has begun
 * with the next, and the first is given back, to be allocated again soon: and,
 * where the kernel clears what it allocates (init_on_alloc), to be cleared
 * only to be written over.
 *
 * So each processor keeps the last pages that were filled.  Whoever needs a
 * page exchanges the one that it has filled for the one that has been here
 * longest.  If all that was sent from that one has been acknowledged and read
 * meanwhile, it is used again; else a new one takes its place.  Over a path
 * with a longer delay all pages that are kept here are still on their way, and
 * then it is as if there were none.
 *
 * Context: process context, socket lock held; the exchange itself is not
 * interrupted by another one on the same processor.
 */
#include "ferry.h"

/* Enough for one write that is being read while the next is written. */
#define PAGES_KEPT	4

/**
 * struct kept_pages - the pages that were filled last on a processor
 * @page: each with a reference; NULL where there is none yet
 * @size: bytes in it
 * @oldest: which has been here longest
 */
struct kept_pages {
	struct page *page[PAGES_KEPT];
	u32 size[PAGES_KEPT];
	unsigned int oldest;
};

static DEFINE_PER_CPU(struct kept_pages, kept_pages);

static void exchange(struct page_frag *pfrag)
{
	struct kept_pages *kept = get_cpu_ptr(&kept_pages);
	unsigned int i = kept->oldest;

	swap(kept->page[i], pfrag->page);
	swap(kept->size[i], pfrag->size);
	kept->oldest = (i + 1) % PAGES_KEPT;
	put_cpu_ptr(&kept_pages);
	/* It is full, unless nobody else refers to it. */
	pfrag->offset = pfrag->size;
}

/**
 * ferry_page_frag_refill() - make sure that there is room to copy into
 * @sk: the socket
 * @pfrag: its sk_page_frag()
 *
 * Return: false if there is no memory.
 */
bool ferry_page_frag_refill(struct sock *sk, struct page_frag *pfrag)
{
	if (pfrag->page && pfrag->offset == pfrag->size &&
	    page_ref_count(pfrag->page) > 1 && !page_is_pfmemalloc(pfrag->page))
		exchange(pfrag);
	return sk_page_frag_refill(sk, pfrag);
}

/**
 * ferry_pages_exit() - give back what is kept
 *
 * Context: no socket is left.
 */
void ferry_pages_exit(void)
{
	struct kept_pages *kept;
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		kept = per_cpu_ptr(&kept_pages, cpu);
		for (i = 0; i < PAGES_KEPT; i++)
			if (kept->page[i])
				put_page(kept->page[i]);
	}
}
