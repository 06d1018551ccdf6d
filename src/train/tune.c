/*
 * tune.c
 *	  recseq_tune: random search with successive halving over the options of
 *	  recseq_train.
 *
 * K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and
 * hyperparameter optimization", AISTATS 2016.  All trials are trained for a few
 * epochs; the best third goes on to three times as many, and so on, until one is
 * trained for all epochs.  Trials are judged by the validation windows that
 * recseq_train itself holds out of the source.
 *
 * The source is read once for each list of features.  Its order, and so what is
 * held out, does not depend on them.  A trial that may go on is kept as the pieces of a
 * checkpoint; of each rung no more are kept than can go on.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "guc.h"
#include "memory.h"
#include "names.h"
#include "train/options.h"
#include "results.h"
#include "train/space.h"
#include "train/training.h"

/* Arguments of recseq_tune by number, as sql/evaluation.sql declares them. */
enum
{
	ARG_SOURCE,
	ARG_BUDGET,
	ARG_TRIALS,
	ARG_OPTIONS,
	ARG_SPACE,
	ARG_OBJECTIVE,
	ARG_SEED
};

/* Columns of the result. */
enum
{
	COLUMN_TRIAL,
	COLUMN_RUNG,
	COLUMN_EPOCHS,
	COLUMN_OPTIONS,
	COLUMN_VAL_LOSS,
	COLUMN_HIT_RATE,
	COLUMN_SECONDS,
	COLUMN_BEST,
	COLUMN_CALL,
	COLUMNS
};

#define MAX_TRIALS 10000

/* One trial in so many goes on, to so many times the epochs. */
#define HALVING 3

typedef enum Objective
{
	BY_HIT_RATE,
	BY_LOSS
} Objective;

/* Names of the objectives, by enum Objective. */
static const char *const objective_names[] = {"hit_rate", "val_loss"};

typedef struct Trial
{
	int32		number;			/* from 1 */
	Jsonb	   *options;
	TrainerResult result;
	double		seconds;		/* of all its rungs */
	bool		diverged;
	/* while it may go on */
	int			pieces;
	TrainerPiece piece[TRAINER_MAX_PIECES];
} Trial;

/* The source with a list of features. */
typedef struct TuningSource
{
	const ArrayType *features;	/* NULL: those that it has by default */
	SourceData *data;
} TuningSource;

typedef struct Tuning
{
	Catalog		catalog;
	Oid			relation;
	MemoryContext context;		/* of all this */
	int32		sources;
	TuningSource *source;		/* [trials] at most */
	Jsonb	   *options;
	Jsonb	   *space;
	Objective	objective;
	uint64		seed;
	int32		trials;
	int32		rungs;
	int32		epochs;			/* of the last rung */
	double		budget;			/* seconds; INFINITY: none */
	instr_time	start;
	bool		progress;		/* a notice a trial */
	Trial	   *trial;			/* [trials] */
	Trial	  **kept;			/* those of the current rung that go on so far, best first */
	int32		kept_count;
	/* the rows */
	int32		rows;
	Datum	   *values;			/* rows x COLUMNS */
	bool	   *nulls;
	int32		best_row;
} Tuning;

/* ---------------------------------------------------------------- trials */

/* Whether a trial did better than another. */
static bool
is_better(const Tuning *tuning, const Trial *a, const Trial *b)
{
	const EpochReport *x = &a->result.best;
	const EpochReport *y = &b->result.best;

	if (a->diverged != b->diverged)
		return b->diverged;
	if (a->diverged)
		return false;
	if (tuning->objective == BY_HIT_RATE && x->hit_rate != y->hit_rate)
		return x->hit_rate > y->hit_rate;
	return x->validation_loss < y->validation_loss;
}

static void
drop_checkpoint(Trial *trial)
{
	for (int p = 0; p < trial->pieces; p++)
		pfree(trial->piece[p].at);
	trial->pieces = 0;
}

