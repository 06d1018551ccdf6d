/*
 * progress.c
 *	  How far each training is: a small array in shared memory behind the view
 *	  recseq_progress.
 *
 * A slot belongs to the backend that trains, which alone writes to it.  The
 * lock is for taking and freeing slots; a slot's mutex is held while its figures
 * are written or copied.  A slot is freed when the memory context of its
 * training is reset, however the training ends, or when its process exits.
 */
#include "train/progress.h"

#include <math.h>

#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "store/versions.h"
#include "compat.h"
#include "results.h"
#include "segment.h"

#define SHOWN_NAME "recseq progress"
#define MAX_SLOTS 64			/* trainings beyond are not shown */
#define LEAST_SHARE 0.03		/* of a phase, to tell from it how long the rest takes */

/* Names of the phases, by enum ProgressPhase. */
static const char *const phase_names[] = {"reading", "training", "ranking", "storing"};

/* What is known of a training. */
typedef struct Figures
{
	int			pid;			/* 0: the slot is free */
	Oid			database;
	Oid			user;			/* whose rights it has */
	Oid			session_user;
	int64		job;			/* 0: none */
	char		model[VERSION_MODEL_NAME];
	TimestampTz start;
	ProgressPhase phase;
	int32		epochs;			/* at most */
	int32		epochs_done;
	TimestampTz first_epoch_start;	/* of this process, which began after ... */
	int32		epochs_before;	/* ... so many that were done */
	TimestampTz epoch_start;
	int64		windows;		/* of an epoch */
	int64		windows_done;	/* of the current one */
	double		rate;			/* windows a second; NAN: not known yet */
	TimestampTz phase_start;
	double		expected;		/* seconds after the epochs */
	double		share;			/* of the second stage's fit that is done; NAN: not known yet */
	double		loss;			/* of the current epoch, or else of the last one */
	double		validation_loss;	/* of the last epoch, as the next */
	double		hit_rate;
	double		mrr;
} Figures;

struct ProgressSlot
{
	slock_t		mutex;
	Figures		figures;
};

/* The trainings that are shown. */
typedef struct Shown
{
	LWLock		lock;
	ProgressSlot slots[MAX_SLOTS];
} Shown;

static Shown *shown = NULL;

/* Columns of recseq_get_progress(). */
enum
{
	COLUMN_PID,
	COLUMN_DATID,
	COLUMN_USESYSID,
	COLUMN_JOB,
	COLUMN_MODEL,
	COLUMN_PHASE,
	COLUMN_EPOCH,
	COLUMN_EPOCHS,
	COLUMN_WINDOWS_DONE,
	COLUMN_WINDOWS_TOTAL,
	COLUMN_LOSS,
	COLUMN_VAL_LOSS,
	COLUMN_HIT_RATE,
	COLUMN_MRR,
	COLUMN_RATE,
	COLUMN_DONE,
	COLUMN_SECONDS_LEFT,
	COLUMN_STARTED,
	COLUMNS
};

static void
init_shown(void *memory)
{
	Shown	   *created = memory;

	for (int i = 0; i < MAX_SLOTS; i++)
	{
		SpinLockInit(&created->slots[i].mutex);
		created->slots[i].figures.pid = 0;
	}
}

static void
attach(void)
{
	if (shown == NULL)
		shown = segment_named(SHOWN_NAME, sizeof(Shown), init_shown);
}

/* ---------------------------------------------------------------- writing */

/* MemoryContextCallback: the training is over. */
static void
free_slot(void *arg)
{
	ProgressSlot *slot = arg;

	LWLockAcquire(&shown->lock, LW_EXCLUSIVE);
	/* free_my_slots() may have been faster */
	if (slot->figures.pid == MyProcPid)
		slot->figures.pid = 0;
	LWLockRelease(&shown->lock);
}

/* This process exits, and resets no context that outlives transactions. */
static void
free_my_slots(int code, Datum arg)
{
	for (int i = 0; i < MAX_SLOTS; i++)
		free_slot(&shown->slots[i]);
}

