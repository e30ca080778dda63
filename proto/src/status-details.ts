// Errors on the wire of gRPC: a google.rpc.Status in the trailer `grpc-status-details-bin`, a ConnectError in the code.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { StatusSchema } from "./gen/google/rpc/status_pb.ts";

const detailsKey = "grpc-status-details-bin";

/** What grpc-js wants from a failing server handler. */
export type GrpcStatus = { code: number; details: string; metadata: Metadata };

/** Maps an error to a gRPC status with its typed details. Whatever is not a ConnectError becomes INTERNAL without its text. */
export function grpcStatusFromError(error: unknown): GrpcStatus {
  const known = error instanceof ConnectError ? error : new ConnectError("internal error", Code.Internal);
  const metadata = new Metadata();
  if (known.details.length > 0) {
    const status = create(StatusSchema, {
      code: known.code,
      message: known.rawMessage,
      details: known.details.map((detail) =>
        "desc" in detail
          ? anyPack(detail.desc, create(detail.desc, detail.value))
          : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
      ),
    });
    metadata.set(detailsKey, Buffer.from(toBinary(StatusSchema, status)));
  }
  return { code: known.code, details: known.rawMessage, metadata };
}

/** Maps a failed grpc-js call to a ConnectError with the server's typed details. */
export function errorFromGrpcStatus(error: ServiceError): ConnectError {
  const result = new ConnectError(error.details, error.code as number, undefined, undefined, error);
  for (const value of error.metadata?.get(detailsKey) ?? []) {
    if (!Buffer.isBuffer(value)) continue;
    try {
      const status = fromBinary(StatusSchema, value);
      result.details = status.details.map((any) => ({
        type: any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1),
        value: any.value,
      }));
    } catch {
      // A malformed trailer says nothing more than the code does.
    }
  }
  return result;
}
