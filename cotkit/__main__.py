"""`python -m cotkit`."""

from cotkit.cli.app import main

if __name__ == "__main__":
    main()