/* Take a free slot, or return NULL. */
static ProgressSlot *
take_slot(const Figures *figures)
{
	ProgressSlot *slot = NULL;

	LWLockAcquire(&shown->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_SLOTS && slot == NULL; i++)
	{
		if (shown->slots[i].figures.pid == 0)
			slot = &shown->slots[i];
	}
	if (slot != NULL)
		slot->figures = *figures;
	LWLockRelease(&shown->lock);
	return slot;
}

ProgressSlot *
progress_begin(const char *model, int64 job, int32 epochs)
{
	static bool registered = false;
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	TimestampTz now = GetCurrentTimestamp();
	Figures		figures = {
		.pid = MyProcPid,
		.database = MyDatabaseId,
		.user = GetUserId(),
		.session_user = GetSessionUserId(),
		.job = job,
		.start = now,
		.phase = PROGRESS_READING,
		.epochs = epochs,
		.epoch_start = now,
		.rate = NAN,
		.phase_start = now,
		.share = NAN,
		.loss = NAN,
		.validation_loss = NAN,
		.hit_rate = NAN,
		.mrr = NAN
	};
	ProgressSlot *slot;

	strlcpy(figures.model, model, sizeof(figures.model));
	attach();
	if (!registered)
	{
		before_shmem_exit(free_my_slots, (Datum) 0);
		registered = true;
	}
	slot = take_slot(&figures);
	if (slot != NULL)
	{
		callback->func = free_slot;
		callback->arg = slot;
		MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	}
	return slot;
}

void
progress_expect(ProgressSlot *slot, double seconds)
{
	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->mutex);
	slot->figures.expected = seconds;
	SpinLockRelease(&slot->mutex);
}

void
progress_phase(ProgressSlot *slot, ProgressPhase phase)
{
	TimestampTz now = GetCurrentTimestamp();

	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->mutex);
	slot->figures.phase = phase;
	slot->figures.phase_start = now;
	SpinLockRelease(&slot->mutex);
}

void
progress_epoch(ProgressSlot *slot, int32 done, int64 windows)
{
	TimestampTz now = GetCurrentTimestamp();

	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->mutex);
	slot->figures.phase = PROGRESS_TRAINING;
	slot->figures.epochs_done = done;
	slot->figures.epochs_before = done;
	slot->figures.first_epoch_start = now;
	slot->figures.epoch_start = now;
	slot->figures.windows = windows;
	slot->figures.windows_done = 0;
	SpinLockRelease(&slot->mutex);
}

void
progress_windows(ProgressSlot *slot, int64 windows, double loss)
{
	TimestampTz now = GetCurrentTimestamp();

	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->mutex);
	slot->figures.windows_done = windows;
	slot->figures.loss = loss;
	if (now > slot->figures.epoch_start)
		slot->figures.rate = (double) windows * USECS_PER_SEC /
			(double) (now - slot->figures.epoch_start);
	SpinLockRelease(&slot->mutex);
}

void
progress_second_stage(ProgressSlot *slot, double share)
{
	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->mutex);
	slot->figures.share = share;
	SpinLockRelease(&slot->mutex);
}

void
progress_report(ProgressSlot *slot, const EpochReport *report)
{
	TimestampTz now = GetCurrentTimestamp();

	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->mutex);
	slot->figures.epochs_done = report->epoch;
	slot->figures.epoch_start = now;
	slot->figures.windows_done = 0;
	slot->figures.loss = report->loss;
	slot->figures.validation_loss = report->validation_loss;
	slot->figures.hit_rate = report->hit_rate;
	slot->figures.mrr = report->mrr;
	SpinLockRelease(&slot->mutex);
}

/* ---------------------------------------------------------------- reading */

/* The share of the phase that is done; NAN: not known. */
static double
share_done(const Figures *figures)
{
	double		windows = (double) figures->epochs_done * (double) figures->windows +
		(double) figures->windows_done;

	if (figures->phase == PROGRESS_TRAINING)
		return Min(windows / ((double) figures->epochs * (double) figures->windows), 1);
	return figures->phase == PROGRESS_RANKING ? figures->share : NAN;
}

