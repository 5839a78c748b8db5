"""The command `mindgap`: replaces this Python by the program of the package."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from ._program import ProgramError, find


def main() -> NoReturn:
    """Starts the program with the arguments of the command line. It keeps the process, its signals and exit code."""
    try:
        program = find()
        os.execve(program.path, [str(program.path), *sys.argv[1:]], program.environment)
    except (ProgramError, OSError) as error:
        print(f"mindgap: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
