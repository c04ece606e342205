/* A CUDA driver whose devices are the host: their memory is malloc's, and whatever is enqueued is
   done at once. FAKE_GPUS says how many there are, FAKE_GPU what goes wrong. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;

/* CUresult, of which HIP has the same numbers. */
enum { DONE, INVALID = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 101, NOT_FOUND = 500, FAILED = 719 };

/* Set by a product that loses the device. */
int fake_lost;

int fake_told(const char *word) {
    const char *script = getenv("FAKE_GPU");
    return script && strstr(script, word);
}

int fake_count(void) {
    const char *count = getenv("FAKE_GPUS");
    return count ? atoi(count) : 1;
}

static int known(int device) { return device >= 0 && device < fake_count() ? DONE : NO_DEVICE; }

int cuDriverGetVersion(int *version) { return *version = 12040, DONE; }
int cuInit(unsigned flags) { return flags ? INVALID : DONE; }
int cuDeviceGetCount(int *count) { return *count = fake_told("amd") ? 0 : fake_count(), DONE; }

int cuGetErrorString(int code, const char **text) {
    *text = code == OUT_OF_MEMORY ? "out of memory" : code == FAILED ? "unspecified launch failure" : "an error";
    return DONE;
}

int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, known(ordinal); }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { return *bytes = 1 << 30, known(device); }

int cuDeviceGetName(char *name, int length, int device) {
    return snprintf(name, length, "Fake GPU"), known(device);
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    switch (attribute) {
    case 16: *value = 2; break;          /* multiprocessors */
    case 33: *value = device + 1; break; /* bus */
    case 34: *value = 0; break;          /* device on it */
    case 50: *value = 0xfafa; break;     /* domain: one that no machine has */
    case 75: *value = 9; break;          /* compute capability */
    case 76: *value = 0; break;
    default: return INVALID;
    }
    return known(device);
}

/* A context is the number of its device, and one. */
static _Thread_local u64 current;

int cuDevicePrimaryCtxRetain(void **context, int device) {
    return *context = (void *)(u64)(device + 1), known(device);
}
int cuCtxSetCurrent(void *context) { return current = (u64)context, DONE; }
int cuDeviceCanAccessPeer(int *can, int device, int peer) {
    return *can = device != peer, known(device) || known(peer);
}
int cuCtxEnablePeerAccess(void *context, unsigned flags) {
    return current && context && !flags ? DONE : INVALID;
}

int cuMemGetInfo_v2(size_t *free, size_t *total) { return *free = *total = 1 << 30, DONE; }
int cuMemAlloc_v2(u64 *address, size_t bytes) {
    if (!current) return INVALID;
    if (fake_told("full")) return OUT_OF_MEMORY;
    *address = (u64)malloc(bytes);
    return *address ? DONE : OUT_OF_MEMORY;
}
int cuMemFree_v2(u64 address) { return free((void *)address), DONE; }
int cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
    if (flags) return INVALID;
    *address = malloc(bytes);
    return *address ? DONE : OUT_OF_MEMORY;
}
int cuMemFreeHost(void *address) { return free(address), DONE; }
int cuMemHostRegister_v2(void *address, size_t bytes, unsigned flags) {
    return address && bytes && !flags ? DONE : INVALID;
}
int cuMemHostUnregister(void *address) { return address ? DONE : INVALID; }

static int copied(void *to, const void *from, size_t bytes) {
    memmove(to, from, bytes);
    if (fake_told("wrong-copy") && bytes) ((char *)to)[bytes / 2] = (char)0xa5;
    return current ? DONE : INVALID;
}

int cuMemcpyHtoDAsync_v2(u64 to, const void *from, size_t bytes, void *stream) {
    return stream ? copied((void *)to, from, bytes) : INVALID;
}
int cuMemcpyDtoHAsync_v2(void *to, u64 from, size_t bytes, void *stream) {
    return stream ? copied(to, (void *)from, bytes) : INVALID;
}
int cuMemcpyAsync(u64 to, u64 from, size_t bytes, void *stream) {
    return stream ? copied((void *)to, (void *)from, bytes) : INVALID;
}
int cuMemsetD8Async(u64 to, unsigned char byte, size_t bytes, void *stream) {
    return memset((void *)to, byte, bytes), stream ? DONE : INVALID;
}

int cuStreamCreate(void **stream, unsigned flags) {
    return *stream = malloc(1), flags == 1 ? DONE : INVALID; /* one that does not wait for others */
}
int cuStreamDestroy_v2(void *stream) { return free(stream), DONE; }
int cuStreamSynchronize(void *stream) { return !stream ? INVALID : fake_lost ? FAILED : DONE; }

int cuEventCreate(void **event, unsigned flags) {
    return *event = calloc(1, sizeof(struct timespec)), flags ? INVALID : DONE;
}
int cuEventDestroy_v2(void *event) { return free(event), DONE; }
int cuEventRecord(void *event, void *stream) {
    return clock_gettime(CLOCK_MONOTONIC, event), stream ? DONE : INVALID;
}
int cuEventElapsedTime(float *milliseconds, void *from, void *to) {
    const struct timespec *began = from, *ended = to;
    *milliseconds = (ended->tv_sec - began->tv_sec) * 1e3 + (ended->tv_nsec - began->tv_nsec) / 1e6;
    return DONE;
}

/* The product's own kernels, compiled for the host. */
void draw(u64, u64, u64, u64, u64), nothing(void), triad(u64, u64, u64, u64), duplicate(u64, u64, u64);
void contribute(u64, u64, u64), count_wrong(u64, u64, u64, u64), add_up(u64, u64, u64);

static const struct kernel { const char *name; void *run; int parameters; } kernels[] = {
    {"draw", draw, 5}, {"nothing", nothing, 0}, {"triad", triad, 4}, {"duplicate", duplicate, 3},
    {"contribute", contribute, 3}, {"count_wrong", count_wrong, 4}, {"add_up", add_up, 3},
};

int cuModuleLoadData(void **module, const void *image) {
    /* What the compiler gave, or the stored PTX. */
    int good = !memcmp(image, "FAKE", 4) || strstr(image, ".target sm_70");
    return *module = (void *)image, current && good ? DONE : INVALID;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (!strcmp(kernels[i].name, name)) return *function = (void *)&kernels[i], DONE;
    return module ? NOT_FOUND : INVALID;
}
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void *stream, void **parameters, void **extra) {
    const struct kernel *kernel = function;
    u64 p[5] = {0};
    if (!gx || !bx || gy * gz * by * bz != 1 || shared || !stream || extra || !current) return INVALID;
    for (int i = 0; i < kernel->parameters; i++) p[i] = *(u64 *)parameters[i];
    switch (kernel->parameters) {
    case 0: ((void (*)(void))kernel->run)(); break;
    case 3: ((void (*)(u64, u64, u64))kernel->run)(p[0], p[1], p[2]); break;
    case 4: ((void (*)(u64, u64, u64, u64))kernel->run)(p[0], p[1], p[2], p[3]); break;
    case 5: ((void (*)(u64, u64, u64, u64, u64))kernel->run)(p[0], p[1], p[2], p[3], p[4]); break;
    }
    return DONE;
}
