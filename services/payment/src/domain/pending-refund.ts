// Refunds that the provider has made and not finished: a bank takes days for some, and an account without enough money has
// to be filled first. Asking often makes none of them faster.

/** Why a refund is pending; the first three are Stripe's words. `customer`: it waits for something that the customer has to do. */
export const pendingCauses = ["processing", "insufficient_funds", "charge_pending", "customer", "other"] as const;

export type PendingCause = (typeof pendingCauses)[number];

/** Milliseconds until a refund that was just found pending is asked about again. After that, as long as it has been pending. */
export const pendingFirstMs = 10_000;

/** The longest such pause: from 10 s it doubles to this. */
export const pendingLongestMs = 3_600_000;

/**
 * Days after which a person should look. Banks take five to ten working days; Stripe gives one up after 45 days.
 * https://support.stripe.com/questions/customer-refund-processing-time, …/fix-your-pending-refund
 */
export const pendingDaysMax = 14;
