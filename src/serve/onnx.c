/*
 * onnx.c
 *	  recseq_onnx: the network as a file of the Open Neural Network Exchange, for
 *	  runtimes that know nothing of PostgreSQL.
 *
 * Histories are rows of a matrix, oldest item first, filled up with -1 at their
 * end.  Below, b is their number, l the length of the longest, c a number of
 * columns.  Names within the graph begin with a slash, so that they meet with
 * none of its inputs.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "nn/nn.h"
#include "serve/model_call.h"
#include "serve/onnx_file.h"

#define ARG_MODEL 0

#define INPUT_ITEMS "items"
#define OUTPUT_PROBABILITY "probability"

/* Beside the numbers a file has so many bytes, and less for each input. */
#define GRAPH_BYTES (64 * 1024)

/* Where the softmax of attention must not look. */
#define NOWHERE (-INFINITY)

#define NODE(file, ...) onnx_node((file), &(OnnxNode) {__VA_ARGS__})
#define INTEGER(attribute, value) {.name = (attribute), .integer = (value)}
#define INTEGERS(attribute, count, ...) {.name = (attribute), .integers = (count), .list = {__VA_ARGS__}}
#define STRING(attribute, value) {.name = (attribute), .string = (value)}

static const OnnxShape one_number = {.dimensions = 0};

/* ---------------------------------------------------------------- constants */

static void
add_number(OnnxFile *file, const char *name, float value)
{
	onnx_floats(file, name, &one_number, &value);
}

static void
add_integers(OnnxFile *file, const char *name, int count, const int64 *values)
{
	OnnxShape	shape = {.dimensions = 1, .size = {count}};

	onnx_integers(file, name, &shape, values);
}

#define ADD_INTEGERS(file, name, ...) \
	add_integers((file), (name), lengthof(((const int64[]) {__VA_ARGS__})), (const int64[]) {__VA_ARGS__})

/* The gates of a matrix with that many columns a row, in the order of the format: input, output, forget, cell. */
static void
copy_gates(float *to, const float *from, Size units, Size columns)
{
	static const int order[4] = {0, 3, 1, 2};

	for (int gate = 0; gate < 4; gate++)
		memcpy(to + gate * units * columns, from + order[gate] * units * columns,
			   sizeof(float) * units * columns);
}

/* One matrix of both directions of an LSTM; of it, rows after those of the parameters are 0. */
static void
add_gates(OnnxFile *file, const char *name, const Config *config, int32 layer,
		  const float *const from[2], Size columns, Size rows)
{
	int			directions = config_layer_bidirectional(config, layer) ? 2 : 1;
	OnnxShape	shape = {.dimensions = columns > 0 ? 3 : 2, .size = {directions, rows, columns}};
	Size		numbers = rows * Max(columns, 1);
	float	   *values = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(float) * directions * numbers,
													MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int d = 0; d < directions; d++)
		copy_gates(values + d * numbers, from[d], config->units, Max(columns, 1));
	onnx_floats(file, psprintf("/lstm%d.%s", layer, name), &shape, values);
	pfree(values);
}

static void
add_lstm(OnnxFile *file, const Model *model, int32 layer)
{
	const Config *config = &model->config;
	const LstmParams *lstm = model->params.lstm[layer];
	Size		rows = 4 * (Size) config->units;

	add_gates(file, "w_input", config, layer, (const float *const[2]) {lstm[0].w_input, lstm[1].w_input},
			  config_layer_input_dim(config, layer), rows);
	add_gates(file, "w_hidden", config, layer, (const float *const[2]) {lstm[0].w_hidden, lstm[1].w_hidden},
			  config->units, rows);
	/* the format has a second bias, of what was hidden */
	add_gates(file, "bias", config, layer, (const float *const[2]) {lstm[0].bias, lstm[1].bias}, 0, 2 * rows);
}

