// The payment service, a process of its own.

import { runService } from "#shared/service";
import { buildPayment } from "./build.ts";
import { readPaymentConfig } from "./config.ts";

await runService("payment", readPaymentConfig, buildPayment);
