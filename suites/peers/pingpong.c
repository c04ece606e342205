/* Two threads that hand a cache line to each other, as a peer for placement::core_to_core.
 *
 *   gcc -O2 -pthread pingpong.c -o pingpong && ./pingpong CPU CPU store|exchange
 *
 * Shares no code with the benchmark and no layout: two flags that flip, where the benchmark counts
 * in one word. `store`: each side watches its line and writes to it when it is its turn;
 * `exchange`: each side tries to swap the flag until that succeeds. Prints the median over batches
 * of half a round trip, in seconds, the mean of both directions.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCHES = 125, TRIPS = 200 };

static int swaps;
static int cpus[2];

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set)) {
		perror("sched_setaffinity");
		exit(1);
	}
}

/* The line lies on the heap and is reached by pointer: a static flag, addressed relative to the
 * instruction pointer, reads a third less on a Zen host whose cores share a cache. */
static inline void hand_over(atomic_uint *flag, unsigned mine, unsigned next)
{
	if (swaps) {
		unsigned expected = mine;
		while (!atomic_compare_exchange_strong(flag, &expected, next))
			expected = mine;
		return;
	}
	while (atomic_load_explicit(flag, memory_order_acquire) != mine)
		;
	atomic_store_explicit(flag, next, memory_order_release);
}

struct side {
	atomic_uint *flag;
	int cpu;
};

static void *second(void *given)
{
	struct side *side = given;
	atomic_uint *flag = side->flag;
	pin(side->cpu);
	for (long i = 0; i < (BATCHES + 1) * (long)TRIPS; i++)
		hand_over(flag, 1, 0);
	return NULL;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double direction(int from, int to)
{
	pthread_t thread;
	double batch[BATCHES];
	atomic_uint *flag = aligned_alloc(128, 256);
	struct side side = { flag, cpus[to] };
	if (!flag)
		exit(1);
	pin(cpus[from]);
	atomic_init(flag, 0);
	if (pthread_create(&thread, NULL, second, &side))
		exit(1);
	for (int b = -1; b < BATCHES; b++) {
		double start = now();
		for (int i = 0; i < TRIPS; i++)
			hand_over(flag, 0, 1);
		if (b >= 0)
			batch[b] = (now() - start) / (2.0 * TRIPS);
	}
	pthread_join(thread, NULL);
	free(flag);
	qsort(batch, BATCHES, sizeof *batch, ascending);
	return batch[BATCHES / 2];
}

int main(int argc, char **argv)
{
	if (argc != 4 || (strcmp(argv[3], "store") && strcmp(argv[3], "exchange"))) {
		fprintf(stderr, "usage: pingpong CPU CPU store|exchange\n");
		return 2;
	}
	cpus[0] = atoi(argv[1]);
	cpus[1] = atoi(argv[2]);
	swaps = !strcmp(argv[3], "exchange");
	double there = direction(0, 1), back = direction(1, 0);
	printf("%.6g\n", (there + back) / 2);
	return 0;
}
