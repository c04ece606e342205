/* NCCL, and RCCL, which has the same functions: the calls of a group are done when it ends. All ranks
   are threads of one process. */
#include <stdlib.h>
#include <string.h>

int fake_told(const char *word);

struct rank { int rank, ranks; };
enum operation { ALL_REDUCE, REDUCE_SCATTER, ALL_GATHER, SEND, RECEIVE };
struct call { enum operation operation; const float *from; float *to; size_t count; int peer; struct rank *rank; };

enum { FLOAT32 = 7, SUM = 0, INVALID = 4 };
static struct call calls[1024];
static int count, is_open;

int ncclGetVersion(int *version) { return *version = 22203, 0; }
int ncclGetUniqueId(void *id) { return memset(id, 7, 128), 0; }
const char *ncclGetErrorString(int code) { return code ? "invalid argument" : "no error"; }

struct id { char bytes[128]; };
int ncclCommInitRank(void **communicator, int ranks, struct id id, int rank) {
    struct rank *own = malloc(sizeof *own);
    *own = (struct rank){rank, ranks};
    return *communicator = own, id.bytes[0] == 7 && id.bytes[127] == 7 ? 0 : INVALID;
}
int ncclCommDestroy(void *communicator) { return free(communicator), 0; }

static int keep(struct call call, int type, void *stream) {
    if (type != FLOAT32 || !stream || !is_open || count == 1024) return INVALID;
    return calls[count++] = call, 0;
}

int ncclAllReduce(const void *from, void *to, size_t n, int type, int operator, void *rank, void *stream) {
    return operator ? INVALID : keep((struct call){ALL_REDUCE, from, to, n, 0, rank}, type, stream);
}
int ncclReduceScatter(const void *from, void *to, size_t n, int type, int operator, void *rank, void *stream) {
    return operator ? INVALID : keep((struct call){REDUCE_SCATTER, from, to, n, 0, rank}, type, stream);
}
int ncclAllGather(const void *from, void *to, size_t n, int type, void *rank, void *stream) {
    return keep((struct call){ALL_GATHER, from, to, n, 0, rank}, type, stream);
}
int ncclSend(const void *from, size_t n, int type, int peer, void *rank, void *stream) {
    return keep((struct call){SEND, from, 0, n, peer, rank}, type, stream);
}
int ncclRecv(void *to, size_t n, int type, int peer, void *rank, void *stream) {
    return keep((struct call){RECEIVE, 0, to, n, peer, rank}, type, stream);
}

int ncclGroupStart(void) { return is_open = 1, count = 0, 0; }

/* Sums of every call's entries from `start` on, over all ranks. */
static float *sums(size_t start, size_t n) {
    float *sums = calloc(n, sizeof *sums);
    for (int i = 0; i < count; i++)
        for (size_t at = 0; at < n; at++) sums[at] += calls[i].from[start + at];
    if (fake_told("wrong-sum")) sums[n / 2] += 1;
    return sums;
}

static void gather(const struct call *call) {
    for (int i = 0; i < count; i++)
        memcpy(call->to + calls[i].rank->rank * call->count, calls[i].from, call->count * sizeof(float));
}

static void receive(const struct call *call) {
    for (int i = 0; i < count; i++) {
        const struct call *other = &calls[i];
        if (other->operation == SEND && other->peer == call->rank->rank && other->rank->rank == call->peer)
            memcpy(call->to, other->from, call->count * sizeof(float));
    }
}

/* What ranks give may be where they get: nothing is written before everything is read. */
int ncclGroupEnd(void) {
    float **results = calloc(count + 1, sizeof *results);
    for (int i = 0; i < count; i++) {
        if (calls[i].operation == ALL_REDUCE) results[i] = sums(0, calls[i].count);
        if (calls[i].operation == REDUCE_SCATTER)
            results[i] = sums(calls[i].rank->rank * calls[i].count, calls[i].count);
    }
    for (int i = 0; i < count; i++) {
        if (results[i]) memcpy(calls[i].to, results[i], calls[i].count * sizeof(float));
        if (calls[i].operation == ALL_GATHER) gather(&calls[i]);
        if (calls[i].operation == RECEIVE) receive(&calls[i]);
        free(results[i]);
    }
    free(results);
    return is_open = 0, 0;
}