static void
add_parameters(OnnxFile *file, const Model *model)
{
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;
	int			length = params_views(&model->config, views, &count);

	for (int32 l = 0; l < model->config.layers; l++)
		add_lstm(file, model, l);
	for (int i = 0; i < length; i++)
	{
		OnnxShape	shape = {
			.dimensions = params_view_is_vector(&views[i]) ? 1 : 2,
			.size = {views[i].rows, views[i].columns}
		};

		if (strncmp(views[i].name, "lstm", strlen("lstm")) != 0)
			onnx_floats(file, psprintf("/%s", views[i].name), &shape, model->params.block + views[i].offset);
	}
}

/* ---------------------------------------------------------------- the graph */

/* The name of a feature's input. */
static const char *
input_of_feature(const Model *model, int f)
{
	const char *name = model->feature_name[f];

	if (name[0] == '/' || strcmp(name, OUTPUT_PROBABILITY) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("feature \"%s\" cannot be an input of the file", name),
				 errdetail("\"%s\" is its output, and names within it begin with \"/\".", OUTPUT_PROBABILITY),
				 errhint("Train on a source where the column has another name.")));
	return pg_server_to_any(name, strlen(name), PG_UTF8);
}

/* Which tokens there are, and what is read of them: /read, b x l x c. */
static void
add_reading(OnnxFile *file, const Model *model)
{
	OnnxShape	shape = {.dimensions = 2, .name = {"histories", "length"}};
	int64		first = 0;
	int64		unknown = model->config.items;
	OnnxNode	concat = {.operator = "Concat", .output = {"/read"}, .attribute = {INTEGER("axis", 2)}};

	StaticAssertStmt(ONNX_MAX_INPUTS > CONFIG_MAX_FEATURES + 1, "room for the end, too");
	ADD_INTEGERS(file, "/1", 1);
	onnx_integers(file, "/first", &one_number, &first);
	onnx_integers(file, "/unknown", &one_number, &unknown);
	onnx_input(file, INPUT_ITEMS, ONNX_INT64, &shape);
	NODE(file, .operator = "GreaterOrEqual", .input = {INPUT_ITEMS, "/first"}, .output = {"/known"});
	NODE(file, .operator = "Cast",
		 .input = {"/known"}, .output = {"/known_number"},
		 .attribute = {INTEGER("to", ONNX_INT64)});
	NODE(file, .operator = "ReduceSum",
		 .input = {"/known_number", "/1"}, .output = {"/length_wide"},
		 .attribute = {INTEGER("keepdims", 0)});
	NODE(file, .operator = "Cast",
		 .input = {"/length_wide"}, .output = {"/length"},
		 .attribute = {INTEGER("to", ONNX_INT32)});
	/* the newest: of the tokens from it on there is one */
	NODE(file, .operator = "CumSum",
		 .input = {"/known_number", "/1"}, .output = {"/left"},
		 .attribute = {INTEGER("reverse", 1)});
	NODE(file, .operator = "Equal", .input = {"/left", "/1"}, .output = {"/is_last"});
	NODE(file, .operator = "And", .input = {"/is_last", "/known"}, .output = {"/is_newest"});
	/* unknown items, and what is no token, read the last row */
	NODE(file, .operator = "Clip", .input = {INPUT_ITEMS, "/first", "/unknown"}, .output = {"/row"});
	NODE(file, .operator = "Gather", .input = {"/item_embedding", "/row"}, .output = {"/read_items"});
	concat.input[0] = "/read_items";
	for (int f = 0; f < model->config.features; f++)
	{
		const char *input = input_of_feature(model, f);

		onnx_input(file, input, ONNX_INT64, &shape);
		NODE(file, .operator = "Max", .input = {input, "/first"}, .output = {psprintf("/value%d", f)});
		concat.input[f + 1] = psprintf("/read%d", f);
		NODE(file, .operator = "Gather",
			 .input = {psprintf("/feature_embedding%d", f), psprintf("/value%d", f)}, .output = {concat.input[f + 1]});
	}
	onnx_node(file, &concat);
}

