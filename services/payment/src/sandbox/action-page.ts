// The page where the sandbox's customers prove who they are, as a bank's page does in 3-D Secure. Two buttons.

import type { Authorization } from "./authorization.ts";

/** Returns the page of an authorisation, in HTML. */
export function actionPage({ reference, amount, currency, status }: Authorization): string {
  const price = `${(amount / 100).toFixed(2)} ${currency}`;
  const body =
    status === "requires_action"
      ? `<p>Do you want to pay ${price}?</p>
<form method="post" action="/actions/${reference}/complete"><button>Yes, it is me</button></form>
<form method="post" action="/actions/${reference}/fail"><button>No</button></form>`
      : `<p>This payment is ${status}. Go back to the shop, which sends its checkout again.</p>`;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sandbox bank</title><h1>Sandbox bank</h1>
${body}
</html>
`;
}
