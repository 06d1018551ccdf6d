/*
 * transfer.c
 *	  A version of a model as one value: recseq_export_model and
 *	  recseq_import_model.
 *
 * The value is a header, a description and the version's image, each at a
 * multiple of the arena's alignment.  The description is a JSON object in UTF-8:
 * "encoding", that of the database, in which the texts of the image are, and
 * "version", the row of recseq_version.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "model/model.h"
#include "memory.h"
#include "store/description.h"
#include "store/image.h"
#include "store/versions.h"

#define MAGIC "RECSQX\r\n"		/* shows a transfer that changes line ends */
#define MAGIC_BYTES 8
#define TRANSFER_FORMAT 1		/* raised when older code cannot read it */
#define BYTE_ORDER_MARK 0x01020304

/* What a bytea can hold. */
#define MAX_TRANSFER_BYTES (MaxAllocSize - VARHDRSZ)

typedef struct Header
{
	char		magic[MAGIC_BYTES];
	uint32		format;
	uint32		byte_order;
	uint64		bytes;			/* of it all */
	uint32		description;	/* bytes of the description */
	uint32		checksum;		/* of it all, this field being 0 */
} Header;

/* Where the parts lie, as bytes from the start. */
typedef struct Parts
{
	Size		description;
	Size		image;
	Size		end;
} Parts;

static Parts
find_parts(Size description_bytes, Size image_bytes)
{
	Parts		parts = {0};

	parts.description = arena_align(sizeof(Header));
	parts.image = arena_align(parts.description + description_bytes);
	parts.end = parts.image + image_bytes;
	return parts;
}

static uint32
checksum(Header header, const char *from, Size bytes)
{
	header.checksum = 0;
	return crc32c(crc32c(0, &header, sizeof(header)),
				  from + sizeof(header), bytes - sizeof(header));
}

/* ---------------------------------------------------------------- export */

/* What is stored of a version besides its image, in UTF-8. */
static char *
describe(const Catalog *catalog, int64 id)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"encoding\": ");
	escape_json(&json, GetDatabaseEncodingName());
	appendStringInfo(&json, ", \"version\": %s}", version_describe(catalog, id));
	return pg_server_to_any(json.data, json.len, PG_UTF8);
}

PG_FUNCTION_INFO_V1(recseq_export_model);

/* recseq_export_model(model text, version integer): the version as a bytea. */
Datum
recseq_export_model(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	const char *name;
	int64		id;
	char	   *description;
	Size		image_bytes;
	Image		image;
	Parts		parts = {0};
	bytea	   *result;
	char	   *to;
	Header		header = {.format = TRANSFER_FORMAT, .byte_order = BYTE_ORDER_MARK};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the model must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	id = catalog_find(&catalog, name, catalog_version_argument(fcinfo, 1));
	description = describe(&catalog, id);
	image_bytes = catalog_image_bytes(&catalog, id);
	parts = find_parts(strlen(description), image_bytes);
	if (image_bytes > MAX_TRANSFER_BYTES || parts.end > MAX_TRANSFER_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" is too large to export", name),
				 errdetail("It has %zu MB, and a bytea holds less than %zu MB.",
						   image_bytes / (1024 * 1024),
						   MAX_TRANSFER_BYTES / (1024 * 1024) + 1),
				 errhint("Move it with pg_dump, or replicate the tables of recseq.")));

	image = image_load(&catalog, id);
	result = palloc0(VARHDRSZ + parts.end);
	SET_VARSIZE(result, VARHDRSZ + parts.end);
	to = VARDATA(result);
	memcpy(header.magic, MAGIC, MAGIC_BYTES);
	header.bytes = parts.end;
	header.description = strlen(description);
	memcpy(to + parts.description, description, strlen(description));
	memcpy(to + parts.image, image.bytes, image_bytes);
	header.checksum = checksum(header, to, parts.end);
	memcpy(to, &header, sizeof(header));
	PG_RETURN_BYTEA_P(result);
}

/* ---------------------------------------------------------------- import */

/* Find the parts of an exported model. */
static CodecStatus
read_header(const char *from, Size bytes, Header *header, Parts *parts)
{
	if (bytes < arena_align(sizeof(*header)))
		return CODEC_TRUNCATED;
	memcpy(header, from, sizeof(*header));
	if (memcmp(header->magic, MAGIC, MAGIC_BYTES) != 0)
		return CODEC_NOT_A_MODEL;
	if (header->byte_order != BYTE_ORDER_MARK)
		return CODEC_OTHER_BYTE_ORDER;
	if (header->format > TRANSFER_FORMAT)
		return CODEC_NEWER_FORMAT;
	if (header->bytes != bytes)
		return CODEC_TRUNCATED;
	if (header->checksum != checksum(*header, from, bytes))
		return CODEC_CHECKSUM;
	*parts = find_parts(header->description, 0);
	return parts->image <= bytes ? CODEC_OK : CODEC_INCONSISTENT;
}

PG_FUNCTION_INFO_V1(recseq_import_model);

/* recseq_import_model(image bytea, model text, activate text) -> model, version */
Datum
recseq_import_model(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	Header		header = {0};
	Parts		parts = {0};
	Model		model;
	NewVersion	version;
	bytea	   *value;
	Size		bytes;
	char	   *from;
	TupleDesc	tupdesc;
	Datum		values[2];
	bool		nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the exported model must not be null")));
	value = PG_GETARG_BYTEA_PP(0);
	bytes = VARSIZE_ANY_EXHDR(value);
	from = allocate_aligned(bytes);
	memcpy(from, VARDATA_ANY(value), bytes);
	image_check(read_header(from, bytes, &header, &parts), IMAGE_EXPORTED);
	image_check(codec_read(&model, from + parts.image, bytes - parts.image), IMAGE_EXPORTED);

	version = description_read(from + parts.description, header.description, &model,
							   bytes - parts.image);
	if (!PG_ARGISNULL(1))
		version.model = text_to_cstring(PG_GETARG_TEXT_PP(1));
	version.activate = version_activate_argument(fcinfo, 2);
	version_check_storable(&catalog, version.model, "recseq_import_model()");
	values[1] = Int32GetDatum(version_store(&catalog, &version, from + parts.image,
											bytes - parts.image));
	values[0] = CStringGetTextDatum(version.model);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
