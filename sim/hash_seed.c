#include "hash_seed.h"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>

static uint64_t seed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u + (uint64_t)now.tv_sec;
    }
    seed |= 1;
}

uint64_t hs_hash_seed(void)
{
    pthread_once(&once, choose);
    return seed;
}
