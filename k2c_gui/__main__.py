"""``python -m k2c_gui``: the same as ``k2c``."""

from .cli import main

if __name__ == "__main__":
    main()