/* Self-attention over l x b x c; gives /attended, b x l x c. */
static void
add_attention(OnnxFile *file, const char *input, int32 columns)
{
	add_number(file, "/root", sqrtf((float) columns));
	add_number(file, "/not_attended", NOWHERE);
	NODE(file, .operator = "Transpose",
		 .input = {input}, .output = {"/values"},
		 .attribute = {INTEGERS("perm", 3, 1, 0, 2)});
	NODE(file, .operator = "Transpose",
		 .input = {input}, .output = {"/keys"},
		 .attribute = {INTEGERS("perm", 3, 1, 2, 0)});
	NODE(file, .operator = "MatMul", .input = {"/values", "/keys"}, .output = {"/products"});
	NODE(file, .operator = "Div", .input = {"/products", "/root"}, .output = {"/scores"});
	NODE(file, .operator = "Unsqueeze", .input = {"/known", "/1"}, .output = {"/known_keys"});
	NODE(file, .operator = "Where",
		 .input = {"/known_keys", "/scores", "/not_attended"}, .output = {"/scores_known"});
	NODE(file, .operator = "Softmax",
		 .input = {"/scores_known"}, .output = {"/weights"},
		 .attribute = {INTEGER("axis", -1)});
	NODE(file, .operator = "MatMul", .input = {"/weights", "/values"}, .output = {"/attended"});
}

/* The LSTMs and attention; gives /states, b x c. */
static void
add_layers(OnnxFile *file, const Config *config)
{
	const char *input = "/steps_read";
	int32		attention = config_attention_layer(config);
	int32		last = config->layers - 1;

	NODE(file, .operator = "Transpose",
		 .input = {"/read"}, .output = {input},
		 .attribute = {INTEGERS("perm", 3, 1, 0, 2)});
	if (last > 0 || attention == last)
		ADD_INTEGERS(file, "/side_by_side", 0, 0, -1);
	for (int32 l = 0; l <= last; l++)
	{
		const char *all = psprintf("/lstm%d.all", l);
		const char *directions_last = psprintf("/lstm%d.directions_last", l);
		const char *output = psprintf("/lstm%d", l);

		NODE(file, .operator = "LSTM",
			 .input = {input, psprintf("/lstm%d.w_input", l), psprintf("/lstm%d.w_hidden", l), psprintf("/lstm%d.bias", l), "/length"}, .output = {all, psprintf("/lstm%d.final", l)},
			 .attribute = {INTEGER("hidden_size", config->units), STRING("direction", config_layer_bidirectional(config, l) ? "bidirectional" : "forward")});
		if (l == last && attention != l)
			break;
		/* l x directions x b x units -> l x b x c */
		NODE(file, .operator = "Transpose",
			 .input = {all}, .output = {directions_last},
			 .attribute = {INTEGERS("perm", 4, 0, 2, 1, 3)});
		NODE(file, .operator = "Reshape", .input = {directions_last, "/side_by_side"}, .output = {output});
		input = output;
		if (attention == l)
		{
			add_attention(file, output, config_layer_output_dim(config, l));
			input = "/steps_attended";
			NODE(file, .operator = "Transpose",
		 .input = {"/attended"}, .output = {input},
		 .attribute = {INTEGERS("perm", 3, 1, 0, 2)});
		}
	}
	if (attention == last)
	{
		NODE(file, .operator = "Cast",
			 .input = {"/is_newest"}, .output = {"/newest_number"},
			 .attribute = {INTEGER("to", ONNX_FLOAT)});
		ADD_INTEGERS(file, "/columns_axis", 2);
		NODE(file, .operator = "Unsqueeze", .input = {"/newest_number", "/columns_axis"}, .output = {"/newest_column"});
		NODE(file, .operator = "Mul",
			 .input = {"/attended", "/newest_column"}, .output = {"/attended_newest"});
		NODE(file, .operator = "ReduceSum",
			 .input = {"/attended_newest", "/1"}, .output = {"/states"},
			 .attribute = {INTEGER("keepdims", 0)});
		return;
	}
	NODE(file, .operator = "Transpose",
		 .input = {psprintf("/lstm%d.final", last)}, .output = {"/final"},
		 .attribute = {INTEGERS("perm", 3, 1, 0, 2)});
	ADD_INTEGERS(file, "/one_row", 0, -1);
	NODE(file, .operator = "Reshape", .input = {"/final", "/one_row"}, .output = {"/states"});
}

