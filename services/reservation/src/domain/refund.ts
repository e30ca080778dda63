// A refund that an organiser asks for, and what its id answers when it is repeated.

/** A refund as it is asked for. Its id is the caller's. */
export type RefundRequest = {
  eventId: string;
  reservationId: string;
  refundId: string;
  reason: string;
  /** The seats are kept from sale. */
  keepBlocked: boolean;
  /** Who asks. */
  requestedBy: string;
};

/** A refund as it was asked for. */
export type Refund = RefundRequest & { createdAt: Date };

/** True where `request` asks again for `refund`. Who asks makes no difference: organisers take over from one another. */
export function isRepeat(refund: Refund, request: RefundRequest): boolean {
  return (
    refund.reservationId === request.reservationId &&
    refund.reason === request.reason &&
    refund.keepBlocked === request.keepBlocked
  );
}
