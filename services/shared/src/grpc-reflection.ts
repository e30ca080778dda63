// gRPC server reflection, version 1, written from the generated descriptors. @grpc/reflection loses the dependencies of
// descriptors, so that `buf curl` fails on it.
// Source: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md

import { create, createRegistry, toBinary, fromBinary, type DescFile, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { status, type Server, type ServerDuplexStream } from "@grpc/grpc-js";
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "#gen/grpc/reflection/v1/reflection";

type Answer = ServerReflectionResponse["messageResponse"];

/** Adds the reflection service for `services` to a server. */
export function addReflection(server: Server, services: DescService[]): void {
  const registry = createRegistry(...services.map((service) => service.file));
  const files = new Map<string, DescFile>();
  for (const service of services) collectFiles(service.file, files);

  const answerTo = ({ messageRequest }: ServerReflectionRequest): Answer => {
    switch (messageRequest.case) {
      case "listServices":
        return listOf(services);
      case "fileByFilename":
        return fileAnswer(files.get(messageRequest.value.replace(/\.proto$/, "")));
      case "fileContainingSymbol":
        return fileAnswer(fileOfSymbol(registry, messageRequest.value));
      default:
        return errorAnswer(status.UNIMPLEMENTED, "proto3 services have no extensions");
    }
  };

  server.addService(
    {
      serverReflectionInfo: {
        path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        requestStream: true,
        responseStream: true,
        requestSerialize: (message: ServerReflectionRequest) =>
          Buffer.from(toBinary(ServerReflectionRequestSchema, message)),
        requestDeserialize: (bytes: Buffer) => fromBinary(ServerReflectionRequestSchema, bytes),
        responseSerialize: (message: ServerReflectionResponse) =>
          Buffer.from(toBinary(ServerReflectionResponseSchema, message)),
        responseDeserialize: (bytes: Buffer) => fromBinary(ServerReflectionResponseSchema, bytes),
      },
    },
    {
      serverReflectionInfo: (call: ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>) => {
        call.on("data", (originalRequest: ServerReflectionRequest) =>
          call.write(
            create(ServerReflectionResponseSchema, {
              validHost: originalRequest.host,
              originalRequest,
              messageResponse: answerTo(originalRequest),
            }),
          ),
        );
        call.on("end", () => call.end());
      },
    },
  );
}

function listOf(services: DescService[]): Answer {
  const service = services.map(({ typeName }) => ({ name: typeName }));
  return create(ServerReflectionResponseSchema, {
    messageResponse: { case: "listServicesResponse", value: { service } },
  }).messageResponse;
}

// A file goes out with everything that it imports: clients may then skip asking for those one by one.
function fileAnswer(file: DescFile | undefined): Answer {
  if (!file) return errorAnswer(status.NOT_FOUND, "no such file or symbol");
  const files = new Map<string, DescFile>();
  collectFiles(file, files);
  const fileDescriptorProto = [...files.values()].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return create(ServerReflectionResponseSchema, {
    messageResponse: { case: "fileDescriptorResponse", value: { fileDescriptorProto } },
  }).messageResponse;
}

function errorAnswer(errorCode: number, errorMessage: string): Answer {
  return create(ServerReflectionResponseSchema, {
    messageResponse: { case: "errorResponse", value: { errorCode, errorMessage } },
  }).messageResponse;
}

function fileOfSymbol(registry: ReturnType<typeof createRegistry>, symbol: string): DescFile | undefined {
  const desc = registry.get(symbol);
  if (desc) return desc.file;
  const dot = symbol.lastIndexOf(".");
  const service = registry.getService(symbol.slice(0, Math.max(dot, 0)));
  return service?.methods.some((method) => method.name === symbol.slice(dot + 1)) ? service.file : undefined;
}

function collectFiles(file: DescFile, into: Map<string, DescFile>): void {
  if (into.has(file.name)) return;
  into.set(file.name, file);
  for (const dependency of file.dependencies) collectFiles(dependency, into);
}
