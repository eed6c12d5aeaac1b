"""`python -m distillery` is the `distill` command."""

from distillery.cli import app

if __name__ == "__main__":
    app(prog_name="distill")
