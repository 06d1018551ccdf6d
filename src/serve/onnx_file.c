/*
 * onnx_file.c
 *	  Writes a file of the Open Neural Network Exchange.
 */
#include "serve/onnx_file.h"

#include "miscadmin.h"

#define IR_VERSION 8
#define OPERATOR_SET 17

/* How a field is written. */
#define WIRE_VARINT 0
#define WIRE_BYTES 2
#define WIRE_FLOAT 5

/* Room for the length of a message, of less than 1 GB. */
#define LENGTH_BYTES 5

/* Numbers of fields in onnx.proto. */
enum
{
	MODEL_IR_VERSION = 1, MODEL_PRODUCER = 2, MODEL_GRAPH = 7, MODEL_OPERATOR_SET = 8, MODEL_METADATA = 14,
	GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12,
	NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OPERATOR = 4, NODE_ATTRIBUTE = 5,
	ATTRIBUTE_NAME = 1, ATTRIBUTE_INTEGER = 3, ATTRIBUTE_STRING = 4, ATTRIBUTE_INTEGERS = 8, ATTRIBUTE_TYPE = 20,
	TENSOR_DIMENSION = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_BYTES = 9,
	VALUE_NAME = 1, VALUE_TYPE = 2,
	TYPE_TENSOR = 1,
	TENSOR_TYPE_ELEMENT = 1, TENSOR_TYPE_SHAPE = 2,
	SHAPE_DIMENSION = 1,
	DIMENSION_SIZE = 1, DIMENSION_NAME = 2,
	OPERATOR_SET_VERSION = 2,
	ENTRY_KEY = 1, ENTRY_VALUE = 2
};

/* Types of attributes. */
enum
{
	ATTRIBUTE_IS_INTEGER = 2, ATTRIBUTE_IS_STRING = 3, ATTRIBUTE_IS_INTEGERS = 7
};

/* Seven bits a byte, the lowest first. */
static void
write_varint(StringInfo to, uint64 value)
{
	for (; value >= 0x80; value >>= 7)
		appendStringInfoChar(to, (char) (value | 0x80));
	appendStringInfoChar(to, (char) value);
}

static void
write_tag(StringInfo to, int field, int wire)
{
	write_varint(to, (uint64) field << 3 | wire);
}

static void
write_integer(StringInfo to, int field, int64 value)
{
	write_tag(to, field, WIRE_VARINT);
	write_varint(to, (uint64) value);
}

static void
write_string(StringInfo to, int field, const char *value)
{
	write_tag(to, field, WIRE_BYTES);
	write_varint(to, strlen(value));
	appendStringInfoString(to, value);
}

/* Begin a message, or other bytes; returns where its length goes. */
static int
begin_message(StringInfo to, int field)
{
	int			at;

	write_tag(to, field, WIRE_BYTES);
	at = to->len;
	appendBinaryStringInfo(to, "\0\0\0\0\0", LENGTH_BYTES);
	return at;
}

static void
end_message(StringInfo to, int at)
{
	uint32		length = to->len - at - LENGTH_BYTES;

	for (int i = 0; i < LENGTH_BYTES; i++, length >>= 7)
		to->data[at + i] = (char) ((length & 0x7f) | (i < LENGTH_BYTES - 1 ? 0x80 : 0));
}

void
onnx_begin(OnnxFile *file, const char *graph, Size expected_bytes)
{
	int			at;

	initStringInfo(&file->bytes);
	enlargeStringInfo(&file->bytes, (int) expected_bytes);
	appendStringInfoSpaces(&file->bytes, VARHDRSZ);
	write_integer(&file->bytes, MODEL_IR_VERSION, IR_VERSION);
	write_string(&file->bytes, MODEL_PRODUCER, "recseq");
	at = begin_message(&file->bytes, MODEL_OPERATOR_SET);
	write_integer(&file->bytes, OPERATOR_SET_VERSION, OPERATOR_SET);
	end_message(&file->bytes, at);
	file->graph = begin_message(&file->bytes, MODEL_GRAPH);
	write_string(&file->bytes, GRAPH_NAME, graph);
}

void
onnx_end(OnnxFile *file, int count, const char *const key[], const char *const value[])
{
	end_message(&file->bytes, file->graph);
	for (int i = 0; i < count; i++)
	{
		int			at = begin_message(&file->bytes, MODEL_METADATA);

		write_string(&file->bytes, ENTRY_KEY, key[i]);
		write_string(&file->bytes, ENTRY_VALUE, value[i]);
		end_message(&file->bytes, at);
	}
}

