// Why a provider says no. The list is closed, so that pages and metrics can rely on it; providers' own words stay out.

const reasons = [
  "card_declined",
  "insufficient_funds",
  "expired_card",
  "authentication_required",
  "fraud_suspected",
  "invalid_token",
  "currency_not_supported",
  "authorization_expired",
  "authorization_voided",
  "other",
] as const;

export type DeclineReason = (typeof reasons)[number];

/** Returns the reason that a provider's code stands for; `other` for what is not on the list. */
export function declineReasonFrom(code: unknown): DeclineReason {
  return reasons.find((reason) => reason === code) ?? "other";
}
