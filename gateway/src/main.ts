import { runProcess, startProcess } from "#shared/process";
import { readGatewayConfig } from "./config.ts";
import { buildGateway } from "./gateway.ts";

await runProcess("gateway", readGatewayConfig, (config) => startProcess("gateway", config, buildGateway));
