/*
 * history.h
 *	  A history, from ids to the numbers that a model knows them by.
 */
#ifndef RECSEQ_HISTORY_H
#define RECSEQ_HISTORY_H

#include "postgres.h"

#include "fmgr.h"

#include "data/arrays.h"
#include "memory.h"
#include "rank/rank.h"
#include "serve/model_call.h"

/* A history as the caller knows it, oldest first. */
typedef struct Events
{
	IdArray		items;			/* without nulls */
	const IdArray *feature[CONFIG_MAX_FEATURES];	/* one an item, or NULL: as the model's
													 * item table says */
	const IdArray *kinds;		/* likewise, or NULL: not known */
	const TimestampTz *times;	/* likewise */
} Events;

/* Items of a history that the model does not know and that may be answered, at most. */
#define HISTORY_MAX_UNKNOWN Max(CANDIDATES_HISTORY, CONFIG_MAX_LENGTH)

/* An item of the history that the model does not know. */
typedef struct UnknownItem
{
	Id			id;
	int32		category;		/* of its newest event */
} UnknownItem;

/* A history as the model reads it, oldest first. */
typedef struct History
{
	int32		events;
	int32		seen_items;
	int32	   *seen;			/* [seen_items] the model's items in it */
	int32		length;			/* newest events, that the network reads */
	int32	   *item;			/* [length] 0 .. items and on (unknown) */
	int32	   *feature[CONFIG_MAX_FEATURES];	/* [length] */
	RankHistory rank;			/* what the second stage reads */
	int32		unknown_items;
	UnknownItem *unknown;		/* [unknown_items] item number `items` and on */
} History;

/* What histories are read by. */
typedef struct HistoryReader
{
	const ModelCall *call;
	const Budget *budget;
	uint8	   *marked;			/* a bit an item of the model, all 0 between calls */
} HistoryReader;

/* Whether a feature is the kind of an event, which the item does not tell. */
extern bool feature_is_kind(const Model *model, int f);

/* At most so many bytes is a history of so many events. */
extern Size history_bytes(const Model *model, int32 events);

/* Read a history, which is then in the current context. */
extern History history_read(const HistoryReader *reader, const Events *events);

/* The numbers of the arguments of a function that are a history. */
typedef struct HistoryArguments
{
	int			items;
	int			categories;
	int			events;
	int			times;			/* -1: it has none */
} HistoryArguments;

/* Read the history that the arguments of a call give, likewise; complain about what is wrong. */
extern History history_of_arguments(const HistoryReader *reader, FunctionCallInfo fcinfo,
									const HistoryArguments *arguments);

#endif							/* RECSEQ_HISTORY_H */
