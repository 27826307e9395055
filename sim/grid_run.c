/* All cells of a grid on all cores.
 *
 * The cells of a group, sorted by their operations, are a tree: what two cells begin with in common
 * is one path. A job is a range of sorted cells and the run that has done their common begin. It
 * goes on to where its cells part, splits there in two halves, of which one takes a copy of the
 * run, and so on down to one cell. Halves go to other threads while those have nothing to do.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grid_cell.h"

typedef struct job {
    struct job *next;
    size_t first, count; /* of the sorted cells */
    size_t depth;        /* operations done */
    hs_cell_run *run;    /* NULL: not yet begun */
} job;

typedef struct crew {
    hs_grid *grid;
    const hs_grid_how *how;
    size_t *order; /* cells, sorted */
    pthread_mutex_t lock;
    pthread_cond_t more;
    job *jobs;
    size_t job_count;
    unsigned threads;
    unsigned busy;
    uint64_t done, count;
    bool failed;
    hs_error *error;
} crew;

typedef struct worker {
    crew *crew;
    hs_board_pool pool;
    hs_error error;
} worker;

static bool stopped(const crew *c)
{
    return c->how->stop != NULL && atomic_load(c->how->stop) != 0;
}

static void push(crew *c, job *j)
{
    pthread_mutex_lock(&c->lock);
    j->next = c->jobs;
    c->jobs = j;
    c->job_count++;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
}

/* Whether another thread would take a job now. */
static bool hungry(crew *c)
{
    pthread_mutex_lock(&c->lock);
    bool result = c->job_count + c->busy < c->threads;
    pthread_mutex_unlock(&c->lock);
    return result;
}

static void give_up(worker *w)
{
    crew *c = w->crew;
    pthread_mutex_lock(&c->lock);
    if (!c->failed) {
        c->failed = true;
        *c->error = w->error;
    }
    pthread_cond_broadcast(&c->more);
    pthread_mutex_unlock(&c->lock);
}

static hs_cell *cell_at(const crew *c, size_t at)
{
    return &c->grid->cells[c->order[at]];
}

static void tell(crew *c, size_t cells)
{
    pthread_mutex_lock(&c->lock);
    c->done += cells;
    if (c->how->progress != NULL) {
        c->how->progress(c->how->context, c->done, c->count);
    }
    pthread_mutex_unlock(&c->lock);
}

const char *hs_grid_reason(const char *message)
{
    size_t path = strcspn(message, ":");
    const char *name = message;
    for (size_t i = 0; i < path; i++) {
        name = message[i] == '/' ? message + i + 1 : name;
    }
    return name;
}

/* All cells of the job would stumble over the same statement. */
static int mark_unfit(worker *w, const job *j)
{
    if (hs_error_of_host(&w->error)) {
        return -1;
    }
    for (size_t i = 0; i < j->count; i++) {
        hs_cell *cell = cell_at(w->crew, j->first + i);
        cell->state = HS_CELL_UNFIT;
        cell->reason = strdup(hs_grid_reason(w->error.text));
        if (cell->reason == NULL) {
            return -1;
        }
    }
    tell(w->crew, j->count);
    w->error.text[0] = 0;
    return 0;
}

/* Goes on to operation `to`. 0, -1, or 1: no cell of the job goes on (stopped, unfit). */
static int advance(worker *w, job *j, size_t to)
{
    const hs_cell *first = cell_at(w->crew, j->first);
    if (j->run == NULL) {
        j->run = hs_cell_run_create(w->crew->grid, first->group, &w->pool, &w->error);
        if (j->run == NULL) { /* the board or the collector refuses the policy */
            return mark_unfit(w, j) == 0 ? 1 : -1;
        }
    }
    for (; j->depth < to; j->depth++) {
        int result = hs_cell_run_do(j->run, &first->program.list[j->depth], &w->pool,
                                    w->crew->how->stop, &w->error);
        if (result < 0) {
            return j->run->unfit && mark_unfit(w, j) == 0 ? 1 : -1;
        }
        if (result > 0 || stopped(w->crew)) {
            return 1;
        }
    }
    return 0;
}

static size_t common_of(const crew *c, const job *j)
{
    return hs_program_common(&cell_at(c, j->first)->program,
                             &cell_at(c, j->first + j->count - 1)->program);
}

/* Where to split: the border between two branches that is nearest to the middle. Cells of the same
 * operations stay together. */
static size_t split_at(const crew *c, const job *j, size_t depth)
{
    size_t middle = j->first + j->count / 2;
    for (size_t away = 0; away <= j->count; away++) {
        size_t tries[] = {middle + away, middle - away};
        for (size_t i = 0; i < 2; i++) {
            size_t at = tries[i];
            if (at > j->first && at < j->first + j->count &&
                hs_program_common(&cell_at(c, at - 1)->program, &cell_at(c, at)->program) ==
                    depth) {
                return at - j->first;
            }
        }
    }
    return 0;
}

static int finish_cells(worker *w, job *j)
{
    for (size_t i = 0; i < j->count; i++) {
        hs_cell_run *run = j->run;
        bool last = i + 1 == j->count;
        if (!last && (run = hs_cell_run_copy(j->run, &w->pool, &w->error)) == NULL) {
            return -1;
        }
        hs_cell *cell = cell_at(w->crew, j->first + i);
        int result = hs_cell_run_finish(run, cell, &w->pool, &w->error);
        if (!last) {
            hs_cell_run_destroy(run, &w->pool);
        }
        if (result != 0) {
            return -1;
        }
        cell->state = HS_CELL_DONE;
        tell(w->crew, 1);
    }
    return 0;
}

static int do_job(worker *w, job *j);

