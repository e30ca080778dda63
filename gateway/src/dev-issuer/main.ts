import { runProcess } from "#shared/process";
import { readIssuerConfig } from "./config.ts";
import { startDevIssuer } from "./start.ts";

await runProcess("dev-issuer", readIssuerConfig, startDevIssuer);
