// `make migrate`: brings the database of DATABASE_URL (its owner's) to the newest version. ROLE_PASSWORD becomes the password
// of the services' roles.

import { ConfigError, readConfig, str } from "#shared/config";
import { checkPostgres } from "./external.ts";
import { migrateAll } from "./schemas.ts";
import { StackError } from "./stack-error.ts";

try {
  const { DATABASE_URL, ROLE_PASSWORD } = readConfig(process.env, {
    DATABASE_URL: str({ desc: "the owner's connection string" }),
    ROLE_PASSWORD: str({ desc: "password of the roles boxoffice_inventory, boxoffice_reservation, boxoffice_payment" }),
  });
  await checkPostgres(DATABASE_URL);
  const applied = await migrateAll(DATABASE_URL, ROLE_PASSWORD, console.log);
  for (const name of applied) console.log(`applied ${name}`);
  console.log(applied.length > 0 ? `${applied.length} migrations applied` : "the database is up to date");
} catch (error) {
  const explained = error instanceof StackError || error instanceof ConfigError;
  console.error(explained ? `make migrate: ${error.message}` : error);
  process.exitCode = 1;
}
