import type { HttpRequest } from "./read-body.ts";

/** True for requests of gRPC and gRPC-Web, whatever their messages are written in. */
export function isGrpc({ headers }: HttpRequest): boolean {
  return headers["content-type"]?.startsWith("application/grpc") ?? false;
}
