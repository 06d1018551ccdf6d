/*
 * embedding.c
 *	  The embeddings of an item and of its features, side by side.
 */
#include "nn/embedding.h"

#include <string.h>

#include "nn/matrix.h"
#include "nn/lazy_adam.h"

void
embedding_forward(float *out, const Params *params, const Config *config,
				  const Batch *batch)
{
	size_t		width = (size_t) config_input_dim(config);
	size_t		item_dim = (size_t) config->item_dim;
	size_t		feature_dim = (size_t) config->feature_dim;
	int32_t		tokens = layout_tokens(&batch->sequence);

	for (int32_t t = 0; t < tokens; t++)
	{
		float	   *to = out + (size_t) t * width;

		memcpy(to, params->item_embedding + (size_t) batch->item[t] * item_dim,
			   item_dim * sizeof(float));
		to += item_dim;
		for (int32_t f = 0; f < config->features; f++, to += feature_dim)
			memcpy(to, params->feature_embedding[f] +
				   (size_t) batch->feature[f][t] * feature_dim,
				   feature_dim * sizeof(float));
	}
}

void
embedding_backward(Params *gradient, const float *d_out, const Config *config,
				   const Batch *batch, int32_t tokens, int32_t rank, int32_t ranks)
{
	size_t		width = (size_t) config_input_dim(config);
	size_t		item_dim = (size_t) config->item_dim;
	size_t		feature_dim = (size_t) config->feature_dim;

	for (int32_t t = 0; t < tokens; t++)
	{
		const float *from = d_out + (size_t) t * width;
		int32_t		item = batch->item[t];

		if (lazy_rows_owns(item, rank, ranks))
			matrix_add_rows(gradient->item_embedding + (size_t) item * item_dim,
							from, 1, config->item_dim);
		from += item_dim;
		for (int32_t f = 0; f < config->features; f++, from += feature_dim)
		{
			int32_t		value = batch->feature[f][t];

			if (lazy_rows_owns(value, rank, ranks))
				matrix_add_rows(gradient->feature_embedding[f] +
								(size_t) value * feature_dim,
								from, 1, config->feature_dim);
		}
	}
}
