import type { Handler } from "#shared/grpc-server";
import { timestampInit } from "#shared/timestamps";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import type { Keyring } from "../keyring.ts";

/** Returns the handler of GetVerificationKeys. */
export function getVerificationKeys({
  keyring,
}: {
  keyring: Keyring;
}): Handler<(typeof TicketService)["method"]["getVerificationKeys"]> {
  return async () => ({
    keys: (await keyring.publicKeys()).map(({ keyId, publicKey, createdAt, retiredAt }) => ({
      keyId,
      publicKey: Buffer.from(publicKey, "hex"),
      createTime: timestampInit(createdAt),
      ...(retiredAt ? { retireTime: timestampInit(retiredAt) } : {}),
    })),
  });
}
