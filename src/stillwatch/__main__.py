"""Run the command line with `python -m stillwatch`."""

from stillwatch.cli import main

if __name__ == "__main__":
    main()
