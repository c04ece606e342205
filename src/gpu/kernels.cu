// Device kernels, for NVRTC and hipRTC alike: no header, every parameter 64 bits wide.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct alignas(16) Four { float x, y, z, w; };

static __device__ u64 first() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
static __device__ u64 step() { return (u64)gridDim.x * blockDim.x; }

// The finaliser of MurmurHash3 (A. Appleby, public domain).
static __device__ u32 mix(u32 hash) {
    hash ^= hash >> 16;
    hash *= 0x85ebca6bu;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35u;
    return hash ^ (hash >> 16);
}

static __device__ u32 bits_of(float value) {
    union { float value; u32 bits; } both;
    both.value = value;
    return both.bits;
}

// A float in fewer bits, for values that fit exactly.
static __device__ u32 shrink(u32 bits, int exponent, int fraction) {
    u32 sign = (bits >> 31) << (exponent + fraction);
    int power = (int)((bits >> 23) & 255u) - 127 + (1 << (exponent - 1)) - 1;
    if (power <= 0) return sign;
    return sign | ((u32)power << fraction) | ((bits & 0x7fffffu) >> (23 - fraction));
}

// Random entries in [-1, 1), multiples of 2^-fraction; `bytes` and `fraction` choose the type.
extern "C" __global__ void draw(u64 out, u64 count, u64 seed, u64 bytes, u64 fraction) {
    for (u64 i = first(); i < count; i += step()) {
        u32 hash = (u32)i ^ mix((u32)(i >> 32) ^ (u32)seed);
        hash = mix(hash + (u32)seed);
        int level = (int)(hash >> (31 - fraction)) - (1 << fraction);
        u32 bits = bits_of((float)level / (float)(1u << fraction));
        if (bytes == 4) ((u32 *)out)[i] = bits;
        else if (bytes == 1) ((u8 *)out)[i] = (u8)shrink(bits, 4, 3);
        else if (fraction == 7) ((u16 *)out)[i] = (u16)(bits >> 16);
        else ((u16 *)out)[i] = (u16)shrink(bits, 5, 10);
    }
}

extern "C" __global__ void nothing() {}

// a = b + 3 c over groups of four floats.
extern "C" __global__ void triad(u64 a, u64 b, u64 c, u64 fours) {
    for (u64 i = first(); i < fours; i += step()) {
        Four p = ((const Four *)b)[i], q = ((const Four *)c)[i];
        Four sum = { p.x + 3.0f * q.x, p.y + 3.0f * q.y, p.z + 3.0f * q.z, p.w + 3.0f * q.w };
        ((Four *)a)[i] = sum;
    }
}

// a = b over groups of four floats.
extern "C" __global__ void duplicate(u64 a, u64 b, u64 fours) {
    for (u64 i = first(); i < fours; i += step()) ((Four *)a)[i] = ((const Four *)b)[i];
}

// The summand of a rank: small whole numbers, so that sums of many ranks are exact.
extern "C" __global__ void contribute(u64 out, u64 count, u64 rank) {
    for (u64 i = first(); i < count; i += step())
        ((float *)out)[i] = (float)((i + rank) % 61 + rank);
}

// Counts the entries that differ from the sum over all ranks.
extern "C" __global__ void count_wrong(u64 sums, u64 count, u64 ranks, u64 wrong) {
    for (u64 i = first(); i < count; i += step()) {
        float expected = 0.0f;
        for (u64 rank = 0; rank < ranks; ++rank) expected += (float)((i + rank) % 61 + rank);
        if (((const float *)sums)[i] != expected) atomicAdd((u32 *)wrong, 1u);
    }
}

// Adds up 32-bit words into one: what a consumer of loaded data does at least.
extern "C" __global__ void add_up(u64 words, u64 count, u64 sum) {
    u32 own = 0;
    for (u64 i = first(); i < count; i += step()) own += ((const u32 *)words)[i];
    atomicAdd((u32 *)sum, own);
}