/*
 * Seconds until all epochs are trained, and then the second stage is fitted; NAN:
 * not known.  An epoch takes as long as those before it, with their validation.
 */
static double
seconds_left(const Figures *figures)
{
	TimestampTz now = GetCurrentTimestamp();
	int32		epochs = figures->epochs - figures->epochs_done;
	double		in_epoch = (double) (now - figures->epoch_start) / USECS_PER_SEC;
	double		in_phase = (double) (now - figures->phase_start) / USECS_PER_SEC;
	double		epoch = (double) figures->windows / figures->rate;

	if (figures->epochs_done > figures->epochs_before)
		epoch = (double) (figures->epoch_start - figures->first_epoch_start) / USECS_PER_SEC /
			(figures->epochs_done - figures->epochs_before);
	if (figures->phase == PROGRESS_TRAINING)
		return figures->expected + Max(epochs * epoch - Min(in_epoch, epoch), 0);
	if (figures->phase != PROGRESS_RANKING)
		return NAN;
	if (figures->share > LEAST_SHARE)
		return in_phase * (1 - figures->share) / figures->share;
	return Max(figures->expected - in_phase, 0);
}

/* Add the row of a training; the caller may see more of it than that there is one. */
static void
add_row(const Results *results, const Figures *figures, bool visible)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS];
	bool		training = figures->phase == PROGRESS_TRAINING;

	memset(nulls, !visible, sizeof(nulls));
	nulls[COLUMN_PID] = nulls[COLUMN_DATID] = nulls[COLUMN_USESYSID] = false;
	values[COLUMN_PID] = Int32GetDatum(figures->pid);
	values[COLUMN_DATID] = ObjectIdGetDatum(figures->database);
	values[COLUMN_USESYSID] = ObjectIdGetDatum(figures->user);
	if (visible)
	{
		nulls[COLUMN_JOB] = figures->job == 0;
		values[COLUMN_JOB] = Int64GetDatum(figures->job);
		values[COLUMN_MODEL] = CStringGetTextDatum(figures->model);
		values[COLUMN_PHASE] = CStringGetTextDatum(phase_names[figures->phase]);
		values[COLUMN_EPOCH] = Int32GetDatum(Min(figures->epochs_done + training,
												 figures->epochs));
		values[COLUMN_EPOCHS] = Int32GetDatum(figures->epochs);
		values[COLUMN_WINDOWS_DONE] = Int64GetDatum(figures->windows_done);
		values[COLUMN_WINDOWS_TOTAL] = Int64GetDatum(figures->windows);
		results_set_double(values, nulls, COLUMN_LOSS, figures->loss);
		results_set_double(values, nulls, COLUMN_VAL_LOSS, figures->validation_loss);
		results_set_double(values, nulls, COLUMN_HIT_RATE, figures->hit_rate);
		results_set_double(values, nulls, COLUMN_MRR, figures->mrr);
		results_set_double(values, nulls, COLUMN_RATE, figures->rate);
		results_set_double(values, nulls, COLUMN_DONE, share_done(figures));
		results_set_double(values, nulls, COLUMN_SECONDS_LEFT, seconds_left(figures));
		values[COLUMN_STARTED] = TimestampTzGetDatum(figures->start);
	}
	results_add(results, values, nulls);
}

PG_FUNCTION_INFO_V1(recseq_get_progress);

/* recseq_get_progress(): what the view recseq_progress shows. */
Datum
recseq_get_progress(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	Oid			user = GetUserId();
	Figures		figures[MAX_SLOTS];

	attach();
	LWLockAcquire(&shown->lock, LW_SHARED);
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		SpinLockAcquire(&shown->slots[i].mutex);
		figures[i] = shown->slots[i].figures;
		SpinLockRelease(&shown->slots[i].mutex);
	}
	LWLockRelease(&shown->lock);
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (figures[i].pid != 0)
			add_row(&results, &figures[i],
					has_privs_of_role(user, ROLE_PG_READ_ALL_STATS) ||
					has_privs_of_role(user, figures[i].user) ||
					has_privs_of_role(user, figures[i].session_user));
	}
	return (Datum) 0;
}
