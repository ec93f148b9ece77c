const { reporters } = require('mocha');

/** The reason that `skipBecause` left on a pending test or on a suite around it. */
function skipReason(test) {
  for (let at = test; at !== undefined; at = at.parent) {
    if (at.skipReason !== undefined) {
      return at.skipReason;
    }
  }
  return 'no reason given';
}

/** Mocha's own spec report; then the pending tests with their reasons; then, as the very last line, `N passed, N failed`. */
class SummaryReporter extends reporters.Spec {
  #pending = [];

  constructor(runner, options) {
    super(runner, options);
    runner.on('pending', (test) => this.#pending.push(test));
  }

  epilogue() {
    super.epilogue();
    for (const test of this.#pending) {
      console.log(`skipped: ${test.fullTitle()}: ${skipReason(test)}`);
    }
    const { passes, failures } = this.stats;
    const skipped = this.#pending.length > 0 ? `, ${this.#pending.length} skipped` : '';
    console.log(`${passes} passed, ${failures} failed${skipped}`);
  }
}

module.exports = SummaryReporter;
