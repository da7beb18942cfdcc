"""`python -m clinometer`: the command line."""

from clinometer.cli import main

if __name__ == "__main__":
    main()
