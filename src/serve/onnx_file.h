/*
 * onnx_file.h
 *	  Writes a file of the Open Neural Network Exchange, which is one message of
 *	  Protocol Buffers (onnx.proto of version 1.12: IR 8, operators 17).
 *
 * Messages lie in each other, each with its length before it.  Since that is
 * known last, it gets room for five bytes, which is what the largest takes; a
 * reader does not mind leading zeros.  So nothing is copied.
 */
#ifndef RECSEQ_ONNX_FILE_H
#define RECSEQ_ONNX_FILE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#define ONNX_MAX_DIMENSIONS 4
#define ONNX_MAX_INPUTS 10
#define ONNX_MAX_OUTPUTS 3
#define ONNX_MAX_ATTRIBUTES 3

/* Types of elements, by their numbers in the format. */
typedef enum OnnxType
{
	ONNX_FLOAT = 1,
	ONNX_INT32 = 6,
	ONNX_INT64 = 7
} OnnxType;

/* Set one of the values; where all are zero it is an integer. */
typedef struct OnnxAttribute
{
	const char *name;
	int64		integer;
	const char *string;
	int			integers;		/* of list */
	int64		list[ONNX_MAX_DIMENSIONS];
} OnnxAttribute;

/* An operation; names end at the first that is NULL, "" stands for one that is left out. */
typedef struct OnnxNode
{
	const char *operator;
	const char *input[ONNX_MAX_INPUTS];
	const char *output[ONNX_MAX_OUTPUTS];
	OnnxAttribute attribute[ONNX_MAX_ATTRIBUTES];
} OnnxNode;

typedef struct OnnxShape
{
	int			dimensions;		/* 0: one number */
	int64		size[ONNX_MAX_DIMENSIONS];
	const char *name[ONNX_MAX_DIMENSIONS];	/* not NULL: of any size, which is called so */
} OnnxShape;

/* A file that is being written; one graph. */
typedef struct OnnxFile
{
	StringInfoData bytes;
	int			graph;			/* where its length goes */
} OnnxFile;

/* Begin; graph: its name.  The bytes begin with room for the header of a bytea. */
extern void onnx_begin(OnnxFile *file, const char *graph, Size expected_bytes);

/* What somebody should know who has the file alone; after the graph. */
extern void onnx_end(OnnxFile *file, int count, const char *const key[], const char *const value[]);

extern void onnx_node(OnnxFile *file, const OnnxNode *node);

extern void onnx_input(OnnxFile *file, const char *name, OnnxType type, const OnnxShape *shape);
extern void onnx_output(OnnxFile *file, const char *name, OnnxType type, const OnnxShape *shape);

/* Constants. */
extern void onnx_floats(OnnxFile *file, const char *name, const OnnxShape *shape,
						const float *values);
extern void onnx_integers(OnnxFile *file, const char *name, const OnnxShape *shape,
						  const int64 *values);

#endif							/* RECSEQ_ONNX_FILE_H */
