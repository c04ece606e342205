/* Four kernels under the published STREAM run rules, as a peer for memory::stream.
 *
 * Written from the rules (https://www.cs.virginia.edu/stream/ref.html), not from the reference
 * program: static arrays of doubles, first touch inside the parallel loop that uses them, the
 * compiler's own loops and static schedule, NTIMES rounds of which the first is dropped, the best
 * of the rest, 2/2/3/3 words counted per element, and a check of the final values.
 *
 *   gcc -O3 -march=native -fopenmp -DN=25165824 stream.c -o stream && ./stream
 *
 * Prints one line: copy scale add triad, in bytes per second.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef N
#define N 25165824
#endif
#ifndef NTIMES
#define NTIMES 10
#endif

enum { COPY, SCALE, ADD, TRIAD, KERNELS };

static double a[N], b[N], c[N];

static double run(int kernel, double s)
{
	double start = omp_get_wtime();
	switch (kernel) {
	case COPY:
#pragma omp parallel for schedule(static)
		for (size_t i = 0; i < N; i++)
			c[i] = a[i];
		break;
	case SCALE:
#pragma omp parallel for schedule(static)
		for (size_t i = 0; i < N; i++)
			b[i] = s * c[i];
		break;
	case ADD:
#pragma omp parallel for schedule(static)
		for (size_t i = 0; i < N; i++)
			c[i] = a[i] + b[i];
		break;
	case TRIAD:
#pragma omp parallel for schedule(static)
		for (size_t i = 0; i < N; i++)
			a[i] = b[i] + s * c[i];
		break;
	}
	return omp_get_wtime() - start;
}

/* Replays the rounds on one element and compares every element with it. */
static int wrong(double s)
{
	double x = 1.0, y = 2.0, z = 0.0;
	for (int round = 0; round < NTIMES; round++) {
		z = x;
		y = s * z;
		z = x + y;
		x = y + s * z;
	}
	for (size_t i = 0; i < N; i++)
		if (fabs(a[i] / x - 1) > 1e-13 || fabs(b[i] / y - 1) > 1e-13 || fabs(c[i] / z - 1) > 1e-13)
			return 1;
	return 0;
}

int main(void)
{
	static const double words[KERNELS] = { 2, 2, 3, 3 };
	double best[KERNELS] = { INFINITY, INFINITY, INFINITY, INFINITY };
	double s = 3.0;

#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < N; i++) {
		a[i] = 1.0;
		b[i] = 2.0;
		c[i] = 0.0;
	}
	for (int round = 0; round < NTIMES; round++)
		for (int kernel = 0; kernel < KERNELS; kernel++) {
			double time = run(kernel, s);
			if (round > 0 && time < best[kernel])
				best[kernel] = time;
		}
	if (wrong(s)) {
		fprintf(stderr, "wrong result\n");
		return 1;
	}
	for (int kernel = 0; kernel < KERNELS; kernel++)
		printf("%.6g%c", words[kernel] * 8 * N / best[kernel], kernel + 1 < KERNELS ? ' ' : '\n');
	return 0;
}