/* The right half as a job of its own, then this one shrinks to the left half. */
static int split(worker *w, job *j, size_t left)
{
    job *right = malloc(sizeof *right);
    if (right == NULL) {
        hs_error_set(&w->error, NULL, 0, "the host is out of memory");
        return -1;
    }
    *right = (job){.first = j->first + left, .count = j->count - left, .depth = j->depth};
    right->run = hs_cell_run_copy(j->run, &w->pool, &w->error);
    if (right->run == NULL) {
        free(right);
        return -1;
    }
    j->count = left;
    if (hungry(w->crew)) {
        push(w->crew, right);
        return 0;
    }
    int result = do_job(w, right);
    hs_cell_run_destroy(right->run, &w->pool);
    free(right);
    return result;
}

static int do_job(worker *w, job *j)
{
    for (;;) {
        size_t depth = common_of(w->crew, j);
        int result = advance(w, j, depth);
        if (result != 0) {
            return result < 0 ? -1 : 0;
        }
        size_t left = split_at(w->crew, j, depth);
        if (left == 0) {
            return finish_cells(w, j);
        }
        if (split(w, j, left) != 0) {
            return -1;
        }
        if (stopped(w->crew)) {
            return 0;
        }
    }
}

static job *next_job(crew *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->jobs == NULL && c->busy > 0 && !c->failed) {
        pthread_cond_wait(&c->more, &c->lock);
    }
    job *j = c->failed ? NULL : c->jobs;
    if (j != NULL) {
        c->jobs = j->next;
        c->job_count--;
        c->busy++;
    } else {
        pthread_cond_broadcast(&c->more);
    }
    pthread_mutex_unlock(&c->lock);
    return j;
}

static void *work(void *context)
{
    worker *w = context;
    job *j;
    while ((j = next_job(w->crew)) != NULL) {
        int result = stopped(w->crew) ? 0 : do_job(w, j);
        hs_cell_run_destroy(j->run, &w->pool);
        free(j);
        pthread_mutex_lock(&w->crew->lock);
        w->crew->busy--;
        pthread_cond_broadcast(&w->crew->more);
        pthread_mutex_unlock(&w->crew->lock);
        if (result != 0) {
            give_up(w);
        }
    }
    hs_pool_release(&w->pool);
    return NULL;
}

/* --- the list of jobs --- */

static const hs_grid *sorting; /* qsort has no context; one grid is sorted at a time */
static pthread_mutex_t sort_lock = PTHREAD_MUTEX_INITIALIZER;

static int compare_cells(const void *a, const void *b)
{
    const hs_cell *left = &sorting->cells[*(const size_t *)a];
    const hs_cell *right = &sorting->cells[*(const size_t *)b];
    if (left->group != right->group) {
        return left->group < right->group ? -1 : 1;
    }
    int result = hs_program_compare(&left->program, &right->program);
    return result != 0 ? result : (left > right) - (left < right);
}

static size_t sort_cells(crew *c)
{
    size_t count = 0;
    size_t shards = c->how->shards > 1 ? c->how->shards : 1;
    for (size_t i = 0; i < c->grid->cell_count; i++) {
        if (c->grid->cells[i].state == HS_CELL_PENDING && i % shards == c->how->shard % shards) {
            c->order[count++] = i;
        }
    }
    pthread_mutex_lock(&sort_lock);
    sorting = c->grid;
    qsort(c->order, count, sizeof *c->order, compare_cells);
    pthread_mutex_unlock(&sort_lock);
    return count;
}

/* One job for each group. */
static int make_jobs(crew *c, size_t count)
{
    for (size_t i = count; i > 0;) {
        size_t end = i;
        size_t group = cell_at(c, end - 1)->group;
        while (i > 0 && cell_at(c, i - 1)->group == group) {
            i--;
        }
        job *j = malloc(sizeof *j);
        if (j == NULL) {
            return -1;
        }
        *j = (job){.first = i, .count = end - i};
        push(c, j);
    }
    return 0;
}

static unsigned thread_count(const hs_grid_how *how)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = how->threads != 0 ? how->threads : cores > 0 ? (unsigned)cores : 1;
    return count > 1024 ? 1024 : count;
}

static void run_crew(crew *c, worker *workers, pthread_t *threads)
{
    unsigned started = 0;
    for (unsigned i = 0; i < c->threads; i++) {
        workers[i].crew = c;
    }
    while (started + 1 < c->threads &&
           pthread_create(&threads[started], NULL, work, &workers[started]) == 0) {
        started++;
    }
    work(&workers[c->threads - 1]);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* Those left when a thread gave up, or when not all could be made. */
static void drop_jobs(crew *c)
{
    hs_board_pool pool = {0};
    for (job *j = c->jobs; j != NULL; j = c->jobs) {
        c->jobs = j->next;
        hs_cell_run_destroy(j->run, &pool);
        free(j);
    }
    hs_pool_release(&pool);
}

int hs_grid_run(hs_grid *grid, const hs_grid_how *how, hs_error *error)
{
    crew c = {.grid = grid, .how = how, .error = error, .threads = thread_count(how)};
    worker *workers = calloc(c.threads, sizeof *workers);
    pthread_t *threads = calloc(c.threads, sizeof *threads);
    c.order = calloc(grid->cell_count + 1, sizeof *c.order);
    int result = -1;
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.more, NULL);
    if (workers != NULL && threads != NULL && c.order != NULL) {
        size_t count = sort_cells(&c);
        c.count = count;
        result = make_jobs(&c, count);
        if (result == 0) {
            run_crew(&c, workers, threads);
            result = c.failed ? -1 : 0;
        }
    }
    if (result != 0 && error->text[0] == 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
    }
    drop_jobs(&c);
    pthread_cond_destroy(&c.more);
    pthread_mutex_destroy(&c.lock);
    free(c.order);
    free(threads);
    free(workers);
    return result;
}
