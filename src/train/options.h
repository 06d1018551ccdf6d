/*
 * options.h
 *	  The options of a training, as arguments of a call and as JSON.
 */
#ifndef RECSEQ_OPTIONS_H
#define RECSEQ_OPTIONS_H

#include "postgres.h"

#include "utils/array.h"
#include "utils/jsonb.h"

#include "data/split.h"
#include "model/model.h"
#include "nn/nn.h"
#include "store/versions.h"
#include "train/base.h"

/*
 * No loss is asked for: which one is told by the number of items, as soon as it
 * is known (train/training.c).
 */
#define LOSS_BY_ITEMS ((Loss) -1)

typedef struct TrainOptions
{
	Oid			source;
	const char *model;
	/* options of recseq_train */
	ArrayType  *features;		/* NULL: "categories" where the source has it */
	Config		config;			/* but for what the data decides */
	TrainerOptions trainer;
	double		validation_fraction;
	int32		workers;		/* -1: as many as may be */
	Vocabulary	purchases;
	bool		ranker;
	int32		min_support;	/* sequences that evidence takes, of the ranker */
	Oid			catalog;		/* relation of the items that there are; InvalidOid: none */
	Activation	activate;
	/* and what else a training may be given */
	Base	   *base;			/* version to go on from, or NULL */
	const Split *split;			/* learn only from what it leaves; NULL: from all */
	int64		job;			/* that trains; 0: none */
} TrainOptions;

/*
 * The options in the arguments of recseq_train, or of a function with the same
 * ones; an error if one is null that may not be, or out of its range.
 */
extern TrainOptions train_options(const NullableDatum *arguments);

/*
 * The arguments of a call of recseq_train on `source` whose options are the
 * members of a JSON object, and else the defaults: for train_options().
 * unknown_ok: pass over members that are no options; else they are an error.
 */
extern NullableDatum *train_arguments(const Catalog *catalog, Oid source, Jsonb *options,
									  bool unknown_ok);

/* A JSON object, in the current context. */
extern Jsonb *jsonb_of_text(const char *json);

/* A value that is no array and no object as text; NULL: null. */
extern char *jsonb_scalar_text(const JsonbValue *value);

/* Put an argument in the place of that of an option. */
extern void train_arguments_set(NullableDatum *arguments, const char *option,
								NullableDatum value);

/*
 * A JSON object that train_arguments() reads again.  all: also the options that
 * have no part in what is learned.
 */
extern char *options_to_json(const TrainOptions *options, bool all);

/* The call of recseq_train as an SQL statement. */
extern char *options_to_sql(const Catalog *catalog, Oid source, Jsonb *options);

#endif							/* RECSEQ_OPTIONS_H */