static void
write_attribute(StringInfo to, const OnnxAttribute *attribute)
{
	int			at = begin_message(to, NODE_ATTRIBUTE);

	write_string(to, ATTRIBUTE_NAME, attribute->name);
	if (attribute->string != NULL)
	{
		write_string(to, ATTRIBUTE_STRING, attribute->string);
		write_integer(to, ATTRIBUTE_TYPE, ATTRIBUTE_IS_STRING);
	}
	else if (attribute->integers > 0)
	{
		for (int i = 0; i < attribute->integers; i++)
			write_integer(to, ATTRIBUTE_INTEGERS, attribute->list[i]);
		write_integer(to, ATTRIBUTE_TYPE, ATTRIBUTE_IS_INTEGERS);
	}
	else
	{
		write_integer(to, ATTRIBUTE_INTEGER, attribute->integer);
		write_integer(to, ATTRIBUTE_TYPE, ATTRIBUTE_IS_INTEGER);
	}
	end_message(to, at);
}

void
onnx_node(OnnxFile *file, const OnnxNode *node)
{
	StringInfo	to = &file->bytes;
	int			at = begin_message(to, GRAPH_NODE);

	for (int i = 0; i < ONNX_MAX_INPUTS && node->input[i] != NULL; i++)
		write_string(to, NODE_INPUT, node->input[i]);
	for (int i = 0; i < ONNX_MAX_OUTPUTS && node->output[i] != NULL; i++)
		write_string(to, NODE_OUTPUT, node->output[i]);
	write_string(to, NODE_OPERATOR, node->operator);
	for (int i = 0; i < ONNX_MAX_ATTRIBUTES && node->attribute[i].name != NULL; i++)
		write_attribute(to, &node->attribute[i]);
	end_message(to, at);
}

/* An input or output of the graph. */
static void
write_value(OnnxFile *file, int field, const char *name, OnnxType type, const OnnxShape *shape)
{
	StringInfo	to = &file->bytes;
	int			value = begin_message(to, field);
	int			value_type;
	int			tensor;
	int			sizes;

	write_string(to, VALUE_NAME, name);
	value_type = begin_message(to, VALUE_TYPE);
	tensor = begin_message(to, TYPE_TENSOR);
	write_integer(to, TENSOR_TYPE_ELEMENT, type);
	sizes = begin_message(to, TENSOR_TYPE_SHAPE);
	for (int i = 0; i < shape->dimensions; i++)
	{
		int			dimension = begin_message(to, SHAPE_DIMENSION);

		if (shape->name[i] != NULL)
			write_string(to, DIMENSION_NAME, shape->name[i]);
		else
			write_integer(to, DIMENSION_SIZE, shape->size[i]);
		end_message(to, dimension);
	}
	end_message(to, sizes);
	end_message(to, tensor);
	end_message(to, value_type);
	end_message(to, value);
}

void
onnx_input(OnnxFile *file, const char *name, OnnxType type, const OnnxShape *shape)
{
	write_value(file, GRAPH_INPUT, name, type, shape);
}

void
onnx_output(OnnxFile *file, const char *name, OnnxType type, const OnnxShape *shape)
{
	write_value(file, GRAPH_OUTPUT, name, type, shape);
}

/* A constant, but for its values, which are the caller's to append; returns how many there are. */
static Size
begin_constant(StringInfo to, const char *name, OnnxType type, const OnnxShape *shape,
			   int at[2])
{
	Size		count = 1;

	at[0] = begin_message(to, GRAPH_INITIALIZER);
	for (int i = 0; i < shape->dimensions; i++)
	{
		write_integer(to, TENSOR_DIMENSION, shape->size[i]);
		count *= shape->size[i];
	}
	write_integer(to, TENSOR_TYPE, type);
	write_string(to, TENSOR_NAME, name);
	at[1] = begin_message(to, TENSOR_BYTES);
	return count;
}

static void
end_constant(StringInfo to, const int at[2])
{
	end_message(to, at[1]);
	end_message(to, at[0]);
}

/* Append a number, its lowest byte first, whatever the machine has. */
static inline void
write_little_endian(StringInfo to, uint64 bits, int bytes)
{
	char		value[sizeof(uint64)];

	for (int i = 0; i < bytes; i++)
		value[i] = (char) (bits >> 8 * i);
	appendBinaryStringInfo(to, value, bytes);
}

void
onnx_floats(OnnxFile *file, const char *name, const OnnxShape *shape, const float *values)
{
	int			at[2];
	Size		count = begin_constant(&file->bytes, name, ONNX_FLOAT, shape, at);

	for (Size i = 0; i < count; i++)
	{
		uint32		bits;

		CHECK_FOR_INTERRUPTS();
		memcpy(&bits, &values[i], sizeof(bits));
		write_little_endian(&file->bytes, bits, sizeof(bits));
	}
	end_constant(&file->bytes, at);
}

void
onnx_integers(OnnxFile *file, const char *name, const OnnxShape *shape, const int64 *values)
{
	int			at[2];
	Size		count = begin_constant(&file->bytes, name, ONNX_INT64, shape, at);

	for (Size i = 0; i < count; i++)
		write_little_endian(&file->bytes, (uint64) values[i], sizeof(int64));
	end_constant(&file->bytes, at);
}
