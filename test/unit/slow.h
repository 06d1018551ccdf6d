/*
 * slow.h
 *	  The network again, in double precision: one window at a time, one number
 *	  at a time, as the textbook has it.  What the library computes is checked
 *	  against this, and its gradients against finite differences of this.
 *
 * Nothing here is shared with the library but the order of the parameters.
 */
#ifndef SLOW_H
#define SLOW_H

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "nn/config.h"
#include "nn/params.h"

#define SLOW_MAX_LENGTH 64
#define SLOW_MAX_WIDTH 256		/* columns of any stage */
#define SLOW_MAX_NEGATIVES 64

/* rows of values of one window: one row a token */
typedef double SlowRows[SLOW_MAX_LENGTH][SLOW_MAX_WIDTH];

static inline double
slow_sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/*
 * One direction of an LSTM over one row of `length` tokens of `columns` values;
 * writes the hidden states to out[token][at .. at + units - 1].
 */
static inline void
slow_lstm(SlowRows out, int at, SlowRows in, int length, int columns, int units,
		  const double *w_input, const double *w_hidden, const double *bias,
		  bool reverse)
{
	double		hidden[SLOW_MAX_WIDTH] = {0};
	double		cell[SLOW_MAX_WIDTH] = {0};
	double		gate[4][SLOW_MAX_WIDTH];

	for (int n = 0; n < length; n++)
	{
		int			t = reverse ? length - 1 - n : n;

		for (int k = 0; k < 4; k++)
		{
			for (int u = 0; u < units; u++)
			{
				size_t		row = (size_t) k * units + u;
				double		sum = bias[row];

				for (int c = 0; c < columns; c++)
					sum += w_input[row * columns + c] * in[t][c];
				for (int c = 0; c < units; c++)
					sum += w_hidden[row * units + c] * hidden[c];
				gate[k][u] = k == 2 ? tanh(sum) : slow_sigmoid(sum);
			}
		}
		for (int u = 0; u < units; u++)
		{
			cell[u] = gate[1][u] * cell[u] + gate[0][u] * gate[2][u];
			hidden[u] = gate[3][u] * tanh(cell[u]);
			out[t][at + u] = hidden[u];
		}
	}
}

/* Self-attention of one row. */
static inline void
slow_attention(SlowRows out, SlowRows in, int length, int columns)
{
	for (int t = 0; t < length; t++)
	{
		double		weight[SLOW_MAX_LENGTH];
		double		sum = 0;

		for (int j = 0; j < length; j++)
		{
			double		score = 0;

			for (int c = 0; c < columns; c++)
				score += in[t][c] * in[j][c];
			weight[j] = exp(score / sqrt(columns));
			sum += weight[j];
		}
		for (int c = 0; c < columns; c++)
		{
			out[t][c] = 0;
			for (int j = 0; j < length; j++)
				out[t][c] += weight[j] / sum * in[j][c];
		}
	}
}

/* A network: `block` has the layout of `views`, which says where things are. */
typedef struct SlowNetwork
{
	const Config *config;
	const Params *views;
	const double *block;
} SlowNetwork;

/* The double that stands for a view of the library's block. */
static inline const double *
slow_view(const SlowNetwork *network, const float *view)
{
	return network->block + (view - network->views->block);
}

/* The probabilities that the distinct items of a window are copied, by their newest tokens. */
typedef struct SlowCopies
{
	const int32_t *item;
	int			length;
	double		copied[SLOW_MAX_LENGTH];	/* 0: the item comes again later on */
	double		generated;
} SlowCopies;

static inline double
slow_copied(const SlowCopies *copies, int item)
{
	double		copied = 0;

	for (int t = 0; t < copies->length; t++)
		copied += copies->item[t] == item ? copies->copied[t] : 0;
	return copied;
}

/* state: `dim` columns; rows: what is read of each token. */
static inline void
slow_copies(SlowCopies *copies, const SlowNetwork *network, SlowRows rows, int columns,
			const double *state, int dim)
{
	double		sum = 1;
	int			others = 0;

	for (int t = copies->length - 1; t >= 0; t--)
	{
		int			count = 0;
		bool		newest = true;
		double		score;

		for (int j = 0; j < copies->length; j++)
		{
			count += copies->item[j] == copies->item[t];
			newest = newest && (j <= t || copies->item[j] != copies->item[t]);
		}
		copies->copied[t] = 0;
		if (!newest)
			continue;
		score = 10 * slow_view(network, network->views->copy_place)
			[(others < 15 ? others : 15) * 4 + (count < 4 ? count : 4) - 1];
		for (int c = 0; c < columns; c++)
		{
			double		query = slow_view(network, network->views->copy_bias)[c];

			for (int i = 0; i < dim; i++)
				query += slow_view(network, network->views->copy_query)[(size_t) c * dim + i] *
					state[i];
			score += query * rows[t][c];
		}
		copies->copied[t] = exp(score);
		sum += exp(score);
		others++;
	}
	for (int t = 0; t < copies->length; t++)
		copies->copied[t] /= sum;
	copies->generated = 1 / sum;
}

/*
 * The representation of one window, tokens item[0 .. length - 1], feature f of
 * token t being feature[f][t].  mask: NULL, or a factor for each column of what
 * dropout acts on; token_mask: likewise for each column of each token's
 * embeddings.  copies: what may be copied; nothing, unless the network copies.
 */
