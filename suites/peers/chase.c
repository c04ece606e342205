/* A walk along a ring of pointers, one per 64-byte line, as a peer for latency::pointer_chase.
 *
 *   gcc -O2 chase.c -o chase && ./chase BYTES random|page-local
 *
 * Shares no code and no method of building with the benchmark: it shuffles the order of visits and
 * links it, where the benchmark draws the cycle itself. Prints the least of five walks of
 * 50 ms, in seconds per load.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { LINE = 64, PAGE = 4096, WALKS = 5 };

static uint64_t state = 88172645463325252ull;

static size_t below(size_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % limit;
}

static void shuffle(size_t *order, size_t count)
{
	for (size_t last = count; last > 1; last--) {
		size_t other = below(last), kept = order[last - 1];
		order[last - 1] = order[other];
		order[other] = kept;
	}
}

static size_t *identity(size_t count)
{
	size_t *order = malloc(count * sizeof *order);
	for (size_t i = 0; order && i < count; i++)
		order[i] = i;
	return order;
}

/* The lines in the order of the walk. */
static size_t *visits(size_t lines, size_t local)
{
	size_t groups = lines / local;
	size_t *order = identity(lines), *group = identity(groups), *within = identity(local);
	if (!order || !group || !within)
		return NULL;
	shuffle(group, groups);
	for (size_t g = 0; g < groups; g++) {
		shuffle(within, local);
		for (size_t i = 0; i < local; i++)
			order[g * local + i] = group[g] * local + within[i];
	}
	free(group);
	free(within);
	return order;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* One load a turn: counting goes on beside it. As 64 load instructions in a row the walk read 12% more
 * on page-local rings of a Zen 4, whose prefetchers go by the instruction that loads. */
static void *walk(void *p, size_t loads)
{
	while (loads--)
		p = *(void **)p;
	return p;
}

int main(int argc, char **argv)
{
	/* Another order in every process: one order stands for itself, not for all. */
	struct timespec seed;
	clock_gettime(CLOCK_MONOTONIC, &seed);
	state ^= (uint64_t)seed.tv_nsec * 0x2545f4914f6cdd1dull;
	for (int i = 0; i < 16; i++)
		below(2);
	size_t bytes = argc == 3 ? strtoull(argv[1], NULL, 10) : 0, lines = bytes / LINE;
	if (bytes < PAGE || bytes % PAGE) {
		fprintf(stderr, "usage: chase BYTES random|page-local (whole pages)\n");
		return 2;
	}
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t *order = visits(lines, strcmp(argv[2], "random") ? PAGE / LINE : lines);
	if (memory == MAP_FAILED || !order)
		return 1;
	/* In the order of addresses: touched along the walk, pages would lie in its order. */
	memset(memory, 0, bytes);
	for (size_t i = 0; i < lines; i++)
		*(void **)(memory + order[i] * LINE) = memory + order[(i + 1) % lines] * LINE;
	void *p = memory + order[0] * LINE;
	free(order);

	/* Two turns at least, then walks that double until one lasts as long as a sample. */
	size_t loads = lines;
	double seconds = 0;
	p = walk(p, loads);
	for (;;) {
		double start = now();
		p = walk(p, loads);
		seconds = now() - start;
		if (seconds > 0.05)
			break;
		loads *= 2;
	}
	loads = loads * (0.05 / seconds);
	double least = INFINITY;
	for (int i = 0; i < WALKS; i++) {
		double start = now();
		p = walk(p, loads);
		double latency = (now() - start) / loads;
		if (latency < least)
			least = latency;
	}
	printf("%.6g\n", least);
	return p == NULL;
}
