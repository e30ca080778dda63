// Lets web pages of the configured origins call the API.

import { cors as connectHeaders } from "@connectrpc/connect";
import cors from "cors";
import type { HttpRequest } from "./read-body.ts";
import type { HttpResponse } from "./replies.ts";

/** Sets the CORS headers of a response. Returns true for preflight requests, which it answers itself. */
export type Cors = (request: HttpRequest, response: HttpResponse) => boolean;

const preflightMaxAgeSeconds = 7_200;

/** Allows these origins; `*` allows all. Sessions travel in a header, never in cookies, so credentials mode stays off. */
export function createCors(origins: string[]): Cors {
  const apply = cors({
    origin: origins.includes("*") ? "*" : origins,
    methods: [...connectHeaders.allowedMethods],
    allowedHeaders: [...connectHeaders.allowedHeaders, "authorization"],
    exposedHeaders: [...connectHeaders.exposedHeaders, "retry-after"],
    maxAge: preflightMaxAgeSeconds,
  });
  return (request, response) => {
    // Answers to GET may be cached, so they must say that they vary even when no origin was sent.
    if (request.headers.origin === undefined && request.method !== "GET") return false;
    let passed = false;
    apply(request as never, response as never, () => (passed = true));
    return !passed;
  };
}
