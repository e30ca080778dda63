// The settings of the reservation service: the one place that reads its environment.

import { integer, readConfig, secret, str, url } from "#shared/config";
import { serviceSpecs } from "#shared/service";

/** Returns the settings in `env`. Throws ConfigError. */
export function readReservationConfig(env: NodeJS.ProcessEnv) {
  return readConfig(env, {
    ...serviceSpecs,
    DATABASE_URL: url({ desc: "Postgres, as the role boxoffice_reservation" }),
    DATABASE_POOL_MAX: integer(1, 200)({ default: 10, desc: "most connections to Postgres" }),
    BATCH_ITEMS_MAX: integer(1, 500)({ default: 500, desc: "most reservations made in one batch" }),
    BATCHES_IN_FLIGHT_MAX: integer(1, 100)({ default: 4, desc: "most such batches at once" }),
    INVENTORY_TARGET: str({ desc: "host:port of inventory" }),
    PAYMENT_TARGET: str({ desc: "host:port of payment" }),
    INVENTORY_TIMEOUT_MS: integer(
      10,
      60_000,
    )({ default: 2_000, desc: "milliseconds for one call of a saga to inventory" }),
    PAYMENT_TIMEOUT_MS: integer(10, 60_000)({ default: 5_000, desc: "milliseconds for one call of a saga to payment" }),
    REDIS_URL: url({ desc: "Redis, where events are published" }),
    EVENTS_STREAM: str({ default: "boxoffice:events", desc: "name of the Redis stream" }),
    EVENTS_STREAM_LENGTH_MAX: integer(
      1,
      10_000_000,
    )({ default: 100_000, desc: "about how many events the stream keeps" }),
    SAGAS_MAX: integer(1, 100_000)({ default: 2_000, desc: "most checkouts that run at once in this process" }),
    RECONCILER_SAGAS_MAX: integer(1, 10_000)({ default: 100, desc: "most abandoned bookings carried on at once" }),
    RECONCILER_INTERVAL_MS: integer(
      10,
      60_000,
    )({ default: 500, desc: "milliseconds between looks for abandoned bookings" }),
    SAGA_LEASE_MS: integer(
      10,
      600_000,
    )({
      default: 3_000,
      desc: "milliseconds until others carry on with the bookings of a process that died",
    }),
    ACTION_POLL_MS: integer(
      10,
      600_000,
    )({
      default: 15_000,
      desc: "milliseconds between looks at a booking whose customer has to act at the provider's page",
    }),
    TICKET_SECRET: secret({ desc: "the key that signs tickets is derived from it; 32 characters or more" }),
    SWEEPER_INTERVAL_MS: integer(10, 60_000)({ default: 1_000, desc: "milliseconds between looks for lapsed holds" }),
    RELAY_INTERVAL_MS: integer(10, 60_000)({ default: 200, desc: "milliseconds between looks at the outbox" }),
  });
}

/** The settings, read. */
export type ReservationConfig = ReturnType<typeof readReservationConfig>;