/* Copy the pieces of a trainer, in the current context. */
static void
take_checkpoint(Trial *trial, Trainer *trainer)
{
	trial->pieces = trainer_pieces(trainer, trial->piece);
	for (int p = 0; p < trial->pieces; p++)
	{
		char	   *copy = huge_array(char, trial->piece[p].bytes);

		memcpy(copy, trial->piece[p].at, trial->piece[p].bytes);
		trial->piece[p].at = copy;
	}
}

static void
resume_checkpoint(Trial *trial, Training *training)
{
	TrainerPiece piece[TRAINER_MAX_PIECES];

	trainer_pieces(&training->trainer, piece);
	for (int p = 0; p < trial->pieces; p++)
		memcpy(piece[p].at, trial->piece[p].at, piece[p].bytes);
	if (!training_resume(training, trial->seconds))
		elog(ERROR, "could not go on with a trial");
	drop_checkpoint(trial);
}

/* Among the best so far of a rung, of which `most` go on, or not. */
static bool
keep(Tuning *tuning, Trial *trial, int32 most)
{
	int32		place = tuning->kept_count;

	while (place > 0 && is_better(tuning, trial, tuning->kept[place - 1]))
		place--;
	if (place >= most)
		return false;
	if (tuning->kept_count == most)
		drop_checkpoint(tuning->kept[--tuning->kept_count]);
	memmove(&tuning->kept[place + 1], &tuning->kept[place],
			sizeof(Trial *) * (tuning->kept_count - place));
	tuning->kept[place] = trial;
	tuning->kept_count++;
	return true;
}

static bool
same_features(const ArrayType *a, const ArrayType *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* The source with the features of a trial, read where no trial before had these. */
static SourceData *
read_source(Tuning *tuning, const TrainOptions *options)
{
	TuningSource *source;
	MemoryContext caller;

	for (int32 s = 0; s < tuning->sources; s++)
	{
		if (same_features(tuning->source[s].features, options->features))
			return tuning->source[s].data;
	}
	source = &tuning->source[tuning->sources++];
	caller = MemoryContextSwitchTo(tuning->context);
	source->features = options->features == NULL ? NULL
		: DatumGetArrayTypePCopy(PointerGetDatum(options->features));
	source->data = train_read(options);
	MemoryContextSwitchTo(caller);
	return source->data;
}

/* Train a trial up to that many epochs; it is kept if it is among the best `most`. */
static void
run_trial(Tuning *tuning, Trial *trial, int32 epochs, int32 most)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recseq trial",
												  ALLOCSET_DEFAULT_SIZES);
	TrainOptions options;
	Training   *training;

	MemoryContextSwitchTo(context);
	options = train_options(train_arguments(&tuning->catalog, tuning->relation,
											trial->options, false));
	options.model = "(tuning)";	/* for recseq_progress */
	training = training_begin(&options, read_source(tuning, &options));
	if (trial->pieces > 0)
		resume_checkpoint(trial, training);
	trial->diverged = !training_try(training, epochs - trial->result.epochs);
	MemoryContextSwitchTo(caller);
	if (!trial->diverged)
	{
		/* the checkpoint before trainer_finish, which changes the weights */
		take_checkpoint(trial, &training->trainer);
		trial->result = trainer_finish(&training->trainer);
		if (isnan(trial->result.best.hit_rate))
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA_FOUND),
					 errmsg("there is nothing to judge trials by"),
					 errdetail("No validation window has a target that occurs in what is trained on."),
					 errhint("Raise \"validation_fraction\", or use a source with more sequences.")));
		if (!keep(tuning, trial, most))
			drop_checkpoint(trial);
	}
	trial->seconds = training_seconds(training);
	training_end(training);
	MemoryContextDelete(context);
}

/* ---------------------------------------------------------------- result */

