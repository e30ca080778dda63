// Mocha's spec reporter, which also leaves its counts for test/run.ts.

import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      const file = process.env["TEST_COUNTS_FILE"];
      if (file) writeFileSync(file, JSON.stringify({ passes, failures, pending }));
    });
  }
}
