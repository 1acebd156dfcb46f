"""``python -m ipfo`` is the command ``ipfo``."""

from ipfo.cli import main

if __name__ == "__main__":
    main(prog_name="ipfo")
