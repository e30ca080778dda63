import { runService } from "#shared/service";
import { buildReservation } from "./build.ts";
import { readReservationConfig } from "./config.ts";

await runService("reservation", readReservationConfig, buildReservation);