/* From states to the representation; returns its name. */
static const char *
add_representation(OnnxFile *file, const Config *config)
{
	const char *name = "/states";

	if (config->tied)
	{
		name = "/projected";
		NODE(file, .operator = "Gemm",
			 .input = {"/states", "/projection"}, .output = {name},
			 .attribute = {INTEGER("transB", 1)});
	}
	if (config->residual)
	{
		NODE(file, .operator = "Gemm",
			 .input = {"/states", "/gate_weight", "/gate_bias"}, .output = {"/gate_score"},
			 .attribute = {INTEGER("transB", 1)});
		NODE(file, .operator = "Sigmoid", .input = {"/gate_score"}, .output = {"/gate"});
		NODE(file, .operator = "Cast",
			 .input = {"/is_newest"}, .output = {"/newest_integer"},
			 .attribute = {INTEGER("to", ONNX_INT64)});
		NODE(file, .operator = "Mul", .input = {"/row", "/newest_integer"}, .output = {"/row_if_newest"});
		NODE(file, .operator = "ReduceSum",
			 .input = {"/row_if_newest", "/1"}, .output = {"/newest_row"},
			 .attribute = {INTEGER("keepdims", 0)});
		NODE(file, .operator = "Gather",
			 .input = {"/item_embedding", "/newest_row"}, .output = {"/newest_item"});
		NODE(file, .operator = "Mul", .input = {"/gate", "/newest_item"}, .output = {"/residual"});
		NODE(file, .operator = "Add", .input = {name, "/residual"}, .output = {"/added"});
		name = "/added";
	}
	if (config->scale > 0)
	{
		add_number(file, "/scale", config->scale);
		add_number(file, "/least_length", NETWORK_LEAST_LENGTH);
		NODE(file, .operator = "ReduceL2",
			 .input = {name}, .output = {"/norm"},
			 .attribute = {INTEGERS("axes", 1, 1)});
		NODE(file, .operator = "Max", .input = {"/norm", "/least_length"}, .output = {"/norm_safe"});
		NODE(file, .operator = "Div", .input = {name, "/norm_safe"}, .output = {"/unit"});
		NODE(file, .operator = "Mul", .input = {"/unit", "/scale"}, .output = {"/scaled"});
		name = "/scaled";
	}
	return name;
}

