"""Lets the module be found where it is not installed: in ipfo's own run of these tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "src"))
