// Stands in for the reservation service where the edge is measured alone: whatever is asked for is held at once.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import {
  CreateReservationsResponseSchema,
  ReservationState,
  type CreateReservationsRequest,
  type CreateReservationsResponse,
} from "#gen/boxoffice/reservation/v1/reservation";
import { grpcServiceDefinition, ReservationService } from "#stubs";

const seats = [
  { row: "1", number: 1 },
  { row: "1", number: 2 },
];
const unitPrice = { currencyCode: "EUR", amountMinor: 2_500n };

const server = new Server();
server.addService(grpcServiceDefinition(ReservationService), {
  createReservations(
    call: ServerUnaryCall<CreateReservationsRequest, CreateReservationsResponse>,
    reply: sendUnaryData<CreateReservationsResponse>,
  ) {
    reply(null, create(CreateReservationsResponseSchema, { outcomes: call.request.commands.map(outcomeOf) }));
  },
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(JSON.stringify({ ports: { grpc: port } }));
});
process.on("SIGTERM", () => process.exit(0));

type Command = CreateReservationsRequest["commands"][number];
type Outcomes = NonNullable<MessageInitShape<typeof CreateReservationsResponseSchema>["outcomes"]>;

function outcomeOf({ eventId, reservationId, customerId, areaId }: Command): Outcomes[number] {
  const now = Date.now();
  return {
    outcome: {
      case: "reservation",
      value: {
        ...{ eventId, reservationId, customerId, areaId, seats, unitPrice },
        state: ReservationState.HELD,
        quantity: seats.length,
        createTime: timestampFromMs(now),
        holdExpireTime: timestampFromMs(now + 600_000),
      },
    },
  };
}
