// Card numbers are kept out: whoever stores one, even hashed, answers for it under PCI DSS.

const digitsOnly = /^[0-9]{12,19}$/;

/**
 * True for what looks like a card number: 12 to 19 digits, with spaces or hyphens between them or not, that pass the check
 * of ISO/IEC 7812-1 (Luhn's).
 */
export function isLikeCardNumber(text: string): boolean {
  const digits = text.replaceAll(/[ -]/g, "");
  return digitsOnly.test(digits) && luhnSum(digits) % 10 === 0;
}

// From the right, every second digit counts twice, and of what then has two digits both count.
function luhnSum(digits: string): number {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits[digits.length - 1 - place]);
    const twice = digit * 2;
    sum += place % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice;
  }
  return sum;
}
