// `make migrate`: brings the database of DATABASE_URL (its owner's) to the newest version. ROLE_PASSWORD becomes the password
// of the services' roles, in all databases of that server.

import { makeValidator } from "envalid";
import { ConfigError, readConfig, str } from "#shared/config";
import { checkPostgres } from "./external.ts";
import { migrateAll, roleNames } from "./schemas.ts";
import { StackError } from "./stack-error.ts";

const passwordLengthMin = 16;
const roles = new Intl.ListFormat("en").format(roleNames);

// Its value never appears in a message.
const rolePassword = makeValidator<string>((input) => {
  if (input.length < passwordLengthMin) throw new Error(`must have at least ${passwordLengthMin} characters`);
  return input;
});

try {
  const { DATABASE_URL, ROLE_PASSWORD } = readConfig(process.env, {
    DATABASE_URL: str({ desc: "the owner's connection string" }),
    ROLE_PASSWORD: rolePassword({ desc: `password of the roles ${roles}` }),
  });
  await checkPostgres(DATABASE_URL);
  console.log(`giving ${roles} the password of ROLE_PASSWORD, in all databases of this server`);
  const applied = await migrateAll(DATABASE_URL, ROLE_PASSWORD, console.log);
  for (const name of applied) console.log(`applied ${name}`);
  console.log(applied.length > 0 ? `${applied.length} migrations applied` : "the database is up to date");
} catch (error) {
  const explained = error instanceof StackError || error instanceof ConfigError;
  console.error(explained ? `make migrate: ${error.message}` : error);
  process.exitCode = 1;
}