static void
note_row(Tuning *tuning, const Trial *trial, int32 rung)
{
	Datum	   *values = tuning->values + (Size) tuning->rows * COLUMNS;
	bool	   *nulls = tuning->nulls + (Size) tuning->rows * COLUMNS;
	const EpochReport *best = &trial->result.best;

	values[COLUMN_TRIAL] = Int32GetDatum(trial->number);
	values[COLUMN_RUNG] = Int32GetDatum(rung + 1);
	values[COLUMN_EPOCHS] = Int32GetDatum(trial->result.epochs);
	values[COLUMN_OPTIONS] = JsonbPGetDatum(trial->options);
	values[COLUMN_VAL_LOSS] = Float8GetDatum(best->validation_loss);
	values[COLUMN_HIT_RATE] = Float8GetDatum(best->hit_rate);
	nulls[COLUMN_VAL_LOSS] = nulls[COLUMN_HIT_RATE] = trial->diverged;
	values[COLUMN_SECONDS] = Float8GetDatum(trial->seconds);
	values[COLUMN_CALL] = CStringGetTextDatum(options_to_sql(&tuning->catalog, tuning->relation,
															  trial->options));
	tuning->rows++;
	if (!tuning->progress)
		return;
	if (trial->diverged)
		ereport(NOTICE,
				(errmsg("rung %d of %d, trial %d: diverged", rung + 1, tuning->rungs,
						trial->number)));
	else
		ereport(NOTICE,
				(errmsg("rung %d of %d, trial %d: validation loss %.4f, hit rate at %d %.4f, %.1f s",
						rung + 1, tuning->rungs, trial->number, best->validation_loss,
						TRAINER_HIT_RATE_K, best->hit_rate, trial->seconds)));
}

/* ---------------------------------------------------------------- search */

/* Trials that go on to a rung, of so many in the first. */
static int32
rung_trials(int32 trials, int32 rung)
{
	for (int32 r = 0; r < rung; r++)
		trials /= HALVING;
	return Max(trials, 1);
}

/* Epochs after a rung. */
static int32
rung_epochs(const Tuning *tuning, int32 rung)
{
	int32		epochs = tuning->epochs;

	for (int32 r = rung + 1; r < tuning->rungs; r++)
		epochs /= HALVING;
	return Max(epochs, 1);
}

/*
 * Run the rungs.  Each may use up to its equal share of the budget, and what
 * those before it left; one trial a rung runs in any case.
 */
static void
search(Tuning *tuning)
{
	Trial	  **going = palloc(sizeof(Trial *) * tuning->trials);
	int32		count = tuning->trials;

	for (int32 t = 0; t < count; t++)
		going[t] = &tuning->trial[t];
	for (int32 rung = 0; rung < tuning->rungs; rung++)
	{
		double		end = tuning->budget * (rung + 1) / tuning->rungs;
		bool		last = rung == tuning->rungs - 1;
		int32		most = last ? 1 : rung_trials(tuning->trials, rung + 1);
		int32		ran = 0;
		int32		best_row = tuning->rows;

		tuning->kept_count = 0;
		while (ran < count && (ran == 0 || seconds_since(tuning->start) < end))
		{
			Trial	   *trial = going[ran++];
			bool		is_best;

			CHECK_FOR_INTERRUPTS();
			run_trial(tuning, trial, rung_epochs(tuning, rung), most);
			is_best = tuning->kept_count > 0 && tuning->kept[0] == trial;
			if (is_best)
				best_row = tuning->rows;
			note_row(tuning, trial, rung);
		}
		for (int32 t = ran; t < count; t++)
			drop_checkpoint(going[t]);
		if (tuning->kept_count == 0 && rung > 0)
			break;				/* the winner is that of the rung before */
		if (tuning->kept_count == 0)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("every trial diverged"),
					 errhint("Lower \"learning_rate\" in \"space\" and in \"options\".")));
		tuning->best_row = best_row;
		count = Min(tuning->kept_count, rung_trials(ran, 1));
		memcpy(going, tuning->kept, sizeof(Trial *) * count);
	}
}

