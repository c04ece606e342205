/* Beside the driver: a compiler that compiles nothing, products by their definition, and a monitor. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern int fake_lost;
int fake_told(const char *word);

/* NVRTC. */
int nvrtcVersion(int *major, int *minor) { return *major = 12, *minor = 9, 0; }
int nvrtcCreateProgram(void **program, const char *source, const char *name, int headers,
                       const char *const *texts, const char *const *names) {
    (void)texts, (void)names;
    return *program = (void *)name, headers || !strstr(source, "__global__ void draw(") ? 6 : 0;
}
int nvrtcCompileProgram(void *program, int options, const char *const *option) {
    int asked = options == 1 && !strcmp(option[0], "--gpu-architecture=sm_90");
    return program && asked && !fake_told("compiler") ? 0 : 6; /* NVRTC_ERROR_COMPILATION */
}
int nvrtcGetCUBINSize(void *program, size_t *size) { return *size = 5, program ? 0 : 4; }
int nvrtcGetCUBIN(void *program, char *image) { return memcpy(image, "FAKE", 5), program ? 0 : 4; }
int nvrtcGetProgramLogSize(void *program, size_t *size) { return *size = 12, program ? 0 : 4; }
int nvrtcGetProgramLog(void *program, char *log) { return memcpy(log, "told to fail", 12), program ? 0 : 4; }
int nvrtcDestroyProgram(void **program) { return *program = 0, 0; }

/* cuBLAS: fp32, tf32 and bf16; it says of fp16 that the device cannot. */
int cublasCreate_v2(void **handle) { return *handle = malloc(1), 0; }
int cublasDestroy_v2(void *handle) { return free(handle), 0; }
int cublasSetStream_v2(void *handle, void *stream) { return handle && stream ? 0 : 7; }
int cublasSetMathMode(void *handle, int mode) { return handle && mode == 16 ? 0 : 7; }
int cublasGetVersion_v2(void *handle, int *version) { return *version = 120405, handle ? 0 : 7; }

static float entry(const void *matrix, int is_half, size_t at) {
    uint32_t bits = is_half ? (uint32_t)((const uint16_t *)matrix)[at] << 16 : ((const uint32_t *)matrix)[at];
    float value;
    return memcpy(&value, &bits, 4), value;
}

static void store(void *matrix, int is_half, size_t at, float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (is_half) ((uint16_t *)matrix)[at] = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    else ((uint32_t *)matrix)[at] = bits;
}

enum { CUDA_R_32F = 0, CUDA_R_16BF = 14, NOT_SUPPORTED = 15 };

int cublasGemmEx(void *handle, int first, int second, int m, int n, int k, const void *alpha, const void *a,
                 int a_type, int lda, const void *b, int b_type, int ldb, const void *beta, void *c,
                 int c_type, int ldc, int compute, int algorithm) {
    int is_half = a_type == CUDA_R_16BF;
    (void)compute, (void)algorithm;
    if (!handle || first || second || a_type != b_type || a_type != c_type || *(float *)alpha != 1 || *(float *)beta)
        return 7;
    if (a_type != CUDA_R_32F && !is_half) return NOT_SUPPORTED;
    while (fake_told("hang")) pause();
    fake_lost = fake_told("lost");
    for (int column = 0; column < n; column++)
        for (int row = 0; row < m; row++) {
            double sum = fake_told("wrong-product") ? 1 : 0;
            for (int i = 0; i < k; i++)
                sum += (double)entry(a, is_half, row + (size_t)i * lda) * entry(b, is_half, i + (size_t)column * ldb);
            store(c, is_half, row + (size_t)column * ldc, sum);
        }
    return 0;
}

/* NVML: a state for every device. */
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **device) {
    return *device = (void *)1, strncmp(address, "fafa:", 5) ? 6 : 0; /* NVML_ERROR_NOT_FOUND */
}
int nvmlDeviceGetClockInfo(void *device, int clock, unsigned *megahertz) {
    return (void)device, *megahertz = clock == 1 ? 1980 : 2619, 0; /* NVML_CLOCK_SM */
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { return (void)device, *milliwatts = 612500, 0; }
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) {
    return (void)device, (void)sensor, *celsius = 61, 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
    /* nvmlClocksThrottleReasonHwThermalSlowdown, nvmlClocksThrottleReasonSwPowerCap */
    return (void)device, *reasons = fake_told("hot") ? 0x40 : fake_told("capped") ? 0x4 : 0, 0;
}
