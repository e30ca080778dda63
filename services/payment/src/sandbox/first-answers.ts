// Idempotency keys: the first answer to a key is the answer to it from then on.

import { failed, type Answer } from "./answer.ts";
import { BoundedMap } from "./bounded-map.ts";

/** Keeps the first answers. */
export type FirstAnswers = {
  /**
   * Returns what `act` answers the first time that a key comes, and the same again, marked so, after that; 422 where the key
   * comes with another request.
   */
  answer(key: string, request: object, act: () => Answer): Answer;
};

/** Returns a memory of the latest `keysMax` keys. */
export function createFirstAnswers(keysMax: number): FirstAnswers {
  const known = new BoundedMap<string, { fingerprint: string; answer: Answer }>(keysMax);
  return {
    answer(key, request, act) {
      const fingerprint = JSON.stringify(request);
      const first = known.get(key);
      if (first) {
        return first.fingerprint === fingerprint
          ? { ...first.answer, replayed: true }
          : failed(422, "idempotency_key_reused");
      }
      const answer = act();
      known.set(key, { fingerprint, answer });
      return answer;
    },
  };
}
