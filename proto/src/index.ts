// Typed clients of Boxoffice's services, and every message they take and give. What a program imports from the package.

export { Code, ConnectError } from "@connectrpc/connect";
export * from "./gen/boxoffice/common/v1/invariant_pb.ts";
export * from "./gen/boxoffice/common/v1/layout_pb.ts";
export * from "./gen/boxoffice/common/v1/money_pb.ts";
export * from "./gen/boxoffice/common/v1/refusal_pb.ts";
export * from "./gen/boxoffice/common/v1/story_pb.ts";
export { InventoryService } from "./gen/boxoffice/inventory/v1/inventory_pb.ts";
export { PaymentService } from "./gen/boxoffice/payment/v1/payment_pb.ts";
export { ReservationService } from "./gen/boxoffice/reservation/v1/reservation_pb.ts";
export { TicketService } from "./gen/boxoffice/reservation/v1/ticket_pb.ts";
export { codecOf, type Codec } from "./codec/codec.ts";
export { createGrpcClient, grpcServiceDefinition, type CallOptions, type GrpcClient, type UnaryCall } from "./grpc.ts";
export { errorFromGrpcStatus, grpcStatusFromError, type GrpcStatus } from "./status-details.ts";
