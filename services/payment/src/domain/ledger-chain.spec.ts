import assert from "node:assert/strict";
import fc from "fast-check";
import {
  findBreak,
  genesis,
  sealTransactions,
  type FoundLink,
  type LedgerEntry,
  type LedgerTransaction,
} from "./ledger-chain.ts";

describe("the ledger's chain", () => {
  it("is whole as it was sealed, in one go or in several", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(30), (first, second) => {
        const transactions = transactionsOf(first + second);
        const head = sealTransactions(genesis, transactions.slice(0, first)).at(-1) ?? genesis;
        const parts = [...sealTransactions(genesis, transactions.slice(0, first))];
        parts.push(...sealTransactions(head, transactions.slice(first)));
        assert.deepEqual(parts, sealTransactions(genesis, transactions));
        assert.equal(breakOf(chainOf(first + second)), undefined);
      }),
    );
  });

  it("has hashes that anybody can compute again", () => {
    const [link] = sealTransactions(genesis, transactionsOf(1));
    // printf '["boxoffice.ledger.1","event","payment-1","capture","stalls",1,[["provider_receivable","EUR","5"],["ticket_sales","EUR","-5"]]]' | sha256sum
    assert.equal(link!.contentHash, contentHashOfFirst);
    // The bytes of 64 zeros and of that hash: printf '0…' | xxd -r -p | sha256sum
    assert.equal(link!.hash, hashOfFirst);
  });

  it("names the first link of which anything was changed, whatever it was", () => {
    const changes: ((transaction: LedgerTransaction) => LedgerTransaction)[] = [
      (transaction) => ({ ...transaction, eventId: "other" }),
      (transaction) => ({ ...transaction, areaId: "other" }),
      (transaction) => ({ ...transaction, kind: "refund" }),
      (transaction) => ({ ...transaction, createdAtUs: transaction.createdAtUs + 1 }),
      (transaction) => ({ ...transaction, entries: [] }),
      (transaction) => ({ ...transaction, entries: entriesOf("6", "-6") }),
      (transaction) => ({ ...transaction, entries: entriesOf("5", "-4") }),
      (transaction) => ({ ...transaction, entries: [...transaction.entries, ["provider_fees", "EUR", "0"]] }),
    ];
    for (const change of changes) {
      const chain = chainOf(6);
      for (const at of [5, 2]) chain[at] = { ...chain[at]!, transaction: change(chain[at]!.transaction!) };
      assert.equal(breakOf(chain), "altered 3");
    }
  });

  it("names a link whose own hashes were changed", () => {
    for (const field of ["hash", "contentHash", "previousHash"] as const) {
      const chain = chainOf(6);
      chain[3] = { ...chain[3]!, [field]: "f".repeat(64) };
      assert.equal(breakOf(chain), "altered 4");
    }
  });

  it("names a transaction that is gone, and a link that is gone, renumbered or not", () => {
    const robbed = chainOf(6);
    robbed[1] = { ...robbed[1]!, transaction: undefined };
    assert.equal(breakOf(robbed), "missing 2");
    const holed = chainOf(6);
    holed.splice(2, 1);
    assert.equal(breakOf(holed), "missing 3");
    assert.equal(breakOf(renumbered(holed)), "missing 3");
    assert.equal(breakOf(renumbered(chainOf(6).slice(1))), "missing 1");
  });

  it("names the first of two links that changed places", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(7), { minLength: 2, maxLength: 2 }), ([one, other]) => {
        const chain = chainOf(8);
        [chain[one!], chain[other!]] = [chain[other!]!, chain[one!]!];
        assert.equal(breakOf(renumbered(chain)), `reordered ${Math.min(one!, other!) + 1}`);
      }),
    );
  });

  it("names a link that was put in between, whether it pretends to follow the one before or not", () => {
    const [stranger] = sealTransactions(genesis, [{ ...transactionsOf(1)[0]!, paymentId: "stranger" }]);
    const loose = chainOf(6);
    loose.splice(3, 0, { ...foundFrom(stranger!), ...forged("e".repeat(64)) });
    assert.equal(breakOf(renumbered(loose)), "inserted 4");
    const fitting = chainOf(6);
    fitting.splice(3, 0, { ...foundFrom(stranger!), ...forged(fitting[2]!.hash) });
    // Two links follow the third now: the chain breaks at the second of them.
    assert.equal(breakOf(renumbered(fitting)), "inserted 5");
  });

  it("names what was sealed although it does not add up, in any currency", () => {
    const bad: LedgerEntry[][] = [
      [...entriesOf("5", "-4")],
      [],
      [
        ["provider_receivable", "EUR", "5"],
        ["ticket_sales", "USD", "-5"],
      ],
    ];
    for (const entries of bad) {
      const transactions = transactionsOf(4);
      transactions[2] = { ...transactions[2]!, entries };
      assert.equal(breakOf(foundChain(transactions)), "unbalanced 3");
    }
  });

  it("looks at no more links than it was asked to", () => {
    const chain = chainOf(6);
    chain[4] = { ...chain[4]!, transaction: undefined };
    assert.equal(findBreak(chain, { after: genesis, count: 4 }), undefined);
    assert.equal(findBreak(chain, { after: genesis, count: 5 })?.link, 5);
  });
});

const contentHashOfFirst = "a19e5ede438ab5f621f737da942d2ea038c48a9d2d8fac8ab5652c6e476d0cf4";
const hashOfFirst = "2c3abbeaa39b16f88300389ba74103bcb020eb51ee3d994c41fba9d541f0311d";

function breakOf(chain: FoundLink[]): string | undefined {
  const broken = findBreak(chain, { after: genesis, count: chain.length });
  return broken && `${broken.kind} ${broken.link}`;
}

function entriesOf(debit: string, credit: string): LedgerEntry[] {
  return [
    ["provider_receivable", "EUR", debit],
    ["ticket_sales", "EUR", credit],
  ];
}

function transactionsOf(count: number): LedgerTransaction[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ eventId: "event", paymentId: `payment-${index + 1}`, kind: "capture", reference: "", areaId: "stalls" },
    createdAtUs: index + 1,
    entries: entriesOf("5", "-5"),
  }));
}

function chainOf(count: number): FoundLink[] {
  return foundChain(transactionsOf(count));
}

function foundChain(transactions: LedgerTransaction[]): FoundLink[] {
  return sealTransactions(genesis, transactions).map((link, index) => ({
    ...link,
    sealedAfter: index,
    transaction: transactions[index],
  }));
}

function foundFrom(link: ReturnType<typeof sealTransactions>[number]): FoundLink {
  return { ...link, sealedAfter: undefined, transaction: { ...transactionsOf(1)[0]!, paymentId: "stranger" } };
}

/** A link's hashes as somebody would compute them who wants it to follow `previousHash`. */
function forged(previousHash: string): Pick<FoundLink, "previousHash" | "contentHash" | "hash"> {
  const [link] = sealTransactions({ link: 0, hash: previousHash }, [
    { ...transactionsOf(1)[0]!, paymentId: "stranger" },
  ]);
  return { previousHash, contentHash: link!.contentHash, hash: link!.hash };
}

/** Numbers links anew, from 1, as they stand, and says which of them each was sealed after. */
function renumbered(chain: FoundLink[]): FoundLink[] {
  const numbers = new Map([[genesis.hash, 0], ...chain.map(({ hash }, index) => [hash, index + 1] as const)]);
  return chain.map((link, index) => ({ ...link, link: index + 1, sealedAfter: numbers.get(link.previousHash) }));
}
