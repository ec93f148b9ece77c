const { reporters } = require('mocha');

/** How long the process may take to end by itself once the last test is done, in milliseconds. */
const QUIET_WITHIN_MS = 10_000;

/** The reason that `skipBecause` left on a pending test or on a suite around it. */
function skipReason(test) {
  for (let at = test; at !== undefined; at = at.parent) {
    if (at.skipReason !== undefined) {
      return at.skipReason;
    }
  }
  return 'no reason given';
}

/** Of an error, or of whatever else was thrown. */
function firstLine(error) {
  return String(error?.message ?? error).split('\n', 1)[0];
}

/**
 * Mocha's own spec report; then the pending tests with their reasons and once more the failed ones, so that the end of a
 * long log names them; then, as the very last line, `N passed, N failed`.
 *
 * What a test leaves open (a server, a timer) keeps the process from ending. It is named and counts as a failure; the run
 * does not hang.
 */
class SummaryReporter extends reporters.Spec {
  #pending = [];
  #failed = [];

  constructor(runner, options) {
    super(runner, options);
    runner.on('pending', (test) => this.#pending.push(test));
    runner.on('fail', (test, error) => this.#failed.push(`${test.fullTitle()}: ${firstLine(error)}`));
  }

  epilogue() {
    super.epilogue();
    const summarize = () => this.#summarize(0);
    process.once('beforeExit', summarize);
    setTimeout(() => {
      process.removeListener('beforeExit', summarize);
      const open = process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe)Wrap$/.test(name));
      this.#failed.push(`a test left something open that keeps the process alive: ${open.join(', ')}`);
      this.#summarize(1);
      // Behind mocha's own listener, which sets the status from the failures that it knows.
      process.once('exit', () => {
        process.exitCode = Math.max(1, this.stats.failures);
      });
      process.exit();
    }, QUIET_WITHIN_MS).unref();
  }

  #summarize(more) {
    for (const test of this.#pending) {
      console.log(`skipped: ${test.fullTitle()}: ${skipReason(test)}`);
    }
    for (const failed of this.#failed) {
      console.log(`failed: ${failed}`);
    }
    const { passes, failures } = this.stats;
    const skipped = this.#pending.length > 0 ? `, ${this.#pending.length} skipped` : '';
    console.log(`${passes} passed, ${failures + more} failed${skipped}`);
  }
}

module.exports = SummaryReporter;
