/* The least program that times MPI_Allreduce: the sum of 32-bit floats, out of place.
 *
 *   mpicc -O2 mpi_allreduce.c -o mpi_allreduce
 *   mpirun -n 2 ./mpi_allreduce BYTES OPERATIONS ROUNDS
 *
 * Prints the median over rounds of the seconds of one operation on the slowest rank: after 5
 * operations and a barrier, OPERATIONS in a row. Any wrong sum ends it with code 1. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	MPI_Init(&argc, &argv);
	int rank, ranks;
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (argc != 4) {
		fprintf(stderr, "usage: mpi_allreduce BYTES OPERATIONS ROUNDS\n");
		MPI_Abort(MPI_COMM_WORLD, 2);
	}
	int count = atol(argv[1]) / sizeof(float), operations = atoi(argv[2]), rounds = atoi(argv[3]);
	float *input = malloc(count * sizeof(float)), *output = malloc(count * sizeof(float));
	double *times = malloc(rounds * sizeof(double));
	for (int i = 0; i < count; i++)
		input[i] = i % 61 + rank;
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < 5; i++)
			MPI_Allreduce(input, output, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
		MPI_Barrier(MPI_COMM_WORLD);
		double start = MPI_Wtime();
		for (int i = 0; i < operations; i++)
			MPI_Allreduce(input, output, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
		double mine = (MPI_Wtime() - start) / operations;
		MPI_Allreduce(&mine, &times[round], 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
	}
	for (int i = 0; i < count; i++)
		if (output[i] != ranks * (i % 61) + ranks * (ranks - 1) / 2) {
			fprintf(stderr, "rank %d: sum %d is %g\n", rank, i, output[i]);
			MPI_Abort(MPI_COMM_WORLD, 1);
		}
	qsort(times, rounds, sizeof(double), ascending);
	if (rank == 0)
		printf("%.9g\n", times[rounds / 2]);
	MPI_Finalize();
	return 0;
}
