// How JSON is read and written, the same on both ways.

/** A misspelt field or an unknown enum value is told to the client, instead of being taken for "not set". */
export const jsonReadOptions = { ignoreUnknownFields: false };

/** Zeros and empty lists are written out, for clients that read JSON without the schema. */
export const jsonWriteOptions = { alwaysEmitImplicit: true };