static void
read_arguments(FunctionCallInfo fcinfo, Tuning *tuning)
{
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i) && i != ARG_BUDGET)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("only \"budget\" may be null")));
	}
	tuning->relation = PG_GETARG_OID(ARG_SOURCE);
	tuning->budget = PG_ARGISNULL(ARG_BUDGET) ? INFINITY : PG_GETARG_FLOAT8(ARG_BUDGET);
	if (!(tuning->budget > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"budget\" is %g", tuning->budget),
				 errhint("It is a number of seconds, more than 0, or null for none.")));
	tuning->trials = PG_GETARG_INT32(ARG_TRIALS);
	if (tuning->trials < 1 || tuning->trials > MAX_TRIALS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"trials\" is %d", tuning->trials),
				 errhint("It must be between 1 and %d.", MAX_TRIALS)));
	tuning->options = PG_GETARG_JSONB_P(ARG_OPTIONS);
	tuning->space = PG_GETARG_JSONB_P(ARG_SPACE);
	space_check(tuning->space);
	tuning->objective = (Objective) place_of_name("\"objective\"",
												  text_to_cstring(PG_GETARG_TEXT_PP(ARG_OBJECTIVE)),
												  objective_names, lengthof(objective_names));
	tuning->seed = (uint64) PG_GETARG_INT64(ARG_SEED);
}

PG_FUNCTION_INFO_V1(recseq_tune);

/* recseq_tune(source, budget, trials, options, space ...): see sql/evaluation.sql. */
Datum
recseq_tune(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recseq tuning",
												  ALLOCSET_DEFAULT_SIZES);
	Tuning		tuning = {.catalog = catalog_open(fcinfo), .progress = recseq_progress};
	TrainOptions options;
	int			nest_level;

	MemoryContextSwitchTo(context);
	INSTR_TIME_SET_CURRENT(tuning.start);
	read_arguments(fcinfo, &tuning);
	options = train_options(train_arguments(&tuning.catalog, tuning.relation, tuning.options,
											false));
	tuning.epochs = options.trainer.epochs;
	for (tuning.rungs = 1; rung_trials(tuning.trials, tuning.rungs - 1) > 1; tuning.rungs++)
		;
	tuning.context = context;
	tuning.source = palloc0(sizeof(TuningSource) * tuning.trials);
	tuning.trial = palloc0(sizeof(Trial) * tuning.trials);
	for (int32 t = 0; t < tuning.trials; t++)
	{
		tuning.trial[t].number = t + 1;
		tuning.trial[t].options = space_draw(tuning.space, tuning.options, tuning.seed, t + 1);
		/* complain now if the space has what recseq_train, or the source, does not take */
		options = train_options(train_arguments(&tuning.catalog, tuning.relation,
												tuning.trial[t].options, false));
		read_source(&tuning, &options);
	}
	tuning.kept = palloc(sizeof(Trial *) * tuning.trials);
	tuning.values = huge_array(Datum, (Size) 2 * tuning.trials * COLUMNS);
	tuning.nulls = huge_array(bool, (Size) 2 * tuning.trials * COLUMNS);
	memset(tuning.nulls, false, (Size) 2 * tuning.trials * COLUMNS);

	/* a notice a trial instead of one an epoch */
	nest_level = NewGUCNestLevel();
	set_config_option("recseq.progress", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
					  true, 0, false);
	search(&tuning);
	AtEOXact_GUC(false, nest_level);

	for (int32 r = 0; r < tuning.rows; r++)
	{
		Datum	   *values = tuning.values + (Size) r * COLUMNS;

		values[COLUMN_BEST] = BoolGetDatum(r == tuning.best_row);
		results_add(&results, values, tuning.nulls + (Size) r * COLUMNS);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
