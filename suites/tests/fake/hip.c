/* HIP, hipRTC and rocBLAS in terms of the CUDA fakes, whose error numbers are the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t u64;
int fake_count(void), fake_told(const char *word);
int cuCtxSetCurrent(void *), cuMemGetInfo_v2(size_t *, size_t *), cuMemAlloc_v2(u64 *, size_t), cuMemFree_v2(u64);
int cuMemHostAlloc(void **, size_t, unsigned), cuMemFreeHost(void *), cuMemHostRegister_v2(void *, size_t, unsigned);
int cuMemHostUnregister(void *), cuMemcpyAsync(u64, u64, size_t, void *), cuStreamCreate(void **, unsigned);
int cuMemsetD8Async(u64, unsigned char, size_t, void *), cuDeviceCanAccessPeer(int *, int, int);
int cuStreamDestroy_v2(void *), cuStreamSynchronize(void *), cuEventCreate(void **, unsigned);
int cuEventRecord(void *, void *), cuEventElapsedTime(float *, void *, void *), cuEventDestroy_v2(void *);
int cuModuleLoadData(void **, const void *), cuModuleGetFunction(void **, void *, const char *);
int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
int cublasGemmEx(void *, int, int, int, int, int, const void *, const void *, int, int, const void *, int, int,
                 const void *, void *, int, int, int, int);

int hipInit(unsigned flags) { return flags; }
int hipGetDeviceCount(int *count) { return *count = fake_count(), *count ? 0 : 100; }
int hipDeviceGetName(char *name, int length, int device) { return snprintf(name, length, "Fake Instinct"), device < 0; }
int hipDeviceGetPCIBusId(char *address, int length, int device) {
    return snprintf(address, length, "FAFA:%02X:00.0", device + 1), 0;
}
int hipDeviceGetAttribute(int *value, int attribute, int device) {
    return *value = 2, attribute == 63 && device < fake_count() ? 0 : 1; /* compute units */
}
int hipDeviceTotalMem(size_t *bytes, int device) { return *bytes = 1 << 30, device >= fake_count(); }
int hipMemGetInfo(size_t *free, size_t *total) { return cuMemGetInfo_v2(free, total); }
int hipRuntimeGetVersion(int *version) { return *version = 60342134, 0; }
int hipDriverGetVersion(int *version) { return *version = 60342134, 0; }
const char *hipGetErrorString(int code) {
    return code == 2 ? "out of memory" : code == 719 ? "unspecified launch failure" : "an error";
}
int hipSetDevice(int device) { return device < fake_count() ? cuCtxSetCurrent((void *)(u64)(device + 1)) : 101; }
int hipMalloc(void **address, size_t bytes) { return cuMemAlloc_v2((u64 *)address, bytes); }
int hipFree(void *address) { return cuMemFree_v2((u64)address); }
int hipHostMalloc(void **address, size_t bytes, unsigned flags) { return cuMemHostAlloc(address, bytes, flags); }
int hipHostFree(void *address) { return cuMemFreeHost(address); }
int hipHostRegister(void *address, size_t bytes, unsigned flags) { return cuMemHostRegister_v2(address, bytes, flags); }
int hipHostUnregister(void *address) { return cuMemHostUnregister(address); }
int hipMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) {
    return kind < 1 || kind > 4 ? 21 : cuMemcpyAsync((u64)to, (u64)from, bytes, stream);
}
int hipMemsetAsync(void *to, int byte, size_t bytes, void *stream) { return cuMemsetD8Async((u64)to, byte, bytes, stream); }
int hipDeviceCanAccessPeer(int *can, int device, int peer) { return cuDeviceCanAccessPeer(can, device, peer); }
int hipDeviceEnablePeerAccess(int peer, unsigned flags) { return flags || peer >= fake_count(); }
int hipStreamCreateWithFlags(void **stream, unsigned flags) { return cuStreamCreate(stream, flags); }
int hipStreamDestroy(void *stream) { return cuStreamDestroy_v2(stream); }
int hipStreamSynchronize(void *stream) { return cuStreamSynchronize(stream); }
int hipEventCreateWithFlags(void **event, unsigned flags) { return cuEventCreate(event, flags); }
int hipEventRecord(void *event, void *stream) { return cuEventRecord(event, stream); }
int hipEventElapsedTime(float *milliseconds, void *from, void *to) { return cuEventElapsedTime(milliseconds, from, to); }
int hipEventDestroy(void *event) { return cuEventDestroy_v2(event); }
int hipModuleLoadData(void **module, const void *image) { return cuModuleLoadData(module, image); }
int hipModuleGetFunction(void **function, void *module, const char *name) {
    return cuModuleGetFunction(function, module, name);
}
int hipModuleLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                          unsigned shared, void *stream, void **parameters, void **extra) {
    return cuLaunchKernel(function, gx, gy, gz, bx, by, bz, shared, stream, parameters, extra);
}

int hiprtcCreateProgram(void **program, const char *source, const char *name, int headers,
                        const char *const *texts, const char *const *names) {
    (void)texts, (void)names;
    return *program = (void *)name, headers || !strstr(source, "__global__ void draw(") ? 6 : 0;
}
int hiprtcCompileProgram(void *program, int options, const char *const *option) {
    return (void)option, program && !options && !fake_told("compiler") ? 0 : 6;
}
int hiprtcGetCodeSize(void *program, size_t *size) { return *size = 5, !program; }
int hiprtcGetCode(void *program, char *code) { return memcpy(code, "FAKE", 5), !program; }
int hiprtcGetProgramLogSize(void *program, size_t *size) { return *size = 12, !program; }
int hiprtcGetProgramLog(void *program, char *log) { return memcpy(log, "told to fail", 12), !program; }

int rocblas_create_handle(void **handle) { return *handle = malloc(1), 0; }
int rocblas_set_stream(void *handle, void *stream) { return !handle || !stream; }
int rocblas_get_version_string(char *text, size_t size) { return snprintf(text, size, "4.3.0.fake"), 0; }
int rocblas_gemm_ex(void *handle, int first, int second, int m, int n, int k, const void *alpha, const void *a,
                    int a_type, int lda, const void *b, int b_type, int ldb, const void *beta, const void *c,
                    int c_type, int ldc, void *d, int d_type, int ldd, int compute, int algorithm, int solution,
                    unsigned flags) {
    int is_right = first == 111 && second == 111 && c == d && c_type == d_type && ldc == ldd && compute == 151;
    int type = a_type == 151 ? 0 : a_type == 168 ? 14 : 2; /* fp32, bf16, fp16 */
    if (!is_right || algorithm || solution || flags || a_type != b_type) return 11; /* invalid value */
    int code = cublasGemmEx(handle, 0, 0, m, n, k, alpha, a, type, lda, b, type, ldb, beta, d, type, ldd, 0, 0);
    return code == 15 ? 2 : code ? 6 : 0; /* not implemented, internal error */
}
