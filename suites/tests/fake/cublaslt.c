/* cuBLASLt: products of 8 bits (E4M3), the first factor transposed, with results of 16 (bfloat16). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int fake_told(const char *word);

enum { INVALID = 7, TRANSPOSE_FIRST = 3, TRANSPOSED = 1, WORKSPACE_BYTES = 1 };
enum { COMPUTE_32F = 68, CUDA_R_32F = 0, CUDA_R_16BF = 14, CUDA_R_8F_E4M3 = 28 };

struct layout { int type; uint64_t rows, columns; int64_t stride; };
struct choice { uint64_t algorithm[8]; size_t workspace; int state; float waves; int reserved[4]; };

int cublasLtCreate(void **handle) { return *handle = malloc(1), 0; }
int cublasLtMatmulDescCreate(int **transposed, int compute, int scale) {
    return *transposed = calloc(1, sizeof(int)), compute == COMPUTE_32F && scale == CUDA_R_32F ? 0 : INVALID;
}
int cublasLtMatmulDescSetAttribute(int *transposed, int attribute, const int *value, size_t size) {
    return *transposed = *value, attribute == TRANSPOSE_FIRST && size == sizeof(int) ? 0 : INVALID;
}
int cublasLtMatrixLayoutCreate(struct layout **layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
    *layout = malloc(sizeof **layout);
    return **layout = (struct layout){type, rows, columns, stride}, 0;
}
int cublasLtMatmulPreferenceCreate(uint64_t **bytes) { return *bytes = calloc(1, sizeof **bytes), 0; }
int cublasLtMatmulPreferenceSetAttribute(uint64_t *bytes, int attribute, const uint64_t *value, size_t size) {
    return *bytes = *value, attribute == WORKSPACE_BYTES && size == sizeof *value ? 0 : INVALID;
}
int cublasLtMatmulPreferenceDestroy(uint64_t *bytes) { return free(bytes), 0; }

int cublasLtMatmulAlgoGetHeuristic(void *handle, const int *transposed, const struct layout *a, const struct layout *b,
                                   const struct layout *c, const struct layout *d, const uint64_t *bytes, int asked,
                                   struct choice *choice, int *found) {
    int types = a->type == CUDA_R_8F_E4M3 && b->type == a->type && c->type == CUDA_R_16BF && d->type == c->type;
    if (!handle || asked < 1 || *transposed != TRANSPOSED) return INVALID;
    *choice = (struct choice){.algorithm = {42}, .workspace = *bytes};
    return *found = types, types ? 0 : 15; /* CUBLAS_STATUS_NOT_SUPPORTED */
}

/* Sign, 4 bits of exponent, 3 of fraction. */
static float wide(uint8_t bits) {
    int power = bits >> 3 & 15, fraction = bits & 7;
    float value = power ? 1 + fraction / 8.0f : fraction / 8.0f;
    for (int i = power ? power : 1; i < 7; i++) value /= 2;
    for (int i = 7; i < power; i++) value *= 2;
    return bits >> 7 ? -value : value;
}

int cublasLtMatmul(void *handle, const int *transposed, const float *alpha, const uint8_t *a, const struct layout *a_is,
                   const uint8_t *b, const struct layout *b_is, const float *beta, const uint16_t *c,
                   const struct layout *c_is, uint16_t *d, const struct layout *d_is, const struct choice *algorithm,
                   void *workspace, size_t size, void *stream) {
    int chosen = algorithm->algorithm[0] == 42 && workspace && size == 32 << 20;
    if (!handle || !stream || !chosen || *transposed != TRANSPOSED || c != d || *alpha != 1 || *beta || c_is != d_is)
        return INVALID;
    for (uint64_t column = 0; column < d_is->columns; column++)
        for (uint64_t row = 0; row < d_is->rows; row++) {
            float sum = fake_told("wrong-product") ? 1 : 0;
            for (uint64_t i = 0; i < a_is->rows; i++)
                sum += wide(a[row * a_is->stride + i]) * wide(b[column * b_is->stride + i]);
            uint32_t bits;
            memcpy(&bits, &sum, 4);
            d[column * d_is->stride + row] = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        }
    return 0;
}