static inline void
slow_representation(double *representation, const SlowNetwork *network,
					const int32_t *item, const int32_t *const *feature,
					int length, const double *mask, SlowRows token_mask,
					SlowCopies *copies)
{
	const Config *config = network->config;
	const Params *views = network->views;
	static _Thread_local SlowRows rows;
	static _Thread_local SlowRows out;
	double		state[SLOW_MAX_WIDTH];
	double		newest[SLOW_MAX_WIDTH];
	static _Thread_local SlowRows input;
	int			width = config->item_dim + config->features * config->feature_dim;
	int			columns = width;
	int			units = config->units;
	bool		bidirectional = config->bidirectional;

	*copies = (SlowCopies) {.generated = 1};
	for (int t = 0; t < length; t++)
	{
		for (int c = 0; c < config->item_dim; c++)
			rows[t][c] = slow_view(network, views->item_embedding)
				[(size_t) item[t] * config->item_dim + c];
		for (int f = 0; f < config->features; f++)
		{
			for (int c = 0; c < config->feature_dim; c++)
				rows[t][config->item_dim + f * config->feature_dim + c] =
					slow_view(network, views->feature_embedding[f])
					[(size_t) feature[f][t] * config->feature_dim + c];
		}
	}
	for (int t = 0; t < length && token_mask != NULL; t++)
	{
		for (int c = 0; c < columns; c++)
			rows[t][c] *= token_mask[t][c];
	}
	memcpy(input, rows, sizeof(rows[0]) * (size_t) length);
	for (int c = 0; c < config->item_dim; c++)
		newest[c] = rows[length - 1][c];
	for (int l = 0; l < config->layers; l++)
	{
		/* attention lies below the last LSTM, or above the only one */
		bool		attend = config->attention &&
			(config->layers == 1 || l == config->layers - 2);

		for (int d = 0; d < (bidirectional ? 2 : 1); d++)
			slow_lstm(out, d * units, rows, length, columns, units,
					  slow_view(network, views->lstm[l][d].w_input),
					  slow_view(network, views->lstm[l][d].w_hidden),
					  slow_view(network, views->lstm[l][d].bias), d == 1);
		columns = bidirectional ? 2 * units : units;
		if (attend)
		{
			slow_attention(rows, out, length, columns);
			for (int c = 0; c < columns; c++)
				state[c] = rows[length - 1][c];
			bidirectional = false;
		}
		else
		{
			memcpy(rows, out, sizeof(rows[0]) * (size_t) length);
			for (int c = 0; c < columns; c++)
				state[c] = out[c < units ? length - 1 : 0][c];
		}
	}
	for (int c = 0; mask != NULL && c < columns; c++)
		state[c] *= mask[c];
	if (config->copy)
	{
		copies->item = item;
		copies->length = length;
		slow_copies(copies, network, input, width, state, columns);
	}
	if (!config->tied)
	{
		for (int c = 0; c < columns; c++)
			representation[c] = state[c];
		return;
	}
	for (int i = 0; i < config->item_dim; i++)
	{
		representation[i] = 0;
		for (int c = 0; c < columns; c++)
			representation[i] += state[c] *
				slow_view(network, views->projection)[(size_t) i * columns + c];
	}
	for (int i = 0; i < config->item_dim && config->residual; i++)
	{
		double		gate = slow_view(network, views->gate_bias)[i];

		for (int c = 0; c < columns; c++)
			gate += state[c] * slow_view(network, views->gate_weight)[(size_t) i * columns + c];
		representation[i] += slow_sigmoid(gate) * newest[i];
	}
	if (config->scale > 0)
	{
		double		square = 0;

		for (int i = 0; i < config->item_dim; i++)
			square += representation[i] * representation[i];
		for (int i = 0; i < config->item_dim; i++)
			representation[i] *= config->scale / sqrt(square);
	}
}

/* The score of one item. */
static inline double
slow_logit(const SlowNetwork *network, const double *representation, int item)
{
	const Config *config = network->config;
	int			columns = config->tied ? config->item_dim
		: config->units * (config->bidirectional &&
						   !(config->attention && config->layers > 1) ? 2 : 1);
	const double *weight = slow_view(network, config->tied
									 ? network->views->item_embedding
									 : network->views->output_weight);
	double		logit = slow_view(network, network->views->output_bias)[item];

	for (int c = 0; c < columns; c++)
		logit += weight[(size_t) item * columns + c] * representation[c];
	return logit;
}

/* The probability of an item: of the softmax over all items, and of being copied. */
static inline double
slow_probability(const SlowNetwork *network, const double *representation,
				 const SlowCopies *copies, int item)
{
	double		sum = 0;

	for (int i = 0; i < network->config->items; i++)
		sum += exp(slow_logit(network, representation, i));
	return copies->generated * exp(slow_logit(network, representation, item)) / sum +
		slow_copied(copies, item);
}

/* Cross-entropy. */
static inline double
slow_loss(const SlowNetwork *network, const double *representation, const SlowCopies *copies,
		  int target)
{
	return -log(slow_probability(network, representation, copies, target));
}

/*
 * The sampled losses, from the logit of the target and those of the negatives
 * that are not the target (with what their loss subtracts): cross-entropy, or
 * equation 10 of Hidasi and Karatzoglou, CIKM 2018.
 */
static inline double
slow_sampled_softmax(double target, const double *logit, int count, const SlowCopies *copies,
					 int item)
{
	double		sum = exp(target);

	for (int j = 0; j < count; j++)
		sum += exp(logit[j]);
	return -log(copies->generated * exp(target) / sum + slow_copied(copies, item));
}

static inline double
slow_bpr_max(double target, const double *logit, int count, double regularisation)
{
	double		sum = 0;
	double		wins = 0;
	double		squares = 0;

	for (int j = 0; j < count; j++)
	{
		sum += exp(logit[j]);
		wins += exp(logit[j]) * slow_sigmoid(target - logit[j]);
		squares += exp(logit[j]) * logit[j] * logit[j];
	}
	return count == 0 ? 0 : regularisation * squares / sum - log(wins / sum);
}

#endif							/* SLOW_H */
