"""`python -m beattrack` is the command `beattrack`."""

from beattrack.cli import main

if __name__ == "__main__":
    main(prog_name="beattrack")