/* The place of each token's item: nn/copy.h.  Gives /is_slot and /place, b x l. */
static void
add_places(OnnxFile *file)
{
	int64		below = -1;

	onnx_integers(file, "/below", &one_number, &below);
	add_number(file, "/ranks", COPY_RANKS - 1);
	add_number(file, "/counts", COPY_COUNTS);
	add_number(file, "/count_1", 1);
	ADD_INTEGERS(file, "/2", 2);
	/* same: b x l x l, whether the tokens of a row and a column show one item */
	NODE(file, .operator = "Unsqueeze", .input = {INPUT_ITEMS, "/2"}, .output = {"/by_row"});
	NODE(file, .operator = "Unsqueeze", .input = {INPUT_ITEMS, "/1"}, .output = {"/by_column"});
	NODE(file, .operator = "Equal", .input = {"/by_row", "/by_column"}, .output = {"/is_same"});
	NODE(file, .operator = "Cast",
		 .input = {"/is_same"}, .output = {"/same"},
		 .attribute = {INTEGER("to", ONNX_FLOAT)});
	NODE(file, .operator = "ReduceSum",
		 .input = {"/same", "/1"}, .output = {"/seen"},
		 .attribute = {INTEGER("keepdims", 0)});
	/* below the diagonal the row is the newer token */
	NODE(file, .operator = "Trilu",
		 .input = {"/same", "/below"}, .output = {"/same_newer"},
		 .attribute = {INTEGER("upper", 0)});
	NODE(file, .operator = "ReduceSum",
		 .input = {"/same_newer", "/1"}, .output = {"/seen_again"},
		 .attribute = {INTEGER("keepdims", 0)});
	NODE(file, .operator = "Equal", .input = {"/seen_again", "/nothing"}, .output = {"/not_again"});
	NODE(file, .operator = "And", .input = {"/not_again", "/known"}, .output = {"/is_slot"});
	NODE(file, .operator = "Cast",
		 .input = {"/is_slot"}, .output = {"/slot"},
		 .attribute = {INTEGER("to", ONNX_FLOAT)});
	NODE(file, .operator = "CumSum",
		 .input = {"/slot", "/1"}, .output = {"/rank_any"},
		 .attribute = {INTEGER("exclusive", 1), INTEGER("reverse", 1)});
	NODE(file, .operator = "Min", .input = {"/rank_any", "/ranks"}, .output = {"/rank"});
	NODE(file, .operator = "Min", .input = {"/seen", "/counts"}, .output = {"/count"});
	NODE(file, .operator = "Mul", .input = {"/rank", "/counts"}, .output = {"/rank_rows"});
	NODE(file, .operator = "Add", .input = {"/rank_rows", "/count"}, .output = {"/place_from_1"});
	NODE(file, .operator = "Sub", .input = {"/place_from_1", "/count_1"}, .output = {"/place_number"});
	NODE(file, .operator = "Cast",
		 .input = {"/place_number"}, .output = {"/place"},
		 .attribute = {INTEGER("to", ONNX_INT64)});
}

/* What the softmax gives and the pointer, together. */
static void
add_copies(OnnxFile *file, const char *softmax)
{
	add_number(file, "/nothing", 0);
	add_number(file, "/gain", COPY_GAIN);
	add_number(file, "/not_copied", NOWHERE);
	add_number(file, "/least_generated", COPY_LEAST_GENERATED);
	ADD_INTEGERS(file, "/before", 0, 1, 0, 0);
	ADD_INTEGERS(file, "/behind", 0, 0, 0, 1);
	ADD_INTEGERS(file, "/end", PG_INT32_MAX);
	add_places(file);
	NODE(file, .operator = "Gather", .input = {"/copy_place", "/place"}, .output = {"/place_score"});
	NODE(file, .operator = "Mul", .input = {"/place_score", "/gain"}, .output = {"/place_scaled"});
	NODE(file, .operator = "Gemm",
		 .input = {"/states", "/copy_query", "/copy_bias"}, .output = {"/query"},
		 .attribute = {INTEGER("transB", 1)});
	NODE(file, .operator = "Unsqueeze", .input = {"/query", "/2"}, .output = {"/query_column"});
	NODE(file, .operator = "MatMul", .input = {"/read", "/query_column"}, .output = {"/match_column"});
	NODE(file, .operator = "Squeeze", .input = {"/match_column", "/2"}, .output = {"/match"});
	NODE(file, .operator = "Add", .input = {"/place_scaled", "/match"}, .output = {"/copy_score_any"});
	NODE(file, .operator = "Where",
		 .input = {"/is_slot", "/copy_score_any", "/not_copied"}, .output = {"/copy_score"});
	/* before them the 0 that stands for the softmax */
	NODE(file, .operator = "Pad",
		 .input = {"/copy_score", "/before", "/nothing"}, .output = {"/shares_score"});
	NODE(file, .operator = "Softmax",
		 .input = {"/shares_score"}, .output = {"/shares"},
		 .attribute = {INTEGER("axis", -1)});
	NODE(file, .operator = "Slice", .input = {"/shares", "/0", "/1", "/1"}, .output = {"/generated_any"});
	NODE(file, .operator = "Max", .input = {"/generated_any", "/least_generated"}, .output = {"/generated"});
	NODE(file, .operator = "Slice", .input = {"/shares", "/1", "/end", "/1"}, .output = {"/copied"});
	/* unknown items have a column that is cut off again */
	NODE(file, .operator = "Mul", .input = {softmax, "/generated"}, .output = {"/generated_share"});
	NODE(file, .operator = "Pad",
		 .input = {"/generated_share", "/behind", "/nothing"}, .output = {"/generated_all"});
	NODE(file, .operator = "ScatterElements",
		 .input = {"/generated_all", "/row", "/copied"}, .output = {"/probability_all"},
		 .attribute = {INTEGER("axis", 1), STRING("reduction", "add")});
	NODE(file, .operator = "Slice",
		 .input = {"/probability_all", "/0", "/items", "/1"}, .output = {OUTPUT_PROBABILITY});
}

