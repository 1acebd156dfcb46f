"""``make bench``: ipfo beside keepalived and UCarp, in one lab, in turn. As root.

Prints each table as it is done, and keeps all of them in a file from which the page of figures is
made. TABLES chooses some, and what the others gave before stays; without it, all begin anew.
"""

import argparse
import json
import signal
import sys
from pathlib import Path

from tests.bench.arena import FAILURES, Trials
from tests.bench.page import line, page, targets_table
from tests.bench.tables import TABLES, kernel_and_versions
from tests.house import made_parts
from tests.house.made_parts import FIGURES

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.testing.lab import Lab


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kept", type=Path, help="where figures are kept")
    parser.add_argument("--tables", nargs="*", choices=[*TABLES], help="these, beside what is kept")
    parser.add_argument("--trials", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=40, help="no trial begins later")
    parser.add_argument("--page", action="store_true", help="write docs/explanation/figures.md")
    given = parser.parse_args()
    goes_on = given.tables and given.kept.exists()
    kept = json.loads(given.kept.read_text()) if goes_on else {"tables": {}}
    kept["on"] = kernel_and_versions()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is taken away
    trials = Trials(given.trials, Instant(clock.now() + int(given.minutes * 60 * SECOND)))
    with Lab.open("bench") as lab:
        for name in given.tables or TABLES:
            sys.stdout.write(f"\n{TABLES[name].__doc__}\n")
            try:
                table = TABLES[name](lab, trials)
            except FAILURES as error:
                sys.stderr.write(f"  not measured: {type(error).__name__}: {error}\n")
                continue
            for case, row in table.items():
                for rival, figures in row.items():
                    sys.stdout.write(f"  {case:32} {rival:20} {line(figures)}\n")
            sys.stdout.flush()
            kept["tables"][name] = table
            given.kept.write_text(json.dumps(kept))
    sys.stdout.write(f"\n{targets_table(kept['tables'])}\n")
    if given.page:
        FIGURES.write_text(page(kept))
        made_parts.main()  # the README quotes it


if __name__ == "__main__":
    main()
