"""``python -m trainshed.cli``."""

from trainshed.cli import main

if __name__ == "__main__":
    main()