static void
add_output(OnnxFile *file, const Config *config, const char *representation)
{
	OnnxShape	shape = {.dimensions = 2, .size = {0, config->items}, .name = {"histories"}};
	const char *weight = "/output_weight";
	const char *softmax = config->copy ? "/softmax" : OUTPUT_PROBABILITY;

	if (config->tied)
	{
		/* but for the row of unknown items */
		ADD_INTEGERS(file, "/0", 0);
		ADD_INTEGERS(file, "/items", config->items);
		NODE(file, .operator = "Slice",
			 .input = {"/item_embedding", "/0", "/items", "/0"}, .output = {weight});
	}
	NODE(file, .operator = "Gemm",
		 .input = {representation, weight, "/output_bias"}, .output = {"/logits"},
		 .attribute = {INTEGER("transB", 1)});
	NODE(file, .operator = "Softmax",
		 .input = {"/logits"}, .output = {softmax},
		 .attribute = {INTEGER("axis", -1)});
	if (config->copy)
		add_copies(file, softmax);
	onnx_output(file, OUTPUT_PROBABILITY, ONNX_FLOAT, &shape);
}

/* The file of a model, in the current context. */
static bytea *
write_model(const ModelCall *call, int32 version)
{
	const Model *model = &call->cached->model;
	const Config *config = &model->config;
	/* an LSTM has a second bias */
	Size		bytes = sizeof(float) * (params_count(config) + CONFIG_MAX_LAYERS * 8 * config->units) +
		GRAPH_BYTES;
	const char *const key[] = {"model", "version", "max_length"};
	OnnxFile	file;

	if (bytes > MaxAllocSize - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" is too large for a file of ONNX", call->model_name),
				 errdetail("It has %zu MB, and a bytea holds less than %zu MB.",
						   bytes / (1024 * 1024), MaxAllocSize / (1024 * 1024) + 1),
				 errhint("Take its numbers from recseq_weights.")));
	onnx_begin(&file, "recseq", bytes);
	add_parameters(&file, model);
	add_reading(&file, model);
	add_layers(&file, config);
	add_output(&file, config, add_representation(&file, config));
	onnx_end(&file, lengthof(key), key, (const char *const[]) {
		pg_server_to_any(call->model_name, strlen(call->model_name), PG_UTF8),
		psprintf("%d", version), psprintf("%d", config->max_length)
	});
	SET_VARSIZE(file.bytes.data, file.bytes.len);
	return (bytea *) file.bytes.data;
}

PG_FUNCTION_INFO_V1(recseq_onnx);

/* recseq_onnx(model, version): see sql/vectors.sql. */
Datum
recseq_onnx(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	ModelCall	call = model_call_without_k(fcinfo, ARG_MODEL);

	PG_RETURN_BYTEA_P(write_model(&call, catalog_version_number(&catalog, call.version)));
}
